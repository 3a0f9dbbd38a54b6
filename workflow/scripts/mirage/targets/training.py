"""The one training loop: targets, evaluation models, and the knowledge extraction student."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mirage.data.views import LabelledImages
from mirage.errors import MirageError
from mirage.numerics import autocast, numerics
from mirage.optimisers import Optimiser
from mirage.recipes import require
from mirage.runtime.checkpoint import Checkpoint, State
from mirage.runtime.progress import Progress
from mirage.streams import generator, seed_of
from mirage.targets.architectures import Classifier, build
from mirage.targets.architectures.layers import StreamDropout
from mirage.targets.augmentation import Draws, augment, draw
from mirage.targets.flat import FlatParameters
from mirage.targets.images import fits
from mirage.targets.inference import accuracy, judge, predict
from mirage.targets.recipe import TrainingRecipe
from mirage.targets.schedules import learning_rate
from mirage.targets.smoothing import smoothed_cross_entropy, smoothing_at

CHUNK_BYTES = 32 * 2**20
"""Augmented images held at once: the whole epoch in the demo, one batch at 224 px."""

COLUMNS = ("epoch", "lr", "alpha", "loss", "train_accuracy", "test_accuracy")


class Trained(NamedTuple):
    """A trained classifier.

    Attributes:
        model: frozen, in eval mode.
        history: one row per epoch: ``epoch`` (from 0), ``lr``, ``alpha`` in force, ``loss`` and
            ``train_accuracy`` (means over the epoch's augmented batches), and
            ``test_accuracy`` where the recipe watches it.
        metrics: of the kept weights without augmentation: ``train_accuracy``, and with a test
            set ``test_accuracy``, ``test_loss`` (hard labels) and ``calibration_error``;
            ``kept_epoch``.
    """

    model: Classifier
    history: list[dict[str, float]]
    metrics: dict[str, float]


def train_classifier(
    architecture: str,
    train: LabelledImages,
    test: LabelledImages | None,
    recipe: TrainingRecipe,
    seed: int,
    checkpoint: Checkpoint,
    device: str,
    init: Path | None = None,
    label: str = "",
) -> Trained:
    """Train one classifier; a killed run goes on from its checkpoint to the same bytes.

    Weights at the start, data order and augmentation depend on the seed alone, never on the
    smoothing factor (paper 4.1). The last, smaller batch is kept as in the official code; if it
    would be a single image it joins the batch before, because batch norm cannot normalise one
    value (quirk lone-image).

    Args:
        architecture: a registered name.
        train: training images, already of the network's size.
        test: test images, or None.
        recipe: how to train.
        seed: seed of all draws.
        checkpoint: keeps the state of an interrupted run; the caller discards it once the
            weights are written.
        device: ``cpu`` or ``cuda``.
        init: ImageNet weights to start from; None starts from random ones.
        label: what progress lines call this training.

    Raises:
        MirageError: too few images, labels outside the classes, a recipe that needs a test set
            without one, or a loss that is no longer finite.
    """
    _check(train, test, recipe)
    model = build(architecture, train.classes, train.pixels.shape[1], init, seed, recipe.auxiliary)
    with numerics(recipe.precision, device):
        training = _Training(model.to(device), train, test, recipe, seed, device)
        state = checkpoint.load()
        if state is not None:
            training.restore(state)
        training.run(checkpoint, label or architecture)
        training.keep()
        return Trained(model.freeze(), training.history, training.metrics())


def _check(train: LabelledImages, test: LabelledImages | None, recipe: TrainingRecipe) -> None:
    require(len(train.labels) >= 2, "training images", len(train.labels), "two or more")
    for name, images in (("train", train), ("test", test)):
        if images is not None:
            span = (int(images.labels.min()), int(images.labels.max()))
            inside = span[0] >= 0 and span[1] < images.classes
            require(inside, f"{name} labels", span, f"labels in [0, {images.classes})")
    if recipe.watches_test and test is None:
        raise MirageError(
            "the recipe keeps the best epoch or stops early, and there are no test images",
            remedy="give test images, or keep the last epoch",
        )


class _Training:
    """Everything that changes during a training."""

    def __init__(
        self,
        model: Classifier,
        train: LabelledImages,
        test: LabelledImages | None,
        recipe: TrainingRecipe,
        seed: int,
        device: str,
    ) -> None:
        self.model, self.train, self.test = model, train, test
        self.recipe, self.seed, self.device = recipe, seed, device
        self.flat = FlatParameters(model)
        self.optimiser = Optimiser([self.flat.vector], recipe.optimiser)
        self.dropouts = [m for m in model.modules() if isinstance(m, StreamDropout)]
        self.forward: Any = model.training_logits
        if recipe.compile:
            self.forward = torch.compile(model.training_logits)
        pixels = train.pixels
        self.pixels = pixels.to(device) if fits(pixels, device) else pixels
        self.labels = train.labels.to(device)
        self.bounds = _bounds(len(train.labels), recipe.batch_size)
        image_bytes = 4 * pixels[0].numel()
        self.chunk = max(1, CHUNK_BYTES // (image_bytes * recipe.batch_size))
        self.epoch, self.batch = 0, 0
        # Sums over the epoch stay on the device; reading them each step would make it wait.
        self.sums = torch.zeros(2, dtype=torch.float64, device=device)  # loss, hits
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self.best_epoch, self.best_accuracy = -1, -1.0

    def run(self, checkpoint: Checkpoint, label: str) -> None:
        """Train until the last epoch or the early stop."""
        steps = len(self.bounds)
        done = self.epoch * steps + self.batch
        with Progress(label, self.recipe.epochs * steps, done) as progress:
            while self.epoch < self.recipe.epochs and not self._stopped():
                self._run_epoch(checkpoint, progress)

    def _stopped(self) -> bool:
        stop = self.recipe.stop_accuracy
        return stop is not None and bool(self.history) and self.best_accuracy >= stop

    def _run_epoch(self, checkpoint: Checkpoint, progress: Progress) -> None:
        recipe, epoch = self.recipe, self.epoch
        lr = learning_rate(recipe.schedule, recipe.optimiser.lr, epoch, recipe.epochs)
        alpha = smoothing_at(recipe.alpha, epoch, recipe.epochs, recipe.ramp)
        note = f"loss {self.history[-1]['loss']:.3f}" if self.history else ""
        self.model.train()
        for images, labels in self._batches():
            self._step(images, labels, lr, alpha)
            self.batch += 1
            if self.batch == len(self.bounds):
                self._end_epoch(lr, alpha)
            progress.advance(note=note)
            checkpoint.tick(self.state)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Augmented images and labels of the batches this epoch still has to see."""
        count, image_px = self.train.pixels.shape[0], self.train.pixels.shape[-1]
        order = torch.randperm(count, generator=generator(self.seed, "order", self.epoch))
        draws = self._draws(order, image_px)
        bounds, first = self.bounds, self.batch
        # Chunks lie on a fixed grid, so a resumed run cuts them as an uninterrupted one does.
        for start in range(first - first % self.chunk, len(bounds), self.chunk):
            chunk = bounds[start : start + self.chunk]
            offset = chunk[0][0]
            rows = order[offset : chunk[-1][1]]
            at = rows.to(self.pixels.device)
            pixels = self.pixels.index_select(0, at).to(self.device, non_blocking=True)
            images = augment(pixels, draws.of(rows), self.recipe.augmentation)
            images = images.contiguous(memory_format=torch.channels_last)
            labels = self.labels.index_select(0, rows.to(self.device))
            for low, high in chunk[max(first - start, 0) :]:
                yield images[low - offset : high - offset], labels[low - offset : high - offset]

    def _draws(self, order: Tensor, image_px: int) -> Draws:
        recipe = self.recipe.augmentation
        stream = generator(self.seed, "augmentation", self.epoch)
        if recipe.crop == "per_image":
            return draw(len(order), image_px, recipe, stream)
        lengths = torch.tensor([high - low for low, high in self.bounds])
        batch_of_place = torch.arange(len(self.bounds)).repeat_interleave(lengths)
        batch_of_image = torch.empty_like(order).scatter_(0, order, batch_of_place)
        return draw(len(self.bounds), image_px, recipe, stream).of(batch_of_image)

    def _step(self, images: Tensor, labels: Tensor, lr: float, alpha: float) -> None:
        for index, dropout in enumerate(self.dropouts):
            names = ("dropout", self.epoch, self.batch, index)
            dropout.generator.manual_seed(seed_of(self.seed, *names))
        with autocast(self.recipe.precision, self.device):
            logits, auxiliary = self.forward(images)
        loss = smoothed_cross_entropy(logits.float(), labels, alpha)
        if auxiliary is not None:
            side = smoothed_cross_entropy(auxiliary.float(), labels, alpha)
            loss = loss + self.model.auxiliary_weight * side
        self.flat.take(torch.autograd.grad(loss, self.flat.parameters))
        self.optimiser.step(lr)
        self.sums[0].add_(loss.detach(), alpha=len(labels))
        self.sums[1].add_((logits.detach().argmax(dim=1) == labels).sum())

    def _end_epoch(self, lr: float, alpha: float) -> None:
        loss, hits = (self.sums / len(self.labels)).tolist()
        if not torch.isfinite(torch.tensor(loss)):
            raise MirageError(
                f"the training loss is {loss} after epoch {self.epoch}",
                "a finite loss",
                "lower the learning rate or the size of a negative alpha, or use precision fp32",
            )
        row = dict(zip(COLUMNS, (self.epoch, lr, alpha, loss, hits), strict=False))
        if self.recipe.watches_test and self.test is not None:
            logits = predict(self.model, self.test.pixels, self.device)
            row["test_accuracy"] = accuracy(logits, self.test.labels)
            if row["test_accuracy"] > self.best_accuracy:
                self.best_epoch, self.best_accuracy = self.epoch, row["test_accuracy"]
                if self.recipe.keep == "best":
                    self.best = _copy(self.model)
        self.history.append(row)
        self.sums.zero_()
        self.epoch, self.batch = self.epoch + 1, 0

    def state(self) -> State:
        """All that a resumed run needs, as named tensors of their own."""
        rows = [[row.get(column, -1.0) for column in COLUMNS] for row in self.history]
        return {
            "position": torch.tensor([self.epoch, self.batch, self.best_epoch]),
            "history": torch.tensor(rows, dtype=torch.float64).view(-1, len(COLUMNS)),
            "sums": self.sums.clone(),
            **{f"model.{name}": tensor for name, tensor in _copy(self.model).items()},
            **{f"best.{name}": tensor for name, tensor in self.best.items()},
            **self.optimiser.state(),
        }

    def restore(self, state: State) -> None:
        """Take over what ``state`` returned."""
        self.epoch, self.batch, self.best_epoch = state["position"].tolist()
        self.sums.copy_(state["sums"])
        with torch.no_grad():
            for name, tensor in self.model.state_dict().items():
                tensor.copy_(state[f"model.{name}"])
        self.optimiser.restore(state)
        self.best = {
            name.removeprefix("best."): tensor.to(self.device)
            for name, tensor in state.items()
            if name.startswith("best.")
        }
        width = len(COLUMNS) if self.recipe.watches_test else len(COLUMNS) - 1
        self.history = [
            {"epoch": int(row[0]), **dict(zip(COLUMNS[1:width], row[1:width], strict=True))}
            for row in state["history"].tolist()
        ]
        if self.best_epoch >= 0:
            self.best_accuracy = self.history[self.best_epoch]["test_accuracy"]

    def keep(self) -> None:
        """Settle the weights that the recipe keeps."""
        self.flat.release()
        if self.recipe.keep == "best":
            self.model.load_state_dict(self.best)

    def metrics(self) -> dict[str, float]:
        """Judge the kept weights."""
        kept = self.best_epoch if self.recipe.keep == "best" else self.epoch - 1
        train = self.train._replace(pixels=self.pixels)
        precision = self.recipe.precision
        return {"kept_epoch": kept, **judge(self.model, train, self.test, self.device, precision)}


def _copy(model: Classifier) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def _bounds(count: int, batch_size: int) -> list[tuple[int, int]]:
    """First and one-past-last place of each batch of an epoch."""
    starts = list(range(0, count, batch_size))
    if count % batch_size == 1 and len(starts) > 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], count], strict=True))
