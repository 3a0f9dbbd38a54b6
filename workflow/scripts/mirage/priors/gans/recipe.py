"""Settings of the low-resolution priors' training; the defaults are the published ones."""

from dataclasses import dataclass, field
from typing import Literal

from mirage.priors.gans.sizes import (
    ClassifyingConfig,
    ConditionalConfig,
    CriticConfig,
    DeconvolutionConfig,
    Ladder,
    ProjectionConfig,
)
from mirage.recipes import OptimiserRecipe, RandomViewRecipe, Recipe, require


@dataclass(frozen=True)
class WganTrainingRecipe(Recipe):
    """How GMI's general GAN is trained: on public images alone, one for all targets.

    Attributes:
        generator: its shape.
        discriminator: the critic's shape.
        epochs: passes over the public images; an incomplete last batch of each is left out.
        batch_size: reals, and fakes, of one step.
        discriminator_steps: steps of the critic for one of the generator.
        penalty_weight: of the gradient penalty.
        optimiser: of both networks.

    Source: Gulrajani et al. 2017; numbers of the KED-MI repository's general GAN.
    """

    generator: DeconvolutionConfig = field(default_factory=DeconvolutionConfig)
    discriminator: CriticConfig = field(default_factory=CriticConfig)
    epochs: int = 120
    batch_size: int = 64
    discriminator_steps: int = 5
    penalty_weight: float = 10.0
    optimiser: OptimiserRecipe = field(
        default_factory=lambda: OptimiserRecipe("adam", 2e-4, betas=(0.5, 0.999))
    )

    def __post_init__(self) -> None:
        _require_positive(self, "epochs", "batch_size", "discriminator_steps")
        _require_weights(self, "penalty_weight")
        _require_equal(self.generator, self.discriminator, "image_px", "image_channels")


@dataclass(frozen=True)
class KedTrainingRecipe(Recipe):
    """How KED-MI's GAN is trained: its discriminator learns the target's answers, too.

    Attributes:
        generator: its shape.
        discriminator: its shape.
        epochs: passes over the public images; an incomplete last batch of each is left out.
        batch_size: images of one step, three times over: labelled, real, and matched or faked.
        discriminator_steps: steps of the discriminator for one of the generator.
        entropy_weight: of the entropy of the fakes' classes, which is summed over the batch.
        target_mode: of the target when it labels: ``train`` as published, whose batch norms use
            the batch (quirk labelled-in-training), or ``eval``.
        optimiser: of both networks.

    Source: Chen et al., ICCV 2021; numbers of its repository.
    """

    generator: DeconvolutionConfig = field(default_factory=DeconvolutionConfig)
    discriminator: ClassifyingConfig = field(default_factory=ClassifyingConfig)
    epochs: int = 120
    batch_size: int = 64
    discriminator_steps: int = 5
    entropy_weight: float = 1e-4
    target_mode: Literal["train", "eval"] = "train"
    optimiser: OptimiserRecipe = field(
        default_factory=lambda: OptimiserRecipe("adam", 2e-4, betas=(0.5, 0.999))
    )

    def __post_init__(self) -> None:
        _require_positive(self, "epochs", "batch_size", "discriminator_steps")
        _require_weights(self, "entropy_weight")
        _require_equal(self.generator, self.discriminator, "image_px", "image_channels")


@dataclass(frozen=True)
class PlgTrainingRecipe(Recipe):
    """How PLG-MI's GAN is trained: on the public images the target takes for its classes.

    Attributes:
        generator: its shape.
        discriminator: its shape.
        top_n: public images that stand for each class.
        steps: steps of the generator.
        batch_size: reals, and fakes, of one step.
        discriminator_steps: steps of the discriminator after each of the generator.
        inversion_weight: of the target's max-margin loss, which has no lower bound.
        views: how fakes are changed before the target sees them.
        optimiser: of both networks.

    Source: Yuan et al., AAAI 2023; numbers of its repository (``top_n`` of its example).
    """

    generator: ConditionalConfig = field(default_factory=ConditionalConfig)
    discriminator: ProjectionConfig = field(default_factory=ProjectionConfig)
    top_n: int = 30
    steps: int = 30_000
    batch_size: int = 64
    discriminator_steps: int = 5
    inversion_weight: float = 0.2
    views: RandomViewRecipe = field(default_factory=lambda: RandomViewRecipe(jitter=0.5))
    optimiser: OptimiserRecipe = field(
        default_factory=lambda: OptimiserRecipe("adam", 2e-4, betas=(0.0, 0.9))
    )

    def __post_init__(self) -> None:
        _require_positive(self, "top_n", "steps", "batch_size", "discriminator_steps")
        _require_weights(self, "inversion_weight")
        _require_equal(self.generator, self.discriminator, "image_px", "image_channels", "classes")


def _require_positive(recipe: Recipe, *names: str) -> None:
    for name in names:
        require(getattr(recipe, name) >= 1, name, getattr(recipe, name), "at least 1")


def _require_weights(recipe: Recipe, *names: str) -> None:
    for name in names:
        require(getattr(recipe, name) >= 0, name, getattr(recipe, name), "zero or more")


def _require_equal(generator: Ladder, discriminator: Ladder, *names: str) -> None:
    """Refuse two networks that do not make and judge the same images."""
    for name in names:
        made, judged = getattr(generator, name), getattr(discriminator, name)
        require(made == judged, f"discriminator.{name}", judged, f"{made}, as of the generator")
