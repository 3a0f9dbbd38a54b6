"""One name, one meaning: what the library calls its modules and public classes."""

import ast
from collections import defaultdict
from pathlib import Path

LIBRARY = Path(__file__).parents[2] / "workflow/scripts/mirage"

ROLES = {
    "__init__.py": "what a room is for",
    "augmentation.py": "what a training does to its images: prior and targets",
    "cost.py": "what a room's jobs cost",
    "layers.py": "the building blocks of a family of networks",
    "misfits.py": "settings that do not go together: a study's, an attack's",
    "recipe.py": "a room's settings",
    "telling.py": "what a room writes for people",
    "training.py": "a room's training loop",
    "weights.py": "how a room's networks lie on the disk",
    "cells.py": "a study's, and what the paper's tables read of them: to be parted with the items",
}
"""File names that several rooms share, each with the one meaning it has in all of them."""


def _shared(names):
    """Names that stand in several modules, with these."""
    places = defaultdict(list)
    for name, path in names:
        places[name].append(str(path.relative_to(LIBRARY)))
    return {name: found for name, found in places.items() if len(found) > 1}


def _modules():
    return sorted(LIBRARY.rglob("*.py"))


def test_modules_of_one_name_have_one_meaning():
    shared = _shared((path.name, path) for path in _modules())
    assert len(shared) > 3  # the walk finds modules at all
    assert {name: places for name, places in shared.items() if name not in ROLES} == {}


def test_public_classes_have_names_of_their_own():
    classes = [
        (node.name, path)
        for path in _modules()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    assert len(classes) > 50
    assert _shared(classes) == {}
