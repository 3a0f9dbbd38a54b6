"""Settings of the three stages of PPA."""

from dataclasses import dataclass, field
from typing import Literal

from mirage.attacks.losses import LOSSES
from mirage.recipes import OptimiserRecipe, Precision, Recipe, Sharing, check_crop, require
from mirage.visible import listed


@dataclass(frozen=True)
class SamplingRecipe(Recipe):
    """How starting points are chosen.

    Attributes:
        candidates_per_class: latents each class starts from (paper B.4: 200).
        flip_average: rate the mean softmax of the image and its mirror image (quirk
            mirror-rating); else of the image alone.
        precision: arithmetic of the classifier; see ``mirage.numerics``.
    """

    candidates_per_class: int = 200
    flip_average: bool = True
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        require(
            self.candidates_per_class > 0, "candidates_per_class", self.candidates_per_class,
            "at least 1",
        )  # fmt: skip


@dataclass(frozen=True)
class OptimisationRecipe(Recipe):
    """How latents are optimised; defaults are the paper's (B.4) unless said otherwise.

    Attributes:
        steps: optimiser steps (paper: 50 FaceScrub, 70 CelebA); 0 leaves the starting points as
            they are (paper Figure 6a).
        optimiser: paper: Adam, learning rate 0.005, betas (0.1, 0.1).
        batch_size: latents of one official batch (quirk batches-by-gpus). It sets which
            latents share a crop, and the factor 1 / batch_size of the gradient.
        crop_scale: bounds of the random crop's share of the area.
        crop_ratio: bounds of its width / height.
        crop: ``shared``, one crop per official batch and step (official code), or ``per_image``
            (corrected; quirk shared-crop).
        loss: name of an attack loss.
        discriminator_weight: weight of the mean softplus(-D(image)); 0 leaves it out.
        feature_weight: weight of the feature regulariser; 0 leaves it out (LOMMA: 1.0). Its
            statistics are of the attack's pool, at most 5,000 images, as stage 1 rates them: 2,000
            on FaceScrub, clipped, generated. LOMMA's code takes 5,050 public photographs
            (quirk feature-statistics).
        feature_reference: f_reg is the ``mean`` of public features (what LOMMA's code does) or
            one normal ``draw`` per official batch and step (paper's C.7; quirk overwritten-draw).
        clip: clamp images to [-1, 1] before they are resized (false: quirk clipped-pool).
        precision: arithmetic of generator and networks; see ``mirage.numerics``.
        fold_batch_norms: let convolutions of the attacked model take over the batch norms behind
            them; fewer passes over memory, where steps are not compiled, and other rounding.
    """

    steps: int
    optimiser: OptimiserRecipe = field(
        default_factory=lambda: OptimiserRecipe("adam", 0.005, betas=(0.1, 0.1))
    )
    batch_size: int = 25
    crop_scale: tuple[float, float] = (0.9, 1.0)
    crop_ratio: tuple[float, float] = (1.0, 1.0)
    crop: Sharing = "shared"
    loss: str = "poincare"
    discriminator_weight: float = 0.0
    feature_weight: float = 0.0
    feature_reference: Literal["mean", "draw"] = "mean"
    clip: bool = False
    precision: Precision = "fp32"
    fold_batch_norms: bool = False

    def __post_init__(self) -> None:
        require(self.steps >= 0, "steps", self.steps, "0 or more")
        require(self.batch_size > 0, "batch_size", self.batch_size, "at least 1")
        check_crop(self.crop_scale, self.crop_ratio)
        require(self.loss in LOSSES, "loss", self.loss, f"one of {listed(LOSSES)}")
        for name in ("discriminator_weight", "feature_weight"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "zero or more")


@dataclass(frozen=True)
class SelectionRecipe(Recipe):
    """How results are ranked; defaults are the paper's (B.4).

    Attributes:
        n_selected: results kept per class.
        iterations: random transforms each image is rated under; 0 selects nothing: every result
            is kept, in the order of stage 1 (paper Tables 5 and 6).
        crop_scale: bounds of the random crop's share of the area.
        crop_ratio: bounds of its width / height.
        flip: probability of mirroring.
        crop: ``shared``, one transform per iteration for all images of a class (official code),
            or ``per_image`` (corrected; quirk shared-crop).
        precision: arithmetic of generator and classifier; see ``mirage.numerics``.
    """

    n_selected: int = 50
    iterations: int = 100
    crop_scale: tuple[float, float] = (0.5, 0.9)
    crop_ratio: tuple[float, float] = (0.8, 1.2)
    flip: float = 0.5
    crop: Sharing = "shared"
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        require(self.n_selected > 0, "n_selected", self.n_selected, "at least 1")
        require(self.iterations >= 0, "iterations", self.iterations, "0 or more")
        check_crop(self.crop_scale, self.crop_ratio)
        require(0 <= self.flip <= 1, "flip", self.flip, "a probability")
