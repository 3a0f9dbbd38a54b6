"""Digest of the code a script really uses: its logic, not its wording.

Snakemake does not see edits inside imported modules. The digest covers the script and every
module of the library it reaches through imports (also those inside functions), as syntax trees
without docstrings, so comments, formatting and rewording are free. ``mirage.runtime`` is left
out: it may not change a result. Of a registry (``mirage.registry``) it covers the entries that the
job's settings name, so a new loss or reader repeats no job that does not name it.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mirage.registry import entries
from mirage.runtime.sources import ParsedFiles

PACKAGE = Path(__file__).resolve().parents[1]
_OUTSIDE = ("mirage.runtime",)


class Library:
    """The library's modules, each as it is when it is first looked at.

    Attributes:
        sources: what its files say.
    """

    def __init__(self, sources: ParsedFiles | None = None) -> None:
        self.sources = sources or ParsedFiles()
        self._modules: dict[str, _Module | None] = {}

    def code_digest(self, script: Path, words: Collection[str] | None = None) -> str:
        """Digest one script and the library modules it reaches.

        Args:
            script: path of a Python file.
            words: what its settings name; see ``words_of``. None: everything they could.

        Returns:
            16 hexadecimal characters.
        """
        whole = hashlib.blake2b(self.sources.of(script).logic.encode(), digest_size=8)
        for name, module in sorted(self._reached(script, words).items()):
            whole.update(f"\n{name} {module.logic}".encode())
        return whole.hexdigest()

    def modules_of(self, script: Path, words: Collection[str] | None = None) -> set[str]:
        """Names of the library's modules that ``script`` reaches, directly or through others.

        Args:
            script: path of a Python file.
            words: names of entries; each is looked for in every registry that is reached. None:
                all.
        """
        return set(self._reached(script, words))

    def _reached(self, script: Path, words: Collection[str] | None) -> "dict[str, _Module]":
        named = None if words is None else {word.replace("-", "_") for word in words}
        found: dict[str, _Module] = {}
        waiting = list(self._imports(script))
        while waiting:
            name = waiting.pop()
            if name not in found and (module := self._module(name)) is not None:
                found[name] = module
                waiting.extend(module.imports)
                waiting.extend(
                    f"{name}.{entry}"
                    for entry in (module.entries if named is None else module.entries & named)
                )
        return found

    def _imports(self, path: Path) -> list[str]:
        """What a file imports of the library, but for that which changes no result."""
        imported = self.sources.of(path).imports
        return [name for name in imported if not name.startswith(_OUTSIDE)]

    def _module(self, name: str) -> "_Module | None":
        """A module or package; None where there is none of that name."""
        if name not in self._modules:
            base = PACKAGE.joinpath(*name.split(".")[1:])
            files = base.with_suffix(".py"), base / "__init__.py"
            path = next(filter(Path.is_file, files), None)
            self._modules[name] = None if path is None else self._read(path)
        return self._modules[name]

    def _read(self, path: Path) -> "_Module":
        source = self.sources.of(path)
        held = entries(path.parent) if source.is_registry else ()
        return _Module(source.logic, self._imports(path), frozenset(held))


class _Module(NamedTuple):
    """One module: its logic, what it imports, and the entries of the registry that it is."""

    logic: str
    imports: list[str]
    entries: frozenset[str]


class Digests(Mapping[str, str]):
    """Digests of all scripts of a folder by name, each computed when it is first asked for.

    As a mapping: of all that a script could use, whatever its settings. See ``of``.
    """

    def __init__(self, scripts: Path, memory: Path | None = None) -> None:
        """Look at nothing yet.

        Args:
            scripts: their folder.
            memory: a file in which to look up what files say; None for nowhere.
        """
        self._scripts, self._memory = scripts, memory
        self._found: dict[tuple[str, frozenset[str] | None], str] = {}
        self._library = Library(ParsedFiles(memory))

    def of(self, name: str, settings: Any) -> str:
        """Digest a script together with the entries of registries that its settings name."""
        return self._of(name, words_of(settings))

    def __getitem__(self, name: str) -> str:
        if not (self._scripts / f"{name}.py").is_file():
            raise KeyError(name)
        return self._of(name, None)

    def _of(self, name: str, words: frozenset[str] | None) -> str:
        if (name, words) not in self._found:
            script = self._scripts / f"{name}.py"
            self._found[name, words] = self._library.code_digest(script, words)
        return self._found[name, words]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.stem for path in self._scripts.glob("*.py")))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def keep(self) -> None:
        """Write the memory, for other processes: what all scripts and the whole library say."""
        self._library.sources.keep([*self._scripts.glob("*.py"), *PACKAGE.rglob("*.py")])

    def __reduce__(self) -> tuple[type, tuple[Path, Path | None]]:
        """A job gets the way to the memory, and looks at the files that are there when it runs."""
        return Digests, (self._scripts, self._memory)


def words_of(settings: Any) -> frozenset[str]:
    """Every text among the values of nested settings."""
    if isinstance(settings, str):
        return frozenset((settings,))
    if isinstance(settings, Mapping):
        settings = settings.values()
    elif not isinstance(settings, list | tuple):
        return frozenset()
    return frozenset().union(*map(words_of, settings))
