"""Walking folders of photographs in the order of torchvision's ImageFolder, each folder once."""

import os
import shlex
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mirage.data.listing import Photo
from mirage.data.passing import AGAIN, BACK, BESIDE, NO_IMAGE, LeftAlone, reason_to_pass
from mirage.errors import MirageError
from mirage.runtime.regular import kind_of_mode
from mirage.visible import listed

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""What torchvision's ImageFolder takes for a photograph, in any case of letters."""

_Id = tuple[int, int]  # device and inode: one folder or file, whatever its names


def folder_at(path: Path) -> Path:
    """Return ``path``.

    Raises:
        MirageError: it is no folder.
    """
    if not path.is_dir():
        raise MirageError(f"{path} is no folder", "the data set's folder", "correct its path")
    return path


class _Step(NamedTuple):
    """A folder to look into, and whose it is: its starting folder and its person's folder."""

    below: str
    owner: tuple[str, str]


class Tree:
    """The folders of a data set, looked through once.

    Links are followed, but no folder and no file is read under two names: a folder itself goes
    before links to it, and of several links the first by name counts. So a link back to a folder
    that it lies in ends there, and a person linked under another name is no second person.
    """

    def __init__(self, root: Path, starts: Sequence[str] = (".",)) -> None:
        """Look through everything below the starting folders.

        Args:
            root: the data set's folder, below which all names stand.
            starts: folders below it that hold one folder per identity.

        Raises:
            MirageError: a starting folder is missing, one cannot be read, or names that are not
                UTF-8.
        """
        self.root = folder_at(root)
        self._left_alone: list[LeftAlone] = []
        self._files: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._odd: list[str] = []
        self._above = {_id(folder.stat()) for folder in (root.absolute(), *root.resolve().parents)}
        self._seen: set[_Id] = set()
        self._links: deque[tuple[str, _Step]] = deque()
        for start in starts:
            self._seen.add(_id(folder_at(root / start).stat()))
        self._walk([_Step(start, (start, "")) for start in starts])
        while self._links:
            waiting = sorted(self._links)
            self._links.clear()
            for name, step in waiting:
                self._follow(name, step)
        self._refuse_undecoded()

    def photos(
        self, start: str = ".", suffixes: tuple[str, ...] = ("",), split: str | None = None
    ) -> list[Photo]:
        """Photographs of the identities in a starting folder.

        Order: identities, below each the folders by their path, then files by their name, all by
        plain string comparison; so the files of a folder come before those of the folders inside.

        Args:
            start: the starting folder.
            suffixes: endings of photographs in small letters (an empty one is any); other files
                are left alone.
            split: which part they belong to.

        Raises:
            MirageError: no identities, or some without photographs, all of which are named.
        """
        people = sorted(person for where, person in self._files if where == start)
        found: list[Photo] = []
        empty = []
        for person in people:
            before = len(found)
            for folder, name in sorted(self._files[start, person]):
                path = _join(folder, name)
                if name.lower().endswith(suffixes):
                    found.append(Photo(path, person, self.root / path, split))
                else:
                    self._left_alone.append(LeftAlone(path, NO_IMAGE))
            if len(found) == before:
                empty.append(_join(start, person))
        if not people:
            raise MirageError(f"{self.root / start} holds no folders", "one folder per identity")
        if empty:
            raise MirageError(
                f"{self.root} has folders without photographs: {listed(empty)}",
                "at least one in each",
                "add photographs; with an identity less, labels and results are others",
            )
        return found

    @property
    def left_alone(self) -> list[LeftAlone]:
        """What was not read, by name."""
        return sorted(self._left_alone)

    def _walk(self, steps: list[_Step]) -> None:
        """Take in real folders; links wait until all of these are known."""
        while steps:
            step = steps.pop()
            for entry in self._entries(step.below):
                name = _join(step.below, entry.name)
                why = reason_to_pass(entry.name)
                if why:
                    self._leave(name, why)
                elif entry.is_symlink():
                    self._links.append((name, step))
                elif entry.is_dir():
                    steps += self._entered(step, entry.name, entry.stat())
                else:
                    self._take(step, entry.name, entry.stat(follow_symlinks=False))

    def _follow(self, name: str, step: _Step) -> None:
        """Follow one link, if it leads to anything that is not read already."""
        last = PurePosixPath(name).name
        try:
            status = (self.root / name).stat()
        except FileNotFoundError:  # told with all the others that are missing
            self._add(step, last)
            return
        except OSError as error:
            self._leave(name, f"a link that cannot be followed ({error.strerror})")
            return
        if stat.S_ISDIR(status.st_mode):
            self._walk(self._entered(step, last, status))
        elif _id(status) in self._seen:
            self._leave(name, AGAIN)
        else:
            self._take(step, last, status)

    def _entered(self, step: _Step, name: str, status: os.stat_result) -> list[_Step]:
        """The step into a folder; none into one that is read already, or that this one lies in."""
        below, folder = _join(step.below, name), _id(status)
        if folder in self._above or folder in self._seen:
            self._leave(below, BACK if folder in self._above else AGAIN)
            return []
        self._seen.add(folder)
        start, person = step.owner
        owner = (start, person or name)
        self._files.setdefault(owner, [])
        self._note_odd(name)
        return [_Step(below, owner)]

    def _take(self, step: _Step, name: str, status: os.stat_result) -> None:
        kind = kind_of_mode(status.st_mode)
        if kind is not None:
            self._leave(_join(step.below, name), kind)
            return
        self._seen.add(_id(status))
        self._add(step, name)

    def _add(self, step: _Step, name: str) -> None:
        if step.owner in self._files:
            self._note_odd(name)
            self._files[step.owner].append((step.below, name))
        else:
            self._leave(_join(step.below, name), BESIDE)

    def _leave(self, name: str, why: str) -> None:
        shown = os.fsencode(name).decode("utf-8", "backslashreplace")
        self._left_alone.append(LeftAlone(shown, why))

    def _entries(self, below: str) -> Iterator["os.DirEntry[str]"]:
        try:
            with os.scandir(self.root / below) as entries:
                yield from sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise MirageError(
                f"{self.root / below} cannot be read ({error.strerror})",
                "the data set's folders, readable",
                "correct its permissions (chmod -R u+rX), or mount the disk again",
            ) from error

    def _note_odd(self, name: str) -> None:
        if name.encode(errors="ignore").decode() != name:
            self._odd.append(name)

    def _refuse_undecoded(self) -> None:
        """Refuse names that are not UTF-8, which neither index nor manifest could hold.

        Archives packed in another encoding leave such names, and Python keeps their odd bytes as
        lone surrogates; before anything is decoded is the time to tell.
        """
        if not self._odd:
            return
        place = os.fsencode(self.root).decode("utf-8", "backslashreplace")
        raise MirageError(
            f"{place} holds names that are not UTF-8: {listed(sorted(self._odd))}",
            "names in UTF-8, as the data set has them",
            f"rename them (convmv -r -f latin1 -t utf8 --notest {shlex.quote(place)}, if the "
            "archive was packed as Latin-1)",
        )


def _id(status: os.stat_result) -> _Id:
    return status.st_dev, status.st_ino


def _join(folder: str, name: str) -> str:
    return name if folder == "." else f"{folder}/{name}"
