"""What Python files say, each parsed once: their logic as a digest, and what they import.

Parsing the library takes seconds, which every start of Snakemake would spend anew. What was found
out of a file is therefore kept under the digest of its bytes, so that it holds whatever touched
or moved the file, and no longer than the text stays what it was.
"""

import ast
import hashlib
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from mirage.errors import MirageError
from mirage.runtime import files

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


class Parsed(NamedTuple):
    """One Python file.

    Attributes:
        logic: digest of its syntax tree without docstrings, 32 hexadecimal characters.
        imports: the library's names that it imports, also inside functions, sorted; some of them
            modules, others what modules hold.
        is_registry: whether it says that its folder's modules are entries: it calls
            ``Registry(__name__, …)``.
    """

    logic: str
    imports: tuple[str, ...]
    is_registry: bool


def parse(text: bytes) -> Parsed:
    """Read one Python file."""
    tree = ast.parse(text)
    imports: set[str] = set()
    is_registry = False
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        elif isinstance(node, ast.Import):
            imports.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            imports.add(node.module)
            imports.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call):
            is_registry = is_registry or _makes_registry(node)
    logic = hashlib.blake2b(ast.dump(tree).encode(), digest_size=16).hexdigest()
    ours = (name for name in imports if name == "mirage" or name.startswith("mirage."))
    return Parsed(logic, tuple(sorted(ours)), is_registry)


def _makes_registry(call: ast.Call) -> bool:
    return (
        isinstance(call.func, ast.Name)
        and call.func.id == "Registry"
        and isinstance(call.args[0], ast.Name)
        and call.args[0].id == "__name__"
    )


class ParsedFiles:
    """Parsed files; each file is read once in the life of a process."""

    def __init__(self, memory: Path | None = None) -> None:
        """Read what was found out before.

        Args:
            memory: a JSON file; None remembers for this process only. One that is damaged, or of
                another Python or another version of this module, is as good as none.
        """
        self._memory = memory
        self._known = _remembered(memory) if memory else {}
        self._read: dict[Path, tuple[str, Parsed]] = {}

    def of(self, path: Path) -> Parsed:
        """What a file says.

        Raises:
            SyntaxError: it is no Python.
        """
        return self._look(path)[1]

    def keep(self, paths: Iterable[Path]) -> None:
        """Remember these files and no others, for processes to come.

        Where the memory may not be written, these are merely slower.
        """
        known: dict[str, Parsed] = {}
        for path in paths:
            with suppress(SyntaxError, OSError):  # told to whoever needs it
                digest, source = self._look(path)
                known[digest] = source
        if self._memory and known != self._known:
            with suppress(MirageError, OSError):
                held = {"reading": _reading(), "sources": known}
                files.write_json(self._memory, held, sealed=False)
        self._known = known

    def _look(self, path: Path) -> tuple[str, Parsed]:
        """Digest of a file's bytes, and what they say."""
        if path not in self._read:
            text = path.read_bytes()
            digest = _digest(text)
            self._read[path] = digest, self._known.get(digest) or parse(text)
        return self._read[path]


def _remembered(memory: Path) -> dict[str, Parsed]:
    with suppress(MirageError, OSError, TypeError, KeyError, ValueError, AttributeError):
        held = files.read_json(memory)
        if held["reading"] == _reading():
            return {
                digest: Parsed(logic, tuple(imports), is_registry)
                for digest, (logic, imports, is_registry) in held["sources"].items()
            }
    return {}


@cache
def _reading() -> str:
    """How files are read: by this module and this Python, whose trees others write otherwise."""
    return f"{_digest(Path(__file__).read_bytes())} of {sys.version}"


def _digest(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=16).hexdigest()
