"""The section ``priors``: image priors, whose kind says how they are trained."""

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Literal

from mirage.marks import Count, DrawnSeed, Omissible, Seed
from mirage.priors.kinds import KINDS
from mirage.priors.trainers import TRAINERS
from mirage.recipes import Recipe, require
from mirage.study.sections.names import AssetName, DatasetName, Word
from mirage.study.sections.registered import with_keys

PUBLISHED = "stylegan2"
"""The kind of prior that others publish, and that an entry has which names none."""


@dataclass(frozen=True)
class PickleSource(Recipe):
    """A prior as others published it.

    Attributes:
        kind: ``pickle``.
        asset: the file.
        reference: asset with published answers of both networks.
    """

    kind: Literal["pickle"]
    asset: AssetName
    reference: Omissible[AssetName] = None


@dataclass(frozen=True)
class TrainedSource(Recipe):
    """A prior that is trained here, for all targets.

    Attributes:
        kind: ``trained``.
        dataset: public people.
        view: how they are shown.
        seed: of its training.
        recipe: how it is trained.
    """

    kind: Literal["trained"]
    dataset: DatasetName
    view: Word
    seed: Seed


@dataclass(frozen=True)
class TargetSource(Recipe):
    """A prior that is trained here for every target, on its answers to public people.

    Attributes:
        kind: ``per_target``.
        dataset: public people.
        view: how they are shown: as the targets see theirs.
        seed: of its training; ``cell`` for the target's own.
        recipe: how it is trained.
    """

    kind: Literal["per_target"]
    dataset: DatasetName
    view: Word
    seed: DrawnSeed


@dataclass(frozen=True)
class PriorSection(Recipe):
    """One image prior.

    Attributes:
        image_px: side of its images.
        crop_px: side of the centre that attacks use.
        kind: of its networks.
        source: where it comes from.
    """

    image_px: Count
    crop_px: Count

    def __post_init__(self) -> None:
        fits = self.crop_px <= self.image_px
        require(fits, "crop_px", self.crop_px, f"at most {self.image_px}, which is image_px")


def _of_kind(kind: str) -> Any:
    """The section's entry of one kind."""
    source: Any = PickleSource
    if kind in TRAINERS:
        trainer = TRAINERS[kind]
        base = TargetSource if trainer.needs_target else TrainedSource
        source = with_keys(base, f"{kind.title()}Source", {"recipe": trainer.recipe})
    published = kind == PUBLISHED
    keys = {"kind": Literal[kind], "source": source | PickleSource if published else source}
    default = {"kind": kind} if published else {}
    return with_keys(PriorSection, f"{kind.title()}Prior", keys, default)


PRIOR: Any = reduce(or_, map(_of_kind, KINDS))
"""An entry of the section, of whichever kind."""
