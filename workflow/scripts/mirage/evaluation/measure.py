"""Measures: named numbers about an attack beside those that its features give at once.

An attack's settings name its measures; each is a job of its own, and ``scores`` joins what they
found to the metrics. Measures lie in ``measures``, one file each. Planning imports them, so they
import torch inside ``run`` only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mirage.recipes import Recipe

if TYPE_CHECKING:
    from mirage.runtime.checkpoint import Checkpoint


class Case(NamedTuple):
    """What a measure is taken of.

    Attributes:
        inputs: files by what the measure needs; what the study does not have is missing.
        settings: of the measure, as its recipe takes them.
        seed: the cell's.
        checkpoint: where an interrupted job goes on.
        device: where to compute.
    """

    inputs: Mapping[str, Path]
    settings: Mapping[str, Any]
    seed: int
    checkpoint: "Checkpoint"
    device: str


@dataclass(frozen=True)
class Measure:
    """One measure of attacks.

    Attributes:
        recipe: its settings. One with an ``architecture`` also has the ``image_px`` of that
            architecture's view, which is no setting.
        needs: its inputs, each one of ``images`` (rendered from all selected latents, at
            ``image_px``), ``view`` (the data set's photographs at that size), ``init`` (outside
            weights of the architecture).
        run: takes the measure; metrics by name, shares in [0, 1].
        costs: its module ``cost`` says what that takes of an attack.
    """

    recipe: type[Recipe]
    needs: tuple[str, ...]
    run: Callable[[Case], dict[str, float]]
    costs: Mapping[str, Any]
