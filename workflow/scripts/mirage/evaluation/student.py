"""Knowledge extraction score ξ: what a student learns of the real people from attack images."""

from pathlib import Path

import torch
from torch import Tensor

from mirage.data.views import LabelledImages
from mirage.errors import MirageError
from mirage.evaluation.recipe import KnowledgeRecipe
from mirage.numerics import numerics
from mirage.recipes import require
from mirage.runtime.checkpoint import Checkpoint
from mirage.targets.inference import accuracy, predict
from mirage.targets.training import train_classifier


def extract_knowledge(
    images: Tensor,
    labels: Tensor,
    train: LabelledImages,
    test: LabelledImages,
    recipe: KnowledgeRecipe,
    seed: int,
    checkpoint: Checkpoint,
    device: str,
    init: Path | None = None,
) -> dict[str, float]:
    """Train a student on attack images and judge it on the real ones.

    The student knows the attacked classes only, numbered in rising order, and is judged on their
    real images, numbered alike. The official code numbers only its own side, which is the same
    when all classes are attacked and wrong for most lists of classes (quirk student-labels);
    there is no reading that reproduces that. Images are cropped and mirrored first and clamped to
    [-1, 1] last, as in the official code. They are synthesised once, where the official code does
    so anew in every epoch, to the same pixels (quirk student-recipe).

    Args:
        images: unclipped attack images, float [N, C, px, px].
        labels: attacked class of each, int64 [N].
        train: the target's training images, px as the recipe says.
        test: the target's test images.
        recipe: student and training.
        seed: seed of initial weights, data order and crops.
        checkpoint: where an interrupted training resumes.
        device: where to train.
        init: ImageNet weights the student starts from (paper); None for random ones.

    Returns:
        ``xi_train`` and ``xi_test``: top-1 accuracy of the last epoch's student on the training
        and test images of the attacked classes, in [0, 1].

    Raises:
        MirageError: images of another size, fewer than two classes, or no real image of them.
        Interrupted: the job was told to stop; the state is saved.

    Source: paper §4.1 (ξ_train) and App. C (ξ_test).
    """
    classes = torch.unique(labels)
    held = {"attack images": images, "training images": train.pixels, "test images": test.pixels}
    for name, pixels in held.items():
        require(pixels.shape[-1] == recipe.image_px, name, pixels.shape[-1], f"{recipe.image_px}px")
    attacked = LabelledImages(images, torch.searchsorted(classes, labels), len(classes))
    student = train_classifier(
        recipe.architecture, attacked, None, recipe.training, seed, checkpoint, device, init,
        "student",
    ).model  # fmt: skip
    scores = {}
    for name, real in (("xi_train", train), ("xi_test", test)):
        own = torch.isin(real.labels, classes)
        if not own.any():
            raise MirageError(f"{name} has no real image of the attacked classes")
        # Selecting copies, which gigabytes of images should be spared when all are wanted.
        pixels = real.pixels if own.all() else real.pixels[own]
        numbers = torch.searchsorted(classes, real.labels[own])
        with numerics(recipe.precision, device):
            scores[name] = accuracy(predict(student, pixels, device), numbers)
    return scores
