"""Where Python may find code: never in results, data or the folder a process happens to be in.

By default Python looks first in the current folder or the script's own, and Snakemake adds the
folder of the Snakefile and the relative path ``.snakemake/pip-deployments``, which in a job lies
among the results. A file ``torch.py`` there would be a program. The Snakefile calls ``guard``
before anything else, and ``sitecustomize`` beside this file calls ``refuse_relative`` at the start
of every Python that inherits the environment. Few imports, since each start pays for them.
"""

import os
import sys
from collections.abc import Iterable, MutableMapping

_SEARCHED = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
"""Variables in which an empty or relative part means the current folder."""


def guard(root: str, environment: MutableMapping[str, str]) -> None:
    """Keep this process, and all that inherit its environment, from code that lies among files.

    Args:
        root: the repository's top; neither it, nor anything below its ``results``, ``data`` and
            ``assets``, nor the current folder is searched any more.
        environment: ``os.environ``; search paths in it lose the same parts. First of those for
            modules comes the folder of the scripts, which Snakemake would append: any other package
            named mirage would win.
    """
    exactly = set(_names([root, os.getcwd()]))
    below = _names(os.path.join(root, name) for name in ("results", "data", "assets"))

    def allowed(part: str) -> bool:
        return os.path.isabs(part) and not any(
            name in exactly or any(f"{name}/".startswith(f"{folder}/") for folder in below)
            for name in _names([part])
        )

    for name in _SEARCHED:
        if name in environment:
            kept = filter(allowed, environment[name].split(os.pathsep))
            environment[name] = os.pathsep.join(kept)
    ours = [
        os.path.join(os.path.realpath(root), "workflow", "scripts"),
        os.path.dirname(os.path.abspath(__file__)),
    ]
    others = environment.get("PYTHONPATH", "").split(os.pathsep)
    kept = [*ours, *(part for part in others if part not in ("", *ours))]
    environment["PYTHONPATH"] = os.pathsep.join(kept)
    environment["PYTHONSAFEPATH"] = "1"
    sys.path[:] = filter(allowed, sys.path)
    refuse_relative()


def refuse_relative() -> None:
    """Keep this process from importing anything through a relative path, now and later."""
    sys.path[:] = filter(os.path.isabs, sys.path)
    if not any(getattr(hook, "__name__", "") == _nothing_below.__name__ for hook in sys.path_hooks):
        sys.path_hooks.insert(0, _nothing_below)
    for part in [part for part in sys.path_importer_cache if not os.path.isabs(part)]:
        del sys.path_importer_cache[part]


def _names(paths: Iterable[str]) -> list[str]:
    """Each path as it is written and as it really lies."""
    return [name for path in paths for name in (os.path.abspath(path), os.path.realpath(path))]


class _Nothing:
    """A finder that finds nothing."""

    def find_spec(self, name: str, target: object = None) -> None:
        """Find no module."""


def _nothing_below(path: str) -> _Nothing:
    """Path hook: a relative path holds no modules."""
    if os.path.isabs(path):
        raise ImportError
    return _Nothing()
