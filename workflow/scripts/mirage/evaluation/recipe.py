"""Settings of the networks that measure attacks, and of the surrogate student."""

from dataclasses import dataclass
from typing import Annotated, Literal

from mirage.marks import In, Omissible, bounded
from mirage.recipes import OptimiserRecipe, Precision, Recipe, require
from mirage.targets.recipe import AugmentationRecipe, ScheduleRecipe, TrainingRecipe


@dataclass(frozen=True)
class NetworkSpec(Recipe):
    """One evaluation network of a run.

    Attributes:
        kind: ``classifier`` (trained here), ``facenet`` or ``inception_fid``.
        image_px: side of the square images it is given, in pixels.
        l2_normalise: scale features to unit length.
        remap: under ``corrected``, give the network torchvision's re-mapped input, in which a
            released evaluator was trained; see ``evaluator``.
        input: how these images become its input; all but ``direct`` enlarge them (quirk
            enlarged-inputs), see ``inputs``.
        input_px: side that they are enlarged to.
    """

    kind: Literal["classifier", "facenet", "inception_fid"]
    image_px: int
    l2_normalise: bool = False
    remap: bool = False
    input: Literal["direct", "quantised", "aligned", "resized", "halved"] = "direct"
    input_px: Omissible[int] = None

    def __post_init__(self) -> None:
        require(self.image_px > 0, "image_px", self.image_px, "a positive number of pixels")
        sized = self.input_px is not None and self.input_px > 0
        fits = sized if self.input != "direct" else self.input_px is None
        require(fits, "input_px", self.input_px, "a number of pixels for all but direct input")


@dataclass(frozen=True)
class KnowledgeRecipe(Recipe):
    """How the student is trained; the defaults are the official code's (quirk student-recipe).

    Attributes:
        architecture: the student (paper: ``resnet50``).
        image_px: side of its images (paper: 224).
        epochs: passes over the attack images.
        batch_size: images per step.
        lr: SGD's learning rate in the first epoch.
        momentum: of SGD.
        weight_decay: of SGD.
        final_lr: where the cosine, stepped per epoch, ends.
        crop_scale: bounds of the random crop's share of the image area.
        crop_ratio: bounds of the crop's width / height.
        flip: probability of mirroring.
        crop: ``shared``, one draw of crop and mirror per batch, as the official code's transform of
            the batch tensor does (quirk shared-crop), or ``per_image`` (corrected).
        precision: arithmetic of the training; see ``mirage.numerics``.
    """

    architecture: Annotated[str, In("architectures")]
    image_px: int
    epochs: int = 75
    batch_size: int = 32
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    final_lr: float = 1e-4
    crop_scale: tuple[float, float] = (0.8, 1.0)
    crop_ratio: tuple[float, float] = (1.0, 1.0)
    flip: float = 0.5
    crop: Literal["shared", "per_image"] = "shared"
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        require(self.image_px > 0, "image_px", self.image_px, "a positive number of pixels")
        _ = self.training  # its parts refuse impossible values

    @property
    def training(self) -> TrainingRecipe:
        """The student's training in the terms of the one training loop."""
        return TrainingRecipe(
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimiser=OptimiserRecipe(
                "sgd", self.lr, momentum=self.momentum, weight_decay=self.weight_decay
            ),
            schedule=ScheduleRecipe("cosine", floor=self.final_lr),
            augmentation=AugmentationRecipe(
                crop_scale=self.crop_scale,
                crop_ratio=self.crop_ratio,
                flip=self.flip,
                crop=self.crop,
            ),
            precision=self.precision,
        )


@dataclass(frozen=True)
class VerificationRecipe(Recipe):
    """When a hit is a verified one.

    Attributes:
        network: the role whose features measure faces.
        false_acceptance: share of pairs of different people that may pass as one person.
    """

    network: str = "face"
    false_acceptance: Annotated[float, bounded(above=0, below=1)] = 0.001
