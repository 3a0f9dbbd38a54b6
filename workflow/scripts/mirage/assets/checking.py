"""Is what lies on the disk what was asked for?"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mirage.assets.manifest import Asset, FileFacts, Manifest, Member
from mirage.assets.remembered import Remembered
from mirage.assets.surprises import extra, extra_folders, nested_copy, only_folder
from mirage.data.passing import entries
from mirage.runtime.regular import culprit, kind_of_mode

AssetState = Literal["verified", "present", "missing", "wrong"]
MOVE_AWAY = "move away what lies there"
_PAGE = (b"<!doctype html", b"<html", b"<?xml")


@dataclass(frozen=True)
class CheckedAsset:
    """What a check found.

    Attributes:
        asset: the asset.
        place: where it was looked for.
        state: ``verified`` agrees with published checksums; ``present`` is there, and nothing
            published (a size, a count) contradicts it; ``missing``; ``wrong``.
        detail: what was checked, or what is wrong.
        size: bytes found; None for a folder or nothing.
        first: what to do first about a wrong one.
    """

    asset: Asset
    place: Path
    state: AssetState
    detail: str = ""
    size: int | None = None
    first: str = MOVE_AWAY

    @property
    def good(self) -> bool:
        """Whether work may begin with it."""
        return self.state in ("verified", "present")


class Wrong(Exception):  # noqa: N818 - the answer "no" of a check, not a failure of it
    """What was found is not what was asked for; the text says why, ``first`` what to do."""

    def __init__(self, why: str, first: str = MOVE_AWAY) -> None:
        """Keep both."""
        super().__init__(why)
        self.first = first


def check(asset: Asset, place: Path, memory: Remembered) -> CheckedAsset:
    """Hold what lies at a place to the asset that should lie there."""
    try:
        if place.is_symlink() and not place.exists():
            raise Wrong(f"a link to {place.readlink()}, where there is nothing")
        if not place.exists() or (place.is_dir() and _is_empty(place)):
            return CheckedAsset(asset, place, "missing")
        if asset.file is not None:
            detail = check_file(place, asset.file, memory)
            state: AssetState = "verified" if asset.file.checksum else "present"
            return CheckedAsset(asset, place, state, detail, place.stat().st_size)
        details = check_folder(place, asset.holds, memory)
        proven = asset.holds and all(m.file and m.file.checksum for m in asset.holds)
        return CheckedAsset(asset, place, "verified" if proven else "present", details)
    except Wrong as problem:
        return CheckedAsset(asset, place, "wrong", str(problem), first=problem.first)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        where = error.filename or place
        barred = culprit(where) if isinstance(error, PermissionError) else ""
        return CheckedAsset(asset, place, "wrong", f"unreadable: {where}: {reason}{barred}")


def check_all(manifest: Manifest, names: Iterable[str], memory: Remembered) -> list[CheckedAsset]:
    """Check several assets and save what was found out."""
    findings = [check(manifest[name], manifest.place(name), memory) for name in names]
    memory.save()
    return findings


def check_file(path: Path, facts: FileFacts, memory: Remembered) -> str:
    """Hold one file to what is known about it.

    Returns:
        What was checked.

    Raises:
        Wrong: it is something else, damaged, or a page saved in its place.
        OSError: it cannot be read.
    """
    kind = kind_of_mode(path.stat().st_mode)
    if kind is not None:  # opening a pipe would wait for ever
        raise Wrong(f"{kind}; expected a file")
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(64)
    if size == 0:
        raise Wrong("an empty file")
    if head.lstrip().lower().startswith(_PAGE):
        raise Wrong("a web page saved in its place (a login or licence page?)")
    if facts.bytes is not None and size != facts.bytes:
        kind = "cut short" if size < facts.bytes else "too long"
        raise Wrong(f"{size:,} bytes; expected {facts.bytes:,} ({kind})")
    about = facts.about_bytes
    if about is not None and not about / 2 <= size <= about * 2:
        raise Wrong(f"{size:,} bytes; expected about {about:,}")
    if facts.checksum is None:
        return "size agrees; no checksum is published" if facts.size else "no checksum is published"
    digest = memory.digest(path, facts.checksum.algorithm)
    if not digest.startswith(facts.checksum.value):
        raise Wrong(
            f"{facts.checksum.algorithm} is {digest[:12]}…; expected {facts.checksum.value[:12]}… "
            "(damaged, or another version)"
        )
    return str(facts.checksum)


def check_folder(folder: Path, holds: Sequence[Member], memory: Remembered) -> str:
    """Hold a folder to what must lie in it.

    Returns:
        What was checked.

    Raises:
        Wrong: a member is missing or is not what it should be.
        OSError: something cannot be read.
    """
    if not folder.is_dir():
        raise Wrong("a file; expected a folder")
    copy = nested_copy(folder, holds)
    try:
        details = [_check_member(folder, member, memory) for member in holds]
    except Wrong as problem:
        if copy is None:
            raise
        raise _too_deep(f"{problem}; all of it", copy, folder) from None
    if copy is not None:
        raise Wrong(f"it holds a copy of itself in {copy}", f"move {copy} somewhere else")
    if any(member.files or member.folders for member in holds):
        details.append("counted, contents not checked")
    return "; ".join(detail for detail in details if detail)


def _check_member(folder: Path, member: Member, memory: Remembered) -> str:
    path = folder / member.path
    name = "" if member.path == "." else f"{member.path}: "
    if path.is_symlink() and not path.exists():
        raise Wrong(f"{name}a link to {path.readlink()}, where there is nothing")
    if not path.exists():
        raise Wrong(f"lacks {member.path}")
    if member.file is not None:
        try:
            return f"{name}{check_file(path, member.file, memory)}"
        except Wrong as problem:
            raise Wrong(f"{name}{problem}") from None
    if not path.is_dir():
        raise Wrong(f"{name}a file; expected a folder")
    told = []
    if member.folders is not None:
        found = sum(entry.is_dir() for entry in entries(path))
        told.append(_compare(name, path, found, member.folders, extra_folders))
    if member.files is not None:
        told.append(_compare(name, path, memory.count(path), member.files, extra))
        deeper = only_folder(path) if member.folders is None else None
        if deeper is not None:
            raise _too_deep(f"{name}all of it", deeper, path)
    return f"{name}{', '.join(told)}" if told else ""


def _compare(
    name: str, path: Path, found: int, wanted: int, odd: Callable[[Path, int], str]
) -> str:
    what = "files" if odd is extra else "folders"
    if found < wanted:
        raise Wrong(f"{name}{found:,} {what}; expected {wanted:,}")
    if found > wanted:
        raise Wrong(
            f"{name}{found:,} {what}; expected {wanted:,} ({odd(path, found - wanted)})",
            f"move away what does not belong in {path}",
        )
    return f"{found:,} {what}"


def _too_deep(what: str, copy: Path, folder: Path) -> Wrong:
    return Wrong(
        f"{what} lies too deep, in {copy}",
        f"move what is in {copy} up into {folder}",
    )


def _is_empty(folder: Path) -> bool:
    with os.scandir(folder) as found:  # not `iterdir`, which lists all of 200,000 first
        return next(found, None) is None
