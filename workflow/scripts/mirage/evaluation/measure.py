"""Measures: named numbers about an attack or a target beside those that scoring gives at once.

Measures lie in ``measures``, one file each. Planning imports them, so they import torch inside
``run`` only. What an attack's settings name is a job of its own, and ``scores`` joins what it found
to the attack's metrics. A measure of a target is asked for by a table or figure, or by its path,
and leaves a folder of its own, ``measures/CELL/NAME``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from mirage.evaluation.fidelity import PAPER
from mirage.recipes import Recipe

if TYPE_CHECKING:
    from torch import Tensor

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
        needs: its inputs, each one of ``images`` (rendered from all latents of the outcome, at
            ``image_px``), ``outcome`` (what the attack ended with), ``features`` (of its images),
            ``real`` (features of the training images), ``view`` (the data set's photographs at
            ``image_px``), ``init`` (outside weights of the architecture).
        run: takes the measure; metrics by name, shares in [0, 1]. What the two readings have
            differently stands under ``paper`` and ``corrected``.
        costs: its module ``cost`` says what that takes of an attack.
        roles: settings that name the role of an evaluation network.
        device: whether it computes on a device; else its job asks for no GPU.
    """

    recipe: type[Recipe]
    needs: tuple[str, ...]
    run: Callable[[Case], dict[str, Any]]
    costs: Mapping[str, Any]
    roles: tuple[str, ...] = ()
    device: bool = True


def shown(found: Mapping[str, Any]) -> dict[str, float]:
    """Numbers of a measure for its job's record: of two readings the paper's, none that is None."""
    told = {**found, **found.get(PAPER, {})}
    return {name: value for name, value in told.items() if isinstance(value, int | float)}


class TargetCase(NamedTuple):
    """What a measure of a target is taken of.

    Attributes:
        inputs: files by what the measure needs.
        settings: of the measure, as its recipe takes them.
        attack: settings of the attack that those name; none of them where they name none.
        dataset: name of the target's data set.
        seed: the cell's.
        classes: number of the target's classes.
        image_px: input size of the target.
        crop_px: centre crop of the attack's prior, in its pixels; ``image_px`` without an attack.
        batch: how much goes to the device at once.
        checkpoint: where an interrupted job goes on.
        device: where to compute.
    """

    inputs: Mapping[str, Path]
    settings: Mapping[str, Any]
    attack: Mapping[str, Any]
    dataset: str
    seed: int
    classes: int
    image_px: int
    crop_px: int
    batch: int
    checkpoint: "Checkpoint"
    device: str


class Measured(NamedTuple):
    """What a measure of a target found.

    Attributes:
        metrics: JSON-able numbers by name, which may be nested.
        arrays: what tables and figures are made of.
    """

    metrics: dict[str, Any]
    arrays: "Mapping[str, Tensor]"


def _no_misfits(_: Mapping[str, Any], __: Mapping[str, Any]) -> Iterator[str]:
    return iter(())


TargetNeed: TypeAlias = Literal["weights", "view", "generator", "pool"]


@dataclass(frozen=True)
class TargetMeasure:
    """One measure of targets.

    Attributes:
        recipe: its settings. One with an ``attack`` is told that attack's settings as well.
        needs: its inputs: the target's ``weights``, the photographs that it was shown (``view``),
            and of the attack's prior the ``generator`` and the ``pool`` of candidates.
        run: takes the measure.
        costs: its module ``cost`` says what that takes of a target.
        batch: the setting that limits how much it takes to the device at once.
        misfits: (its settings, the scale) -> what does not fit, as ``key: problem`` texts.
    """

    recipe: type[Recipe]
    needs: tuple[TargetNeed, ...]
    run: Callable[[TargetCase], Measured]
    costs: Mapping[str, Any]
    batch: Literal["forward_batch", "optimise_batch"] = "forward_batch"
    misfits: Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[str]] = _no_misfits
