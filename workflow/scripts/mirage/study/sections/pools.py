"""The sections ``priors`` and ``pools``: the image prior, and the candidates drawn from it."""

from dataclasses import dataclass, field, fields
from typing import Annotated, Literal

from mirage import draws
from mirage.attacks.recipe import PoolRecipe
from mirage.marks import Count, DrawnSeed, Omissible, Seed, entry
from mirage.priors.kinds import KINDS
from mirage.priors.recipe import PriorRecipe
from mirage.recipes import Recipe, require
from mirage.study.sections.names import AssetName, DatasetName, PriorName, Word


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
    """A prior that is trained here.

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
    recipe: PriorRecipe


@dataclass(frozen=True)
class PriorSection(Recipe):
    """One image prior.

    Attributes:
        image_px: side of its images.
        crop_px: side of the centre that attacks use.
        source: where it comes from.
        kind: of its networks.
    """

    image_px: Count
    crop_px: Count
    source: PickleSource | TrainedSource
    kind: Annotated[str, entry(KINDS)] = "stylegan2"

    def __post_init__(self) -> None:
        fits = self.crop_px <= self.image_px
        require(fits, "crop_px", self.crop_px, f"at most {self.image_px}, which is image_px")


@dataclass(frozen=True)
class PoolSection(PoolRecipe):
    """One pool of candidates: its recipe, whose seed the study settles, and its prior.

    Attributes:
        prior: what renders them.
        seed: of the latents z.
    """

    prior: PriorName = field(kw_only=True)
    seed: DrawnSeed = field(kw_only=True)  # type: ignore[assignment]  # settled in the recipe

    def __post_init__(self) -> None:
        own = {each.name: getattr(self, each.name) for each in fields(PoolRecipe)}
        PoolRecipe(**{**own, "seed": draws.settled(self.seed, 0)})
