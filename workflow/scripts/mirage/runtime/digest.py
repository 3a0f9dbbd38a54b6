"""Digest of the code a script really uses: its logic, not its wording.

Snakemake does not see edits inside imported modules. The digest covers the script and every
module of the library it reaches through imports (also those inside functions), as syntax trees
without docstrings, so comments, formatting and rewording are free. ``mirage.runtime`` is left
out: it may not change a result. Of a registry (``mirage.registry``) it covers the entries that the
job's settings name, so a new loss or reader repeats no job that does not name it.
"""

import ast
import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mirage.registry import entries, module_name

PACKAGE = Path(__file__).resolve().parents[1]
_OUTSIDE = ("mirage.runtime",)
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)
_WORD = re.compile(r"[A-Za-z0-9_-]+")


def code_digest(script: str | Path, words: Collection[str] | None = None) -> str:
    """Digest one script and the library modules it reaches.

    Args:
        script: path of a Python file.
        words: what its settings name; see ``words_of``. None: everything they could.

    Returns:
        16 hexadecimal characters.
    """
    whole = hashlib.blake2b(digest_size=8)
    whole.update(_logic(Path(script)).encode())
    for name in sorted(modules_of(Path(script), words)):
        whole.update(f"\n{name}\n{_logic(_file_of(name))}".encode())
    return whole.hexdigest()


def words_of(settings: Any) -> frozenset[str]:
    """Every text among the values of nested settings."""
    if isinstance(settings, str):
        return frozenset((settings,))
    if isinstance(settings, Mapping):
        settings = settings.values()
    elif not isinstance(settings, list | tuple):
        return frozenset()
    return frozenset().union(*map(words_of, settings))


class Digests(Mapping[str, str]):
    """Digests of all scripts of a folder by name, each computed when it is first asked for.

    As a mapping: of all that a script could use, whatever its settings. See ``of``.
    """

    def __init__(self, scripts: Path) -> None:
        self._scripts = scripts
        self._found: dict[tuple[str, frozenset[str] | None], str] = {}

    def of(self, name: str, settings: Any) -> str:
        """Digest a script together with the entries of registries that its settings name."""
        return self._of(name, words_of(settings))

    def __getitem__(self, name: str) -> str:
        if not (self._scripts / f"{name}.py").is_file():
            raise KeyError(name)
        return self._of(name, None)

    def _of(self, name: str, words: frozenset[str] | None) -> str:
        if (name, words) not in self._found:
            self._found[name, words] = code_digest(self._scripts / f"{name}.py", words)
        return self._found[name, words]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.stem for path in self._scripts.glob("*.py")))

    def __len__(self) -> int:
        return len(list(iter(self)))


def modules_of(script: Path, words: Collection[str] | None = None) -> set[str]:
    """Names of the library's modules that ``script`` reaches, directly or through others.

    Args:
        script: path of a Python file.
        words: names of entries; each is looked for in every registry that is reached. None: all.
    """
    found: set[str] = set()
    waiting = list(_imports(script))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_imports(_file_of(name)))
            if _is_registry(_file_of(name)):
                folder = _file_of(name).parent
                named = entries(folder) if words is None else filter(_WORD.fullmatch, words)
                modules = (module_name(name, word) for word in named)
                waiting.extend(module for module in modules if _file_of(module).is_file())
    return found


@cache
def _is_registry(path: Path) -> bool:
    """Whether a package says that its modules are entries: it calls ``Registry(__name__, …)``."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Registry"
        and isinstance(node.args[0], ast.Name)
        and node.args[0].id == "__name__"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


@cache
def _imports(path: Path) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(
        name
        for name in names
        if (name == "mirage" or name.startswith("mirage."))
        and not name.startswith(_OUTSIDE)
        and _file_of(name).is_file()
    )


def _file_of(name: str) -> Path:
    base = PACKAGE.joinpath(*name.split(".")[1:])
    module = base.with_suffix(".py")
    return module if module.is_file() else base / "__init__.py"


@cache
def _logic(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)
