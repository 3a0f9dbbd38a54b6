"""Digest of the code a script really uses: its logic, not its wording.

Snakemake does not see edits inside imported modules. The digest covers the script and every
module of the library it reaches through imports (also those inside functions), as syntax trees
without docstrings, so comments, formatting and rewording are free. ``mirage.runtime`` is left
out: it may not change a result.
"""

import ast
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
_OUTSIDE = ("mirage.runtime",)


def code_digest(script: str | Path) -> str:
    """Digest one script and the library modules it reaches.

    Args:
        script: path of a Python file.

    Returns:
        16 hexadecimal characters.
    """
    whole = hashlib.blake2b(digest_size=8)
    whole.update(_logic(Path(script)).encode())
    for name in sorted(modules_of(Path(script))):
        whole.update(f"\n{name}\n{_logic(_file_of(name))}".encode())
    return whole.hexdigest()


class Digests(Mapping[str, str]):
    """Digests of all scripts of a folder by name, each computed when it is first asked for."""

    def __init__(self, scripts: Path) -> None:
        self._scripts = scripts
        self._found: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if name not in self._found:
            script = self._scripts / f"{name}.py"
            if not script.is_file():
                raise KeyError(name)
            self._found[name] = code_digest(script)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.stem for path in self._scripts.glob("*.py")))

    def __len__(self) -> int:
        return len(list(iter(self)))


def modules_of(script: Path) -> set[str]:
    """Names of the library's modules that ``script`` reaches, directly or through others."""
    found: set[str] = set()
    waiting = list(_imports(script))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_imports(_file_of(name)))
    return found


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
        and _exists(name)
    )


def _exists(name: str) -> bool:
    base = PACKAGE.joinpath(*name.split(".")[1:])
    return base.with_suffix(".py").is_file() or (base / "__init__.py").is_file()


def _file_of(name: str) -> Path:
    base = PACKAGE.joinpath(*name.split(".")[1:])
    module = base.with_suffix(".py")
    return module if module.is_file() else base / "__init__.py"


@cache
def _logic(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            node.body = body[1:] or [ast.Pass()]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
