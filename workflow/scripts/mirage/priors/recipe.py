"""Settings of a prior's training."""

from dataclasses import dataclass, field, replace

from mirage import grouping
from mirage.priors.shapes import DiscriminatorConfig, GeneratorConfig
from mirage.recipes import OptimiserRecipe, Recipe, require


@dataclass(frozen=True)
class RealAugmentation(Recipe):
    """Mild changes of the training images, which the generator learns as part of the data.

    Attributes:
        flip: probability of mirroring, in [0, 1].
        crop: bounds of the crop's side as a share of the image's, within (0, 1].
        rotation: largest angle either way, radians, in [0, pi].
        brightness: largest shift either way; the image range is [-1, 1].
        contrast: largest relative change of the contrast either way, in [0, 1].
    """

    flip: float = 0.5
    crop: tuple[float, float] = (0.8, 1.0)
    rotation: float = 0.12
    brightness: float = 0.1
    contrast: float = 0.1

    def __post_init__(self) -> None:
        require(0 <= self.flip <= 1, "flip", self.flip, "a probability")
        low, high = self.crop
        require(0 < low <= high <= 1, "crop", self.crop, "two rising shares in (0, 1]")
        require(0 <= self.rotation <= 3.1416, "rotation", self.rotation, "radians in [0, pi]")
        require(self.brightness >= 0, "brightness", self.brightness, "zero or more")
        require(0 <= self.contrast <= 1, "contrast", self.contrast, "a value in [0, 1]")


@dataclass(frozen=True)
class SharedAugmentation(Recipe):
    """Strong changes of real and synthesised images alike, which the generator need not learn.

    Attributes:
        brightness: largest shift either way; the image range is [-1, 1].
        contrast: largest relative change of the contrast either way, in [0, 1].
        translation: largest shift either way, as a share of the side, in [0, 1).
        cutout: side of the blanked square as a share of the side, in [0, 1].

    Source: DiffAugment (Zhao et al., NeurIPS 2020), whose published values are the defaults
    (brightness within 0.5, contrast 0.5 to 1.5, translation 1/8, cutout 1/2). Its saturation is
    left out: it does nothing to grey images.
    """

    brightness: float = 0.5
    contrast: float = 0.5
    translation: float = 0.125
    cutout: float = 0.5

    def __post_init__(self) -> None:
        require(self.brightness >= 0, "brightness", self.brightness, "zero or more")
        require(0 <= self.contrast <= 1, "contrast", self.contrast, "a value in [0, 1]")
        require(0 <= self.translation < 1, "translation", self.translation, "a share in [0, 1)")
        require(0 <= self.cutout <= 1, "cutout", self.cutout, "a share in [0, 1]")


@dataclass(frozen=True)
class PriorRecipe(Recipe):
    """How a prior is trained.

    Attributes:
        generator: shape of the generator.
        discriminator: shape of the discriminator.
        steps: steps of either network.
        batch_size: real images, and synthesised images, per step.
        optimiser: of both networks, before the correction for lazy regularisation.
        r1_gamma: weight of the R1 penalty; the loss has gamma / 2 of it.
        r1_interval: steps from one R1 penalty to the next.
        path_weight: weight of the path-length penalty; 0 leaves it out.
        path_interval: steps from one path-length penalty to the next.
        path_batch: synthesised images of a path-length penalty.
        path_decay: how much a batch moves the running mean of path lengths, in (0, 1].
        ema_decay: what the averaged generator keeps of itself per step, in [0, 1).
        w_avg_decay: what the running mean of w keeps of itself per step, in [0, 1).
        real_augmentation: changes of the training images.
        shared_augmentation: changes of all images the discriminator sees.

    Source: the defaults are those of the official code, apart from ``batch_size``, ``path_batch``
    (half a batch, as there) and ``ema_decay``, which suit thousands of steps, not millions.
    """

    generator: GeneratorConfig
    discriminator: DiscriminatorConfig
    steps: int
    batch_size: int = 16
    optimiser: OptimiserRecipe = field(
        default_factory=lambda: OptimiserRecipe("adam", 2e-3, betas=(0.0, 0.99))
    )
    r1_gamma: float = 1.0
    r1_interval: int = 16
    path_weight: float = 2.0
    path_interval: int = 4
    path_batch: int = 8
    path_decay: float = 0.01
    ema_decay: float = 0.998
    w_avg_decay: float = 0.995
    real_augmentation: RealAugmentation = field(default_factory=RealAugmentation)
    shared_augmentation: SharedAugmentation = field(default_factory=SharedAugmentation)

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "r1_interval", "path_interval", "path_batch"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in ("r1_gamma", "path_weight"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "zero or more")
        for name in ("ema_decay", "w_avg_decay"):
            require(0 <= getattr(self, name) < 1, name, getattr(self, name), "a value in [0, 1)")
        group = self.discriminator.deviation_group
        require(
            grouping.divides(self.batch_size, group), "batch_size", self.batch_size,
            f"a multiple of deviation_group {group}, or fewer",
        )  # fmt: skip
        require(0 < self.path_decay <= 1, "path_decay", self.path_decay, "a value in (0, 1]")
        require(self.optimiser.name == "adam", "optimiser", self.optimiser.name, "adam")


def lazy_optimiser_recipe(recipe: OptimiserRecipe, interval: int | None) -> OptimiserRecipe:
    """Correct Adam for a regulariser that takes a step of its own every ``interval`` steps.

    With c = interval / (interval + 1) the rate becomes c lr and each beta becomes beta^c, so the
    pace per training step stays that of ``recipe``.

    Source: StyleGAN2, appendix B ("lazy regularization").
    """
    if interval is None:
        return recipe
    share = interval / (interval + 1)
    first, second = recipe.betas
    return replace(recipe, lr=share * recipe.lr, betas=(first**share, second**share))
