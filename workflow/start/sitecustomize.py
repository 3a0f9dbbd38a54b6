"""Imported by every Python the workflow starts, before all else: no code from relative paths.

Jobs are handed to the warm server from here.

``import_path.guard`` puts this folder into PYTHONPATH. A ``sitecustomize`` of the machine itself,
which this one hides, is imported as well.
"""

import contextlib
import os
import sys

import early
import import_path

import_path.refuse_relative()

_mine = sys.modules.pop("sitecustomize")
_path = list(sys.path)
_here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [part for part in _path if os.path.abspath(part) != _here]
with contextlib.suppress(ModuleNotFoundError):
    import sitecustomize  # noqa: F401 - the one this file hides
sys.modules["sitecustomize"] = _mine
sys.path[:] = _path

early.hand_over()
