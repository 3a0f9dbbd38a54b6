"""A job's process gives its work away before it reads what Snakemake wrote for it.

Each script begins with lines of Snakemake's that import a part of it and undo a pickle: more than
a tenth of a second, of which a fork of the warm server has most behind it. So Python's start hands
the work over (``mirage.runtime.warm``), and the lines run in the fork alone.
"""

import os
import sys

_SCRIPTS = os.path.join(".snakemake", "scripts")
_COLD = ("check_assets.py", "fetch_assets.py", "provide_asset.py", "verify.py")
"""Scripts for which a warm start would load what they do not need."""


def hand_over() -> None:
    """End this process once a warm fork has done its work; return if it shall do it itself."""
    folder, name = os.path.split(os.path.abspath(sys.argv[0]))
    # Snakemake puts letters of its own before a script's name.
    if not folder.endswith(os.sep + _SCRIPTS) or name.partition(".")[2] in _COLD:
        return
    from mirage.runtime import warm

    if warm.wanted() and (status := warm.hand_over(warm.process_started())) is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # Python's start takes no SystemExit
