"""Registries: entries of one kind by name, each a module that is imported when it is asked for.

An entry's module or package has its name (with ``_`` for ``-``). Nothing lists the entries, so
adding one is adding its file; and since only the entry that a recipe names is imported, the code
digest of a job covers that one and no other (``mirage.runtime.digest``).
"""

import importlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

Entry = TypeVar("Entry")


class Registry(Mapping[str, Entry]):
    """The entries of a package: ``attribute`` of each module in it.

    ``joint``, ``_`` or ``-``, joins the words of their names.
    """

    def __init__(self, package: str, attribute: str, joint: str = "_") -> None:
        self.package, self.attribute, self.joint = package, attribute, joint

    @cached_property
    def _names(self) -> list[str]:
        folders = importlib.import_module(self.package).__path__
        found = {name for folder in folders for name in entries(Path(folder))}
        return sorted(name.replace("_", self.joint) for name in found)

    def __iter__(self) -> Iterator[str]:
        """Names of the entries, sorted."""
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        """Whether there is such an entry; imports nothing."""
        return name in self._names

    def __getitem__(self, name: str) -> Entry:
        """Import an entry.

        Raises:
            KeyError: there is none of that name.
        """
        if name not in self:
            raise KeyError(name)
        module: Any = importlib.import_module(module_name(self.package, name))
        entry: Entry = getattr(module, self.attribute)
        return entry


def entries(folder: Path) -> list[str]:
    """Modules and packages in the folder of a registry."""
    modules = [path.stem for path in folder.glob("[!_]*.py")]
    return modules + [path.parent.name for path in folder.glob("[!_]*/__init__.py")]


def module_name(package: str, name: str) -> str:
    """Module of an entry."""
    return f"{package}.{name.replace('-', '_')}"
