"""The one training loop: targets, evaluation models, and the knowledge extraction student."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from mirage.data.views import LabelledImages
from mirage.errors import MirageError
from mirage.numerics import autocast, numerics
from mirage.optimisers import Optimiser
from mirage.runtime.checkpoint import Checkpoint, State
from mirage.runtime.progress import Progress
from mirage.streams import generator, seed_of
from mirage.targets.architectures import Classifier, build
from mirage.targets.architectures.layers import StreamDropout
from mirage.targets.augmentation import Draws, Marking, augment, draw, unmarked
from mirage.targets.flat import FlatParameters
from mirage.targets.images import fits
from mirage.targets.inference import accuracy, judge, predict
from mirage.targets.noise import drawn, rows_of
from mirage.targets.parts import Outputs, TreatmentPart
from mirage.targets.recipe import TrainingRecipe
from mirage.targets.training_loss import TrainingLoss, watched

CHUNK_BYTES = 32 * 2**20
"""Augmented images held at once: the whole epoch in the demo, one batch at 224 px."""


class Trained(NamedTuple):
    """A trained classifier.

    Attributes:
        model: frozen, in eval mode.
        history: one row per epoch: ``epoch`` (from 0), ``lr``, what of the treatment was in force
            (``alpha``), ``loss``, its penalties and ``train_accuracy`` (means over the epoch's
            augmented batches), and ``test_accuracy`` where something watches it.
        metrics: of the kept weights: those of ``judge``; ``kept_epoch``; where the best are kept,
            ``last_test_accuracy`` of the last epoch's; what a part of the treatment has to tell,
            under the part's name; ``poisoned``, the figures of a poisoning. Accuracies are on
            images as they are, whatever was poisoned.
    """

    model: Classifier
    history: list[dict[str, float]]
    metrics: dict[str, Any]


def train_classifier(
    architecture: str,
    train: LabelledImages,
    test: LabelledImages | None,
    recipe: TrainingRecipe,
    seed: int,
    checkpoint: Checkpoint,
    device: str,
    init: Path | None = None,
    label: str = "training",
    treatment: Sequence[TreatmentPart] = (),
) -> Trained:
    """Train one classifier; a killed run goes on from its checkpoint to the same bytes.

    Weights at the start, data order and augmentation depend on the seed alone, never on the
    treatment (paper 4.1). The last, smaller batch is kept as in the official code, unless the
    recipe drops it; if it would be a single image it joins the batch before, because batch norm
    cannot normalise one value (quirk lone-image).

    Args:
        architecture: a registered name.
        train: training images, already of the network's size.
        test: test images; None where neither recipe nor treatment watches them.
        recipe: how to train.
        seed: seed of all draws.
        checkpoint: keeps the state of an interrupted run; the caller discards it once the
            weights are written.
        device: where to train.
        init: ImageNet weights to start from, if the recipe wants any; None: random ones.
        label: what progress lines call this training.
        treatment: the parts of its treatment; none: hard labels.

    Raises:
        MirageError: a loss that is no longer finite; with penalties in the loss that is a result:
            the metrics have ``diverged``, epoch and reason, and the last finite weights are kept.
            See also ``build`` and ``judge``.
    """
    watches = recipe.keep == "best" or any(part.watches_test for part in treatment)
    init = init if recipe.pretrained else None
    model = build(architecture, train.classes, train.pixels.shape[1], init, seed, recipe.auxiliary)
    for part in treatment:
        model = part.wrap(model, seed)
    seen = test if watches else None
    with numerics(recipe.precision, device):
        training = _Training(model.to(device), train, seen, recipe, treatment, seed, device)
        state = checkpoint.load()
        if state is not None:
            training.restore(state)
        training.run(checkpoint, label)
        metrics: dict[str, Any] = {"kept_epoch": training.keep()}
        if recipe.keep == "best":
            metrics["last_test_accuracy"] = training.history[-1]["test_accuracy"]
        on_device = train._replace(pixels=training.pixels)
        metrics |= judge(model, on_device, test, device, recipe.precision, seed)
    return Trained(model.freeze(), training.history, metrics | training.told())


class _Training:
    """Everything that changes during a training; ``test`` where it is watched."""

    def __init__(
        self,
        model: Classifier,
        train: LabelledImages,
        test: LabelledImages | None,
        recipe: TrainingRecipe,
        treatment: Sequence[TreatmentPart],
        seed: int,
        device: str,
    ) -> None:
        poisonings = (part.poison(train, seed) for part in treatment)
        self.poisoning = next((found for found in poisonings if found is not None), None)
        if self.poisoning is not None:
            train = train._replace(labels=self.poisoning.labels)
        self.model, self.train, self.test = model, train, test
        self.recipe, self.treatment, self.seed, self.device = recipe, treatment, seed, device
        weight = model.auxiliary_weight
        self.loss = TrainingLoss(treatment, recipe.epochs, weight, model.stages)
        self.flat = FlatParameters(model)
        self.optimiser = Optimiser([self.flat.vector], recipe.optimiser)
        self.dropouts = [m for m in model.modules() if isinstance(m, StreamDropout)]
        logits = model.training_logits
        self.forward: Any = torch.compile(logits) if recipe.compile else logits
        pixels = train.pixels
        self.pixels = pixels.to(device) if fits(pixels, device) else pixels
        self.labels = train.labels.to(device)
        self.bounds = _bounds(len(self._order(0)), recipe.batch_size, recipe.last_batch)
        image_bytes = 4 * pixels[0].numel()
        self.chunk = max(1, CHUNK_BYTES // (image_bytes * recipe.batch_size))
        self.epoch, self.batch = 0, 0
        # Sums over the epoch stay on the device; reading them each step would make it wait.
        means = len(self.loss.terms) + 2  # loss, penalties, hits
        self.sums = torch.zeros(means, dtype=torch.float64, device=device)
        self.columns = (
            "epoch", "lr", *self.loss.rates, "loss", *self.loss.terms, "train_accuracy",
            *(() if test is None else ("test_accuracy",)),
        )  # fmt: skip
        self.history: list[dict[str, float]] = []
        # Weights to go back to, and the epoch they are of: the best, or where a training may
        # diverge the last that are finite.
        self.saved: dict[str, Tensor] = _copy(model) if self.loss.terms else {}
        self.saved_epoch, self.diverged = -1, False

    def run(self, checkpoint: Checkpoint, label: str) -> None:
        """Train until the last epoch or the early stop."""
        steps = len(self.bounds)
        done = self.epoch * steps + self.batch
        with Progress(label, self.recipe.epochs * steps, done) as progress:
            while self.epoch < self.recipe.epochs:
                if self.diverged or (self.history and self._stopped()):
                    return
                self._run_epoch(checkpoint, progress)

    def _stopped(self) -> bool:
        return any(part.stops(self.history) for part in self.treatment)

    def _run_epoch(self, checkpoint: Checkpoint, progress: Progress) -> None:
        recipe, epoch = self.recipe, self.epoch
        lr = recipe.schedule.rate(recipe.optimiser.lr, epoch, recipe.epochs)
        note = f"loss {self.history[-1]['loss']:.3f}" if self.history else ""
        self.model.train()
        for images, labels in self._batches():
            self._step(images, labels, lr)
            self.batch += 1
            if self.batch == len(self.bounds):
                self._end_epoch(lr)
            progress.advance(note=note)
            checkpoint.tick(self.state)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Augmented images and labels of the batches this epoch still has to see."""
        order = self._order(self.epoch)
        draws = self._draws(order, self.train.pixels.shape[-1])
        bounds, first = self.bounds, self.batch
        # Chunks lie on a fixed grid, so a resumed run cuts them as an uninterrupted one does.
        for start in range(first - first % self.chunk, len(bounds), self.chunk):
            chunk = bounds[start : start + self.chunk]
            offset = chunk[0][0]
            rows = order[offset : chunk[-1][1]]
            at = rows.to(self.pixels.device)
            pixels = self.pixels.index_select(0, at).to(self.device, non_blocking=True)
            mark: Marking = unmarked
            if self.poisoning is not None:
                mark = partial(self.poisoning.stamp, rows)
            images = augment(pixels, draws.of(rows), self.recipe.augmentation, mark)
            labels = self.labels.index_select(0, rows.to(self.device))
            for low, high in chunk[max(first - start, 0) :]:
                yield images[low - offset : high - offset], labels[low - offset : high - offset]

    def _order(self, epoch: int) -> Tensor:
        """Rows of the images of an epoch in the order in which they are seen."""
        labels, size = self.train.labels, self.recipe.batch_size
        for part in self.treatment:
            rows = part.order(labels, size, generator(self.seed, "batches", epoch))
            if rows is not None:
                return rows
        return torch.randperm(len(labels), generator=generator(self.seed, "order", epoch))

    def _draws(self, order: Tensor, image_px: int) -> Draws:
        recipe = self.recipe.augmentation
        stream = generator(self.seed, "augmentation", self.epoch)
        if recipe.crop == "per_image":
            return draw(len(self.labels), image_px, recipe, stream)
        # An epoch may leave images out; they get a draw that nothing takes.
        batch_of_image = torch.zeros(len(self.labels), dtype=torch.int64)
        for batch, (low, high) in enumerate(self.bounds):
            batch_of_image[order[low:high]] = batch
        return draw(len(self.bounds), image_px, recipe, stream).of(batch_of_image)

    def _step(self, images: Tensor, labels: Tensor, lr: float) -> None:
        for index, dropout in enumerate(self.dropouts):
            names = ("dropout", self.epoch, self.batch, index)
            dropout.generator.manual_seed(seed_of(self.seed, *names))
        stream = generator(self.seed, "noise", self.epoch, self.batch)
        noise = rows_of(drawn(self.model, stream, len(images)), slice(None), self.device)
        with (
            autocast(self.recipe.precision, self.device),
            watched(self.model, self.loss.hidden) as hidden,
        ):
            logits, auxiliary = self.forward(images, *noise)
        side = None if auxiliary is None else auxiliary.float()
        loss, penalties = self.loss(
            Outputs(images, logits.float(), side, hidden), labels, self.epoch
        )
        self.flat.take(torch.autograd.grad(loss, self.flat.parameters))
        self.optimiser.step(lr)
        for place, mean in enumerate((loss.detach(), *penalties)):
            self.sums[place].add_(mean, alpha=len(labels))
        self.sums[-1].add_((logits.detach().argmax(dim=1) == labels).sum())

    def _end_epoch(self, lr: float) -> None:
        loss, *penalties, hits = (self.sums / self.bounds[-1][1]).tolist()
        self.diverged = bool(self.loss.terms) and not (math.isfinite(loss) and _finite(self.model))
        if not (math.isfinite(loss) or self.diverged):
            raise MirageError(
                f"the training loss is {loss} after epoch {self.epoch}",
                "a finite loss",
                "lower the learning rate or the size of a negative alpha, or use precision fp32",
            )
        rates = self.loss.at(self.epoch)
        values = (self.epoch, lr, *(rates[name] for name in self.loss.rates), loss, *penalties)
        row = dict(zip(self.columns, (*values, hits), strict=False))
        if self.test is not None:
            stream = generator(self.seed, "noise", "watched", self.epoch)
            logits = predict(self.model, self.test.pixels, self.device, stream=stream)
            row["test_accuracy"] = accuracy(logits, self.test.labels)
        if self._shall_save(row):
            self.saved, self.saved_epoch = _copy(self.model), self.epoch
        self.history.append(row)
        self.sums.zero_()
        self.epoch, self.batch = self.epoch + 1, 0

    def _shall_save(self, row: Mapping[str, float]) -> bool:
        if self.diverged or self.recipe.keep == "last":
            return bool(self.loss.terms) and not self.diverged
        if not self._in_force(self.epoch):
            return bool(self.loss.terms)
        before = [past["test_accuracy"] for past in self.history if self._in_force(past["epoch"])]
        return row["test_accuracy"] > max(before, default=-1.0)

    def _in_force(self, epoch: float) -> bool:
        """Whether the treatment is in an epoch what it is in the last one (quirk best-epoch)."""
        return self.loss.at(int(epoch)) == self.loss.at(self.recipe.epochs - 1)

    def state(self) -> State:
        """All that a resumed run needs, as named tensors of their own."""
        rows = [[row[column] for column in self.columns] for row in self.history]
        return {
            "position": torch.tensor([self.epoch, self.batch, self.saved_epoch, self.diverged]),
            "history": torch.tensor(rows, dtype=torch.float64).view(-1, len(self.columns)),
            "sums": self.sums.clone(),
            **{f"model.{name}": tensor for name, tensor in _copy(self.model).items()},
            **{f"saved.{name}": tensor for name, tensor in self.saved.items()},
            **self.optimiser.state(),
        }

    def restore(self, state: State) -> None:
        """Take over what ``state`` returned."""
        self.epoch, self.batch, self.saved_epoch, diverged = state["position"].tolist()
        self.diverged = bool(diverged)
        self.sums.copy_(state["sums"])
        with torch.no_grad():
            for name, tensor in self.model.state_dict().items():
                tensor.copy_(state[f"model.{name}"])
        self.optimiser.restore(state)
        self.saved = {
            name.removeprefix("saved."): tensor.to(self.device)
            for name, tensor in state.items()
            if name.startswith("saved.")
        }
        self.history = [
            {**dict(zip(self.columns, row, strict=True)), "epoch": int(row[0])}
            for row in state["history"].tolist()
        ]

    def keep(self) -> int:
        """Settle the weights that the recipe keeps, and return the epoch they are of."""
        self.flat.release()
        if not self.saved:
            return self.epoch - 1
        self.model.load_state_dict(self.saved)
        return self.saved_epoch

    def told(self) -> dict[str, Any]:
        """What parts of the treatment have to tell, by their names, and of a divergence."""
        results = {part.name: part.result(self.history) for part in self.treatment}
        told: dict[str, Any] = {name: result for name, result in results.items() if result}
        if self.poisoning is not None:
            told["poisoned"] = self.poisoning.figures
        return {**told, "diverged": self._divergence()} if self.diverged else told

    def _divergence(self) -> dict[str, Any]:
        last = self.history[-1]
        lost = "some weights are" if math.isfinite(last["loss"]) else "the training loss is"
        kept = f"of epoch {self.saved_epoch}" if self.saved_epoch >= 0 else "before the first epoch"
        reason = f"{lost} no finite number after epoch {last['epoch']}; kept are those {kept}"
        return {"epoch": last["epoch"], "reason": reason}


def _finite(model: Classifier) -> bool:
    weights = torch.cat([tensor.flatten() for tensor in model.state_dict().values()])
    return not bool((~weights.isfinite()).any())


def _copy(model: Classifier) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def _bounds(
    count: int, batch_size: int, last_batch: Literal["keep", "drop"] = "keep"
) -> list[tuple[int, int]]:
    """First and one-past-last place of each batch of an epoch."""
    if last_batch == "drop":
        if count < batch_size:
            raise MirageError(
                f"{count} training images fill no batch of {batch_size}",
                "one full batch at least, since smaller ones are dropped",
                "make batch_size smaller, or set last_batch to keep",
            )
        count -= count % batch_size
    starts = list(range(0, count, batch_size))
    if count % batch_size == 1 and len(starts) > 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], count], strict=True))
