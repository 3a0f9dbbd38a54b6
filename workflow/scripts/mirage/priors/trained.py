"""A prior from public images to files, whatever its kind."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mirage.priors.trainers import TRAINERS
from mirage.priors.weights import save_discriminator, save_generator
from mirage.runtime import files
from mirage.runtime.checkpoint import Checkpoint
from mirage.targets.architectures import Classifier


def train_and_save(
    kind: str,
    source: Mapping[str, Any],
    view: str | Path,
    output: Any,
    checkpoint: Checkpoint,
    device: str,
    target: Classifier | None = None,
) -> None:
    """Train a prior on all images of a view, and write both networks.

    Args:
        kind: of the prior.
        source: its entry's, with ``dataset``, ``recipe`` and a settled ``seed``.
        view: file of the public images.
        output: files ``generator`` and ``discriminator``.
        checkpoint: where an interrupted training goes on; the caller discards it.
        device: where to train.
        target: what a prior of one target learns from; None for a shared one.
    """
    trainer = TRAINERS[kind]
    images = files.load_tensors(view, "pixels")["pixels"]
    recipe = trainer.recipe.of(source["recipe"])
    trained = trainer.train(images, recipe, source["seed"], checkpoint, device, target=target)
    made = {"recipe": source["recipe"], "seed": source["seed"], "dataset": source["dataset"]}
    if trained.history:
        made["history"] = dict(trained.history)
    save_generator(output.generator, trained.generator, made, kind)
    save_discriminator(output.discriminator, trained.discriminator, made, kind)
