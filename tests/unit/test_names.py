"""One name, one meaning: what the library calls its modules and public types."""

import ast
import re
from collections import defaultdict
from pathlib import Path

LIBRARY = Path(__file__).parents[2] / "workflow/scripts/mirage"
CAMEL = re.compile(r"[A-Z]\w*[a-z]\w*").fullmatch

ROLES = {
    "__init__.py": "what a room is for",
    "augmentation.py": "what a training does to its images: prior and targets",
    "cost.py": "what a room's jobs cost",
    "layers.py": "the building blocks of a family of networks",
    "misfits.py": "settings that do not go together: a study's, an attack's",
    "objective.py": "what is minimised: in a training, in an attack",
    "recipe.py": "a room's settings",
    "telling.py": "what a room writes for people",
    "training.py": "a room's training loop",
    "weights.py": "how a room's networks lie on the disk",
}
"""File names that several rooms share, each with the one meaning it has in all of them."""


def _shared(names):
    """Names with several meanings: name -> the modules, where the meanings differ.

    Args:
        names: (name, path, meaning); equal meanings are one, None is equal to nothing.
    """
    places = defaultdict(list)
    meanings = defaultdict(set)
    for name, path, meaning in names:
        places[name].append(str(path.relative_to(LIBRARY)))
        meanings[name].add(meaning if meaning is not None else path)
    return {name: places[name] for name, found in meanings.items() if len(found) > 1}


def _modules():
    return sorted(LIBRARY.rglob("*.py"))


def _named_by_users(path):
    """Whether a module is an entry of a registry or a section: its name is the configuration's."""
    room = path.parent / "__init__.py"
    return path != room and ("= Registry(" in room.read_text() or path.parent.name == "sections")


def _types(path):
    """Public types of a module as (name, path, meaning); ``Row = tuple[...]`` means its right side.

    Type variables are none.
    """
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            names, meaning = [node.name], None
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            meaning = ast.unparse(node.value)
        else:
            continue
        if meaning is None or not meaning.startswith("TypeVar("):
            yield from ((name, path, meaning) for name in names if CAMEL(name))


def test_modules_of_one_name_have_one_meaning():
    named = [(path.name, path, None) for path in _modules() if not _named_by_users(path)]
    shared = _shared(named)
    assert len(shared) > 3  # the walk finds modules at all
    assert {name: places for name, places in shared.items() if name not in ROLES} == {}


def test_public_types_have_names_of_their_own():
    types = [found for path in _modules() for found in _types(path) if found[0][0] != "_"]
    assert len(types) > 100
    assert {name: places for name, places in _shared(types).items()} == {}
