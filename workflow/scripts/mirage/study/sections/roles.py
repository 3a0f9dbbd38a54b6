"""The section ``networks``: what measures the attacks on a data set."""

from dataclasses import dataclass, field

from mirage.evaluation.recipe import NetworkSpec
from mirage.marks import DrawnSeed, Label, Omissible, Share
from mirage.recipes import Recipe, require
from mirage.study.sections.names import ArchitectureName, AssetName, DatasetName, TrainingName, Word


@dataclass(frozen=True)
class SpecSection(NetworkSpec):
    """What a network is; its images have its view's size, their range is measured."""

    image_px: int = field(default=1, init=False)
    remap: bool = field(default=False, init=False)


@dataclass(frozen=True)
class ReleasedSection(Recipe):
    """What a classifier from an asset is.

    Attributes:
        architecture: its name in the registry.
        test_accuracy: as published.
    """

    architecture: Word
    test_accuracy: Omissible[Share] = None


@dataclass(frozen=True)
class NetworkTargetSection(Recipe):
    """A target without label smoothing, trained on all images to measure others.

    Attributes:
        dataset: what it is trained on.
        architecture: another than the targets that it measures.
        seed: of its training.
        training: how it is trained.
    """

    dataset: DatasetName
    architecture: ArchitectureName
    seed: DrawnSeed
    training: TrainingName


@dataclass(frozen=True)
class NetworkSection(Recipe):
    """One network, trained here (``target``) or by others (``asset``).

    Attributes:
        spec: what it is.
        view: the view it is shown.
        title: what tables call it.
        target: its training.
        asset: its weights.
        reference: asset with the public inputs of a known answer.
        released: what it is, if it is a classifier from an asset.
    """

    spec: SpecSection
    view: Word
    title: Label
    target: Omissible[NetworkTargetSection] = None
    asset: Omissible[AssetName] = None
    reference: Omissible[AssetName] = None
    released: Omissible[ReleasedSection] = None

    def __post_init__(self) -> None:
        given = [name for name in ("target", "asset") if getattr(self, name) is not None]
        require(len(given) == 1, "its origin", given, "either `target` or `asset`")
        foreign = self.spec.kind == "classifier" and self.asset is not None
        require(
            (self.released is not None) == foreign, "`released`", self.released,
            "the architecture of a classifier from an asset, and of nothing else",
        )  # fmt: skip
