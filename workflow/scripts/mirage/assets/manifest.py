"""The manifest: every file and folder that comes from outside, and where it lies.

The facts stand in ``workflow/presets/assets.yaml``, held to a schema; this module only gives them
types and resolves places.
"""

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mirage.building import build
from mirage.errors import MirageError
from mirage.recipes import require
from mirage.visible import listed

_DIGITS = {"sha256": 64, "md5": 32}


@dataclass(frozen=True)
class Checksum:
    """A published digest, or its beginning.

    Attributes:
        algorithm: ``sha256`` or ``md5``.
        value: lower-case hexadecimal digits, at least 8.
    """

    algorithm: str
    value: str

    def __post_init__(self) -> None:
        most = _DIGITS.get(self.algorithm, 0)
        require(
            8 <= len(self.value) <= most, "checksum", self.value, f"8 to {most} hexadecimal digits"
        )

    def __str__(self) -> str:
        return f"{self.algorithm} {self.value[:12]}…"


@dataclass(frozen=True)
class FileFacts:
    """What is known about the bytes of one file.

    Attributes:
        bytes: its exact size; None if unknown.
        about_bytes: its size within a factor of two; None if unknown or exact.
        checksum: None where nothing is published.
        urls: where it may be downloaded, tried in turn; empty where its terms forbid it.
    """

    bytes: int | None = None
    about_bytes: int | None = None
    checksum: Checksum | None = None
    urls: tuple[str, ...] = ()

    @property
    def size(self) -> int | None:
        """The best knowledge of the size in bytes."""
        return self.about_bytes if self.bytes is None else self.bytes


@dataclass(frozen=True)
class Member:
    """Something that must lie in a folder.

    Attributes:
        path: below the folder; ``.`` is the folder itself.
        file: facts about it if it is a file; None for a folder.
        files: number of files below it at any depth, hidden ones apart; None if unknown.
        folders: number of folders directly in it; None if unknown.
    """

    path: str
    file: FileFacts | None = None
    files: int | None = None
    folders: int | None = None


@dataclass(frozen=True)
class Archive:
    """A packed folder.

    Attributes:
        form: ``tar`` (compressed or not) or ``zip``.
        root: the archive's folder that becomes the asset.
        most_bytes: what it may unpack to.
        file: facts about the archive itself.
    """

    form: str
    root: str
    most_bytes: int
    file: FileFacts


@dataclass(frozen=True)
class Asset:
    """One file or folder from outside; a folder if it has no ``file``.

    Attributes:
        name: its name in the manifest.
        what: what it is.
        licence: whose terms apply.
        path: where it lies below the repository.
        manual: how a person gets it.
        about_bytes: approximate size of a folder.
        file: facts about a single file.
        holds: what must lie in a folder.
        archive: where a folder can be unpacked from.
        later: why no scale needs it yet; empty otherwise.
    """

    name: str
    what: str
    licence: str
    path: str
    manual: tuple[str, ...]
    about_bytes: int | None = None
    file: FileFacts | None = None
    holds: tuple[Member, ...] = ()
    archive: Archive | None = None
    later: str = ""

    @property
    def fetchable(self) -> bool:
        """Whether its terms allow a plain download of all of it."""
        if self.file is not None:
            return bool(self.file.urls)
        if self.archive is not None:
            return bool(self.archive.file.urls)
        return bool(self.holds) and all(m.file is not None and m.file.urls for m in self.holds)

    @property
    def size(self) -> int | None:
        """The best knowledge of its size in bytes."""
        if self.file is not None:
            return self.file.size
        sizes = [m.file.size if m.file else None for m in self.holds]
        known = [size for size in sizes if size is not None]
        return sum(known) if known and len(known) == len(sizes) else self.about_bytes


class Manifest(dict[str, Asset]):
    """All assets by name, and where each lies on this machine.

    Attributes:
        home: the repository, absolute.
        paths: name -> place of a copy elsewhere, absolute or below the repository.
    """

    def __init__(
        self, assets: Mapping[str, Asset], home: Path, paths: Mapping[str, str] | None = None
    ) -> None:
        """Refuse paths that name no asset."""
        super().__init__(assets)
        self.home, self.paths = home, paths or {}
        self.require(self.paths, "asset_paths")

    def place(self, name: str) -> Path:
        """Absolute path of an asset on this machine; links are not followed."""
        given = Path(self.paths.get(name, self[name].path)).expanduser()
        # Not `resolve`: a link keeps its own name, so moving what it points to changes no path.
        return Path(os.path.normpath(self.home / given))

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of ``names`` at whose place there is nothing."""
        return [name for name in names if not _is_there(self.place(name))]

    def require(self, names: Iterable[str], where: str) -> None:
        """Refuse names the manifest does not know.

        Args:
            names: names of assets.
            where: the setting they stand in.

        Raises:
            MirageError: one is unknown; a close one is suggested.
        """
        for name in names:
            if name not in self:
                close = difflib.get_close_matches(name, list(self), n=1)
                raise MirageError(
                    f"config: {where}: there is no asset {name!r}",
                    f"one of {listed(self)}",
                    f"did you mean {close[0]!r}?" if close else "correct the name",
                )


def _is_there(place: Path) -> bool:
    try:
        return place.exists()
    except OSError:  # may not be looked at: the check will say so
        return True


def load_manifest(
    path: str | Path,
    schema: str | Path,
    home: str | Path,
    paths: Mapping[str, str] | None = None,
) -> Manifest:
    """Read and check the manifest.

    Args:
        path: ``assets.yaml``.
        schema: its JSON schema as YAML.
        home: the repository, below which assets lie unless ``paths`` says otherwise.
        paths: name -> place of a copy elsewhere.

    Raises:
        MirageError: the file is no YAML, breaks the schema, or ``paths`` names no asset.
    """
    import yaml
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    from mirage.yaml_file import read_yaml

    try:
        entries = read_yaml(path)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MirageError(f"{path} cannot be read ({error})", "a YAML file") from error
    validator = Draft202012Validator(read_yaml(schema))
    problem = best_match(validator.iter_errors(entries))
    if problem is not None:
        where, name = ".".join(map(str, problem.absolute_path)), Path(path).name
        told = f"{name}: {where or 'the top level'}: {problem.message}"
        raise MirageError(told, remedy=f"correct {name}")
    assets = {name: build(Asset, {"name": name, **entry}) for name, entry in entries.items()}
    return Manifest(assets, Path(home).resolve(), paths)
