"""What a manifest says about its photographs, in lines for a person."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from mirage.visible import listed

NAMED = 5
"""Photographs that a line names."""


def notes(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Say what was left out, left alone and handled."""
    for problem in manifest["problems"]:
        yield f"left out as unreadable: {problem['name']} ({problem['reason']})"
    alone: dict[str, list[str]] = defaultdict(list)
    for name, why in sorted(manifest["left_alone"].items()):
        alone[why].append(name)
    for why, names in sorted(alone.items()):
        yield f"left alone, {why}: {len(names)} ({listed(names, NAMED)})"
    for what, names in manifest["handled"].items():
        yield f"{what}: {len(names)} photographs ({listed(names, NAMED)})"


def doubts(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Say which photographs are doubtful, with their numbers."""
    for kind, numbers in manifest["doubtful"].items():
        named = [f"{name}: {number:.4g}" for name, number in numbers.items()]
        yield f"{kind}: {len(numbers)} photographs ({listed(named, NAMED)})"
