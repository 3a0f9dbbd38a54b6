"""Unpacking archives of strangers.

Only plain files and folders come out, only below the destination, and no more bytes than allowed;
anything else refuses the whole archive. Modes, owners and times in it are ignored.
"""

import errno
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from mirage.assets.checking import Wrong

_BLOCK = 1 << 20
# What the packers' modules raise over damaged bytes, encryption and unknown methods.
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)
# What the names in an archive may cause: one twice, a file where a folder belongs, impossible ones.
_CLASHES = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL}
_MOST_ENTRIES = 5_000_000
_LONGEST_HEAD = 1 << 20
_MOST_PADDING = 64  # blocks behind a tar's end


def unpack(archive: Path, form: str, folder: Path, most_bytes: int) -> None:
    """Unpack an archive into an empty folder.

    Args:
        archive: the file.
        form: ``tar`` (compressed or not) or ``zip``.
        folder: made if need be; what is there already is not replaced.
        most_bytes: the files together may not be larger.

    Raises:
        Wrong: the archive is damaged, larger than allowed, or holds a link, a device or a path
            that leads elsewhere.
        OSError: the disk is full, may not be written to, or fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = {"tar": _tar_entries, "zip": _zip_entries}[form]
    written = 0
    try:
        for number, (name, content) in enumerate(entries(archive)):
            if number >= _MOST_ENTRIES:
                raise Wrong(f"it holds more than {_MOST_ENTRIES:,} entries")
            target = folder / _safe(name)
            if content is None:
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                written += _write(content, target, most_bytes - written)
    except _DAMAGE as error:
        if isinstance(error, OSError) and not _is_of_the_archive(error):
            raise
        raise Wrong(f"it cannot be unpacked ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    """Why, in our own words: the packers' tell of their modules, and quote what they found."""
    if isinstance(error, EOFError):
        return "cut short"
    if isinstance(error, OSError) and error.errno in _CLASHES:
        return "its names clash, or are impossible"
    if isinstance(error, RuntimeError | NotImplementedError):
        return "encrypted, or packed in an unknown way"
    return "damaged, or another kind of file"


def _is_of_the_archive(error: OSError) -> bool:
    """Whether the archive is to blame, not the disk; what unpackers find out has no number."""
    return error.errno is None or error.errno in _CLASHES


def _tar_entries(archive: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    with tarfile.open(archive, "r:*", tarinfo=_Entry) as tar:
        for entry in tar:
            if entry.isdir():
                yield entry.name, None
            elif entry.isreg() and not entry.issparse():
                yield entry.name, tar.extractfile(entry)
            else:
                raise _strange(entry.name)
        # A packer's own checksum stands behind the tar's end, where tarfile does not look.
        blocks = 0
        while tar.fileobj is not None and tar.fileobj.read(_BLOCK):
            blocks += 1
            if blocks > _MOST_PADDING:
                raise Wrong("it unpacks to more than it may")


class _Entry(tarfile.TarInfo):
    """An entry whose long name, which is read into memory whole, may not be of any length."""

    def _proc_member(self, tar: tarfile.TarFile) -> "_Entry":
        named = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE)
        if self.type in (*named, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE) and (
            self.size > _LONGEST_HEAD
        ):
            raise tarfile.ReadError
        return super()._proc_member(tar)  # type: ignore[misc, no-any-return]


def _zip_entries(archive: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            kind = entry.external_attr >> 28  # the Unix file type; 0 where none is recorded
            if entry.is_dir():
                yield entry.filename, None
            elif kind in (0, 0o10):
                with packed.open(entry) as content:
                    yield entry.filename, content
            else:
                raise _strange(entry.filename)


def _strange(name: str) -> Wrong:
    return Wrong(f"it holds {name[:200]!r}, which is no plain file or folder")


def _safe(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise Wrong(f"it holds the path {name[:200]!r}, which leads out of it")
    return path


def _write(content: IO[bytes], target: Path, room: int) -> int:
    written = 0
    with target.open("xb") as file:  # two entries of one name are refused
        while block := content.read(_BLOCK):
            written += len(block)
            if written > room:
                raise Wrong("it unpacks to more than it may")
            file.write(block)
    return written
