"""Getting assets whose terms allow a plain download.

An asset appears at its place whole and verified, by one rename, or not at all. What has arrived
of it waits beside its place (``.NAME.part``), so the same command goes on after any interruption.
"""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mirage.assets.checking import CheckedAsset, Wrong, check, check_file, check_folder
from mirage.assets.manifest import Archive, Asset, FileFacts, Manifest
from mirage.assets.remembered import Remembered
from mirage.assets.transfer import discard, download, note_of
from mirage.assets.unpacking import unpack
from mirage.errors import MirageError

_log = logging.getLogger("mirage")
_MB = 1_000_000


def fetch_all(manifest: Manifest, names: Iterable[str], memory: Remembered) -> list[CheckedAsset]:
    """Fetch those of the named assets that are missing and may be fetched.

    One that cannot be had does not keep the others from coming.

    Returns:
        The findings about all of them afterwards; the detail of a missing one says what happened.

    Raises:
        MirageError: the disks have no room for what is to come; nothing was fetched.
    """
    findings = {name: check(manifest[name], manifest.place(name), memory) for name in names}
    wanted = [f for f in findings.values() if f.state == "missing" and f.asset.fetchable]
    _require_room(wanted)
    for finding in wanted:
        name = finding.asset.name
        try:
            fetch(finding.asset, finding.place, memory)
            findings[name] = check(finding.asset, finding.place, memory)
            _log.info("%s: %s, %s", name, findings[name].state, findings[name].detail)
        except MirageError as problem:
            _log.error("%s: %s", name, problem)
            findings[name] = replace(finding, detail=str(problem))
        memory.save()
    return list(findings.values())


def fetch(asset: Asset, place: Path, memory: Remembered) -> None:
    """Fetch one asset that is not there yet; ``memory`` takes what is found out on the way.

    Raises:
        MirageError: it cannot be had, or what came is not what was published; then nothing lies
            under its name.
    """
    _log.info("%s: %s", asset.name, asset.what)
    _log.info("%s: licence: %s", asset.name, asset.licence)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if asset.file is not None:
            _fetch_file(asset.file, place, asset.name, memory)
        elif asset.archive is not None:
            _fetch_archive(asset, asset.archive, place, memory)
        else:
            _fetch_members(asset, place, memory)
    except OSError as error:
        raise MirageError(
            f"cannot write {error.filename or place}: {error.strerror}",
            remedy="mend the folder's permissions or free some space; the same command goes on",
        ) from error


def part_of(place: Path) -> Path:
    """Where the bytes of a file gather until it is whole."""
    return place.with_name(f".{place.name}.part")


def _fetch_file(facts: FileFacts, place: Path, label: str, memory: Remembered) -> None:
    with _verified(facts, place, label, memory) as part:
        part.replace(place)
        note_of(part).unlink(missing_ok=True)


def _fetch_members(asset: Asset, place: Path, memory: Remembered) -> None:
    """Gather the files of a folder in a folder of another name, which is renamed when whole."""
    gathering = place.with_name(f".{place.name}.gathering")
    gathering.mkdir(parents=True, exist_ok=True)
    for member in asset.holds:
        path = gathering / member.path
        if member.file is not None and not _is_good(path, member.file, memory):
            path.parent.mkdir(parents=True, exist_ok=True)
            _fetch_file(member.file, path, f"{asset.name}/{member.path}", memory)
    _put_in_place(gathering, place)


def _is_good(path: Path, facts: FileFacts, memory: Remembered) -> bool:
    """Whether a member need not be fetched; a wrong one, which a crash may leave, is removed."""
    if not path.exists():
        return False
    try:
        check_file(path, facts, memory)
    except Wrong as problem:
        _log.warning("%s: %s; fetching it again", path, problem)
        path.unlink()
        return False
    return True


def _fetch_archive(asset: Asset, archive: Archive, place: Path, memory: Remembered) -> None:
    unpacked = place.with_name(f".{place.name}.unpacking")
    with _verified(archive.file, place, asset.name, memory) as part:
        shutil.rmtree(unpacked, ignore_errors=True)
        _log.info("%s: unpacking", asset.name)
        try:
            unpack(part, archive.form, unpacked, archive.most_bytes)
            if not (unpacked / archive.root).is_dir():
                raise Wrong(f"it holds no folder {archive.root}")
            check_folder(unpacked / archive.root, asset.holds, memory)
            _put_in_place(unpacked / archive.root, place)
        except Wrong as problem:
            discard(part)  # else every run would end here again, without asking the server
            raise _not_published(asset.name, problem) from None
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)
        part.unlink()
        note_of(part).unlink(missing_ok=True)


def _put_in_place(folder: Path, place: Path) -> None:
    if place.is_dir() and not any(place.iterdir()):
        place.rmdir()
    # A file system may write the new name before the contents: after a loss of power empty files
    # would lie there, and the archive would be gone. One flush serves the thousands of files.
    os.sync()
    folder.rename(place)


@contextmanager
def _verified(facts: FileFacts, place: Path, label: str, memory: Remembered) -> Iterator[Path]:
    """Give the part file with all its bytes, held to what is known about them.

    Bytes that are not the published ones are thrown away; if they were put together from several
    attempts, the joint may be to blame, and the file is fetched once more in one go.
    """
    part = part_of(place)
    with _sole_writer(part):
        for again in (False, True):
            joined = download(part, facts, label)
            try:
                check_file(part, facts, memory)
                break
            except Wrong as problem:
                discard(part)
                if again or not joined:
                    raise _not_published(label, problem) from None
                _log.warning("%s: %s; fetching it again from the start", label, problem)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        yield part


def _not_published(label: str, problem: Wrong) -> MirageError:
    return MirageError(
        f"{label}: what the server sent is not the published file: {problem}; it was thrown away",
        remedy="try again later, or follow the manual steps",
    )


@contextmanager
def _sole_writer(part: Path) -> Iterator[None]:
    """Keep a second fetch from writing the same part; a file without bytes is not left behind."""
    with part.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MirageError(
                f"{part} is being written by another fetch", remedy="wait for it, or end it"
            ) from None
        except OSError:
            pass  # a file system without locks
        try:
            yield
        finally:
            if part.exists() and part.stat().st_size == 0:
                discard(part)
                part.unlink()


def _require_room(wanted: Iterable[CheckedAsset]) -> None:
    """Compare what is to come with the free space of each disk it goes to."""
    coming: dict[int, tuple[Path, int]] = {}
    for finding in wanted:
        folder = finding.place.parent
        while not folder.exists():
            folder = folder.parent
        device = folder.stat().st_dev
        home, sum_bytes = coming.get(device, (folder, 0))
        coming[device] = (home, sum_bytes + _bytes_to_come(finding))
    for folder, size in coming.values():
        free = shutil.disk_usage(folder).free
        if size > free:
            raise MirageError(
                f"{folder} has {free // _MB:,} MB free, the assets need about {size // _MB:,} MB",
                remedy="free some space, or name another place under asset_paths",
            )


def _bytes_to_come(finding: CheckedAsset) -> int:
    asset, part = finding.asset, part_of(finding.place)
    there = part.stat().st_size if part.exists() else 0
    if asset.archive is not None:
        return max((asset.archive.file.size or 0) - there, 0) + (asset.about_bytes or 0)
    return max((asset.size or 0) - there, 0)
