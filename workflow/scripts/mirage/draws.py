"""Draws: what is drawn once for all cells of a study, or anew for every seed."""

PER_CELL = "cell"
"""In place of a seed in the configuration: drawn anew, with the seed of the cell that uses it."""


def settled(setting: int | str, cell_seed: int) -> int:
    """The seed a setting means for a cell: its own number, or the cell's seed."""
    return cell_seed if setting == PER_CELL else int(setting)


def draw(name: str, seed: int | None) -> str:
    """Name one draw of a thing (``orl-1000/s1``); without a seed the one that all cells share."""
    return name if seed is None else f"{name}/s{seed}"


def parse(text: str) -> tuple[str, int | None]:
    """Read the name of a draw back: what is drawn, and the seed if it has one."""
    name, _, seed = text.partition("/s")
    return name, int(seed) if seed else None
