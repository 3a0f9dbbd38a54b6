"""A job's process gives its work away before it reads what Snakemake wrote for it.

Each script begins with lines of Snakemake's that import a part of it and undo a pickle: more than
a tenth of a second, of which a fork of the warm server has most behind it. So Python's start hands
the work over (``mirage.runtime.warm``), and the lines run in the fork alone.
"""

import os
import sys

_SCRIPTS = os.path.join(".snakemake", "scripts")
_OWN_MIND = b"MIRAGE_WARM"
"""A script that names the switch decides for itself, in its first lines."""


def hand_over() -> None:
    """End this process once a warm fork has done its work; return if it shall do it itself."""
    script = sys.argv[0]
    if not os.path.dirname(os.path.abspath(script)).endswith(os.sep + _SCRIPTS):
        return
    with open(script, "rb") as file:
        if _OWN_MIND in file.read():
            return
    from mirage.runtime import warm

    if not warm.wanted():
        return
    status = warm.hand_over(warm.process_started())
    if status is None:
        os.environ["MIRAGE_WARM"] = "0"  # why was told; the job does not ask again
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # Python's start takes no SystemExit
