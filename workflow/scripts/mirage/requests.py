"""Why a file that somebody asked for cannot be made, and what to type instead."""

import difflib
import os
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mirage.errors import MirageError
from mirage.study.cells import unreadable
from mirage.visible import listed

_ALIKE = 0.75  # of difflib's ratio; below it suggestions are guesses


@dataclass(frozen=True)
class Requests:
    """What may be asked for, and from where.

    Attributes:
        checkout: the repository.
        folder: of the running scale's results, to which every request is relative.
        scale: the running scale.
        scales: all scales of the configuration.
        makes: whether some rule makes a path.
        known: lists what this scale can make: names of rules, paths below ``folder``.
    """

    checkout: Path
    folder: Path
    scale: str
    scales: Sequence[str]
    makes: Callable[[str], bool]
    known: Callable[[], Collection[str]]

    def refusal(self, asked: str) -> MirageError:
        """Say that nothing makes a request, and what its author may have meant.

        Args:
            asked: a path below ``folder``, absolute, or as the shell completes it
                (``results/demo/report.html``); or what was meant as a rule's name.
        """
        for scale, path in self._below(asked):
            if path == ".":
                return _refused(asked, remedy="name a file in it (report.html), or nothing")
            if scale != self.scale:
                command = f"snakemake {shlex.quote(path)} --config scale={scale}"
                return _refused(
                    asked,
                    f"a path of the scale {self.scale}, below its folder",
                    f"type {command} instead",
                )
            if self.makes(path):
                expected = "a path as it is below the folder of the results"
                return _refused(asked, expected, f"type snakemake {shlex.quote(path)} instead")
            asked = path
        problem = unreadable(asked)
        if problem is not None:
            return _refused(f"{asked}: {problem}")
        known = self.known()
        inside = [name for name in known if name.startswith(f"{asked}/")]
        if inside:
            return _refused(asked, f"a file in this folder: {listed(inside, most=5)}")
        close = difflib.get_close_matches(asked, sorted(_alike(asked, known)), 3, _ALIKE)
        if close:
            return _refused(asked, remedy=f"did you mean {listed(close, joint=' or ')}?")
        expected = "a rule (snakemake --list) or a file below the folder of the results"
        return _refused(
            asked, expected, "docs/cells.md says how cells are named, and which file is what"
        )

    def _below(self, asked: str) -> Iterator[tuple[str, str]]:
        """Readings of a request as a path below the results of a scale: scale, path."""
        results = self.checkout / "results"
        folders = {scale: [results / scale] for scale in self.scales}
        folders.setdefault(self.scale, []).append(self.folder)
        for start in (self.folder, self.checkout, results):
            whole = os.path.normpath(start / asked)
            for scale, places in folders.items():
                for place in places:
                    for root in (place, place.resolve()):
                        if Path(whole).is_relative_to(root):
                            path = os.path.relpath(whole, root)
                            if path != os.path.normpath(asked):
                                yield scale, path


def _alike(asked: str, known: Collection[str]) -> Collection[str]:
    """Those in the same folder at the top, if there are any: the others cost time to compare."""
    top = asked.partition("/")[0]
    return [name for name in known if name.startswith(f"{top}/")] or known


def _refused(asked: str, expected: str = "", remedy: str = "") -> MirageError:
    return MirageError(f"no rule makes {asked}", expected, remedy)
