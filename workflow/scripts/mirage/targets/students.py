"""Students: networks that learn a target's answers to public images, for LOMMA to attack as well.

LOMMA trains them one by one; here they take each batch side by side, so that the target is asked
once for all of them.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from mirage.errors import MirageError
from mirage.numerics import autocast, numerics
from mirage.optimisers import Optimiser
from mirage.runtime.checkpoint import Checkpoint, State
from mirage.runtime.progress import Progress
from mirage.streams import generator, seed_of
from mirage.targets.architectures import Classifier, build
from mirage.targets.architectures.layers import StreamDropout
from mirage.targets.flat import FlatParameters
from mirage.targets.images import fits, network_range
from mirage.targets.inference import predict
from mirage.targets.noise import width_of
from mirage.targets.students_recipe import StudentsRecipe

_NO_INITS: Mapping[str, Path] = MappingProxyType({})


def train_students(
    classifier: Classifier,
    images: Tensor,
    recipe: StudentsRecipe,
    seed: int,
    checkpoint: Checkpoint,
    device: str,
    inits: Mapping[str, Path] = _NO_INITS,
) -> list[Classifier]:
    """Train the students of a target; a killed run goes on from its checkpoint to the same bytes.

    Args:
        classifier: the teacher, frozen and in eval mode, on ``device``. If it draws noise, it
            answers anew in every epoch (quirk noisy-test).
        images: public images, uint8 [N, C, px, px], of the size the target sees.
        recipe: who learns, and how.
        seed: of initial weights, data order, stochastic depth and the teacher's noise.
        checkpoint: keeps the state of an interrupted run; the caller discards it once the students
            are written.
        device: where to train.
        inits: architecture -> ImageNet weights to start from; random ones for those left out.

    Returns:
        The students in the order of the recipe, frozen, in eval mode.

    Raises:
        MirageError: fewer images than a batch has, or a loss that is no longer finite.
        Interrupted: the job was told to stop; the state is saved.

    Source: LOMMA's model augmentation, by its code.
    """
    held: list[Tensor] = []  # answers without noise are the same in every epoch

    def answers(epoch: int) -> Tensor:
        if not held or width_of(classifier):
            stream = generator(seed, "students", "noise", epoch)
            held[:] = [predict(classifier, images, device, stream=stream)]
        return held[0]

    classes = classifier.classes
    return learn(answers, classes, images, recipe, seed, checkpoint, device, inits)


def learn(
    answers: Callable[[int], Tensor],
    classes: int,
    images: Tensor,
    recipe: StudentsRecipe,
    seed: int,
    checkpoint: Checkpoint,
    device: str,
    inits: Mapping[str, Path] = _NO_INITS,
) -> list[Classifier]:
    """Train students on answers that are there; see ``train_students``.

    Args:
        answers: epoch -> the teacher's logits of all images, [N, K].
        classes: number of classes K.
        images: uint8 [N, C, px, px].
        recipe: who learns, and how.
        seed: of initial weights, data order and stochastic depth.
        checkpoint: keeps the state of an interrupted run.
        device: where to train.
        inits: architecture -> ImageNet weights to start from.
    """
    if len(images) < recipe.batch_size:
        raise MirageError(
            f"students would learn from {len(images)} images",
            f"a batch of {recipe.batch_size} at least",
            "lower batch_size of the students, or take a larger set of public images",
        )
    channels = images.shape[1]
    students = [
        _Student(build(name, classes, channels, inits.get(name), seed), recipe, device)
        for name in recipe.architectures
    ]
    training = _Distillation(students, images, recipe, seed, device)
    state = checkpoint.load()
    if state is not None:
        training.restore(state)
    with numerics(recipe.precision, device):
        training.run(answers, checkpoint)
    return [student.finished() for student in students]


def distillation_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """KL(softmax(teacher / T) || softmax(student / T)) / T^2 in nats, mean over the batch, 0-d.

    Args:
        student: logits [N, K].
        teacher: logits [N, K].
        temperature: T. Hinton et al. 2015 multiply by T^2; LOMMA's code divides (quirk
            divided-temperature).
    """
    found = (student / temperature).log_softmax(dim=1)
    wanted = (teacher / temperature).log_softmax(dim=1)
    divergence = F.kl_div(found, wanted, reduction="batchmean", log_target=True)
    return divergence / temperature**2


class _Student:
    """One network, its optimiser, and the sum of its losses over an epoch."""

    def __init__(self, model: Classifier, recipe: StudentsRecipe, device: str) -> None:
        self.model, self.recipe, self.device = model.to(device).train(), recipe, device
        self.flat = FlatParameters(self.model)
        self.optimiser = Optimiser([self.flat.vector], recipe.optimiser)
        self.layers = [m for m in self.model.modules() if isinstance(m, StreamDropout)]
        self.loss = torch.zeros((), dtype=torch.float64, device=device)

    def step(self, images: Tensor, answers: Tensor, seed: int, *place: int) -> None:
        """Learn one batch; ``place`` is its epoch and number."""
        for index, layer in enumerate(self.layers):
            names: tuple[str | int, ...] = (self.model.name, *place, index)
            layer.generator.manual_seed(seed_of(seed, "students", "depth", *names))
        with autocast(self.recipe.precision, self.device):
            logits = self.model(images)
        loss = distillation_loss(logits.float(), answers, self.recipe.temperature)
        self.flat.take(torch.autograd.grad(loss, self.flat.parameters))
        self.optimiser.step()
        self.loss.add_(loss.detach())

    def finished(self) -> Classifier:
        """The network, frozen, in eval mode."""
        self.flat.release()
        return self.model.freeze()

    def state(self) -> State:
        """All that a resumed run needs."""
        weights = {f"model.{n}": t.clone() for n, t in self.model.state_dict().items()}
        return {**weights, **self.optimiser.state(), "loss": self.loss.clone()}

    @torch.no_grad()
    def restore(self, state: State) -> None:
        """Take over what ``state`` returned."""
        for name, tensor in self.model.state_dict().items():
            tensor.copy_(state[f"model.{name}"])
        self.optimiser.restore(state)
        self.loss.copy_(state["loss"])


class _Distillation:
    """All students, and how many steps they have taken."""

    def __init__(
        self,
        students: list[_Student],
        images: Tensor,
        recipe: StudentsRecipe,
        seed: int,
        device: str,
    ) -> None:
        self.students, self.recipe, self.seed, self.device = students, recipe, seed, device
        self.images = images.to(device) if fits(images, device) else images
        self.steps = len(images) // recipe.batch_size
        self.done = 0

    def run(self, answers: Callable[[int], Tensor], checkpoint: Checkpoint) -> None:
        """Train to the end of the last epoch."""
        size, total, note = self.recipe.batch_size, self.recipe.epochs * self.steps, ""
        begun = -1  # the epoch of order and logits
        with Progress("students", total, self.done) as progress:
            while self.done < total:
                epoch, batch = divmod(self.done, self.steps)
                if epoch != begun:
                    stream = generator(self.seed, "students", "order", epoch)
                    order = torch.randperm(len(self.images), generator=stream)
                    logits, begun = answers(epoch), epoch
                rows = order[batch * size : (batch + 1) * size]
                self._step(rows, logits[rows], epoch, batch)
                self.done += 1
                if self.done % self.steps == 0:
                    note = self._end_epoch(epoch)
                progress.advance(note=note)
                checkpoint.tick(self.state)

    def _step(self, rows: Tensor, answers: Tensor, *place: int) -> None:
        chosen = self.images.index_select(0, rows.to(self.images.device))
        images = network_range(chosen.to(self.device, non_blocking=True))
        images = images.contiguous(memory_format=torch.channels_last)
        answers = answers.to(self.device, non_blocking=True)
        for student in self.students:
            student.step(images, answers, self.seed, *place)

    def _end_epoch(self, epoch: int) -> str:
        means = [float(student.loss) / self.steps for student in self.students]
        for student, mean in zip(self.students, means, strict=True):
            student.loss.zero_()
            if not math.isfinite(mean):
                raise MirageError(
                    f"the loss of student {student.model.name} is {mean} after epoch {epoch}",
                    "a finite loss",
                    "lower the students' learning rate, or use precision fp32",
                )
        return "KL " + ", ".join(f"{mean:.3f}" for mean in means)

    def state(self) -> State:
        """All that a resumed run needs."""
        held = {
            f"{place}.{name}": tensor
            for place, student in enumerate(self.students)
            for name, tensor in student.state().items()
        }
        return {**held, "done": torch.tensor(self.done)}

    def restore(self, state: State) -> None:
        """Take over what ``state`` returned."""
        self.done = int(state["done"])
        for place, student in enumerate(self.students):
            own = f"{place}."
            student.restore({k.removeprefix(own): v for k, v in state.items() if k.startswith(own)})
