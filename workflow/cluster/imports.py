"""The library that jobs import is this checkout's, whatever else is installed."""

import os
from pathlib import Path


def first(scripts: Path) -> None:
    """Put the folder of the scripts before all that jobs would import from otherwise.

    A job's Python looks at PYTHONPATH, then at what is installed, and only then at the folder of
    the scripts, which Snakemake appends: another package named mirage would win.
    """
    others = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    kept = [folder for folder in others if folder and folder != str(scripts)]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(scripts), *kept])
