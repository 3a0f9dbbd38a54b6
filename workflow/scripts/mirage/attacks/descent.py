"""The loop of GMI and KED-MI: latents of many classes go down the inversion loss together."""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from mirage import finite
from mirage.attacks.batches import stacked
from mirage.attacks.given import Given
from mirage.attacks.identity_batches import (
    IdentityBatch,
    RowDraws,
    by_class,
    identity_batches,
    names,
)
from mirage.attacks.inversion_loss import InversionLoss, latent_rows
from mirage.attacks.inversion_recipe import InversionRecipe
from mirage.attacks.results import Reconstructed
from mirage.numerics import numerics
from mirage.runtime.checkpoint import State
from mirage.runtime.progress import Progress
from mirage.targets.inference import hits
from mirage.targets.noise import width_of

BOUND = 1.0
"""Latents are clamped to [-1, 1]."""
_WHAT = "recovered latents"


class Descent(Protocol):
    """What moves for some rows."""

    @property
    def parameters(self) -> Sequence[Tensor]:
        """Tensors that need gradients."""

    def latents(self, step: int) -> Tensor:
        """Latents of a step, [N, z_dim], a function of the parameters."""

    def move(self, gradients: Sequence[Tensor]) -> None:
        """One optimiser step from the gradients of the parameters."""

    def results(self) -> Tensor:
        """What is found in the end, [N, m, z_dim]."""

    def state(self) -> State:
        """All that a resumed run needs."""

    def restore(self, state: State) -> None:
        """Take over what ``state`` returned."""


def recover(
    given: Given,
    recipe: InversionRecipe,
    restarts: int,
    goal: InversionLoss,
    begin: Callable[[list[IdentityBatch]], Descent],
) -> Tensor:
    """Descend for every class, in official batches of classes.

    Several official batches share a device batch. Each keeps its own mean, so results depend on
    ``given.batch``, and on which batches run together, by float rounding alone.

    Args:
        given: classes, device and state; they begin with the first class of an official batch. The
            batch is how many latents run together at most (at least one official batch does).
        recipe: steps, size of the official batches and precision.
        restarts: times each batch is begun.
        goal: what is minimised.
        begin: starts consecutive batches.

    Returns:
        What was found of each class, float32 [K, restarts * m, z_dim], on the CPU; final iterates
        (quirk final-iterate).

    Raises:
        MirageError: a latent is no finite number; all of a class's count, so none may be lost.
        Interrupted: the job was told to stop; the state is saved.
    """
    batches = identity_batches(given.classes, recipe.batch_size, restarts)
    state = given.checkpoint.load() or {}
    found = [state["found"]] if "found" in state else []  # [rows, m, z_dim]
    done = sum(map(len, found))
    waiting = [batch for batch in batches if batch.start >= done]
    first = int(state.get("step", 0))
    total = batches[-1].stop
    width = width_of(goal.target)
    progress = Progress("recovery", total * recipe.steps, done * recipe.steps)
    with numerics(recipe.precision, given.device), progress:
        for stack in stacked(waiting, given.batch):
            rows, descent = latent_rows(stack, given.device), begin(stack)
            noise = RowDraws("noise", names(stack), width, given.seed, given.device)
            if first:
                descent.restore(state)
                progress.advance(first * len(rows.labels))
            held: State = {"found": torch.cat(found)} if found else {}
            for step in range(first, recipe.steps):
                losses = goal.of(descent.latents(step), rows, *noise.arguments(step))
                descent.move(torch.autograd.grad(losses, descent.parameters, rows.weights))
                progress.advance(len(losses))
                running = held | {"step": torch.tensor(step + 1)}
                given.checkpoint.tick(lambda: running | descent.state())  # noqa: B023
            left = descent.results().detach().cpu()
            labels = [label for batch in stack for label in batch.labels]
            finite.require_enough(finite.rows_finite(left), left.shape[1], labels, _WHAT)
            found.append(left)
            first = 0
    return by_class(torch.cat(found), batches)


@torch.no_grad()
def reconstructed(
    given: Given, recipe: InversionRecipe, goal: InversionLoss, latents: Tensor
) -> Reconstructed:
    """Judge what was found by the target.

    Args:
        given: classes, seed of the target's noise, device and batch.
        recipe: precision.
        goal: has generator and target.
        latents: of each class, [K, n, z_dim].

    Returns:
        Latents, and as their scores the target's probabilities of the class; a class is found if
        the target takes one of its images for it.
    """
    classes, each = given.classes, latents.shape[1]
    labels = torch.tensor(classes).repeat_interleave(each)
    passes = RowDraws(
        "judged",
        [(label, place) for label in classes for place in range(each)],
        width_of(goal.target),
        given.seed,
        given.device,
    )
    noise = passes.arguments(0)
    flat, scores, hit = latents.flatten(0, 1), [], []
    with numerics(recipe.precision, given.device):
        for start in range(0, len(flat), given.batch):
            rows = slice(start, start + given.batch)
            wanted = labels[rows].to(given.device)
            images = goal.generate(flat[rows].to(given.device), wanted)
            logits = goal.target(images, *(part[rows] for part in noise))[1]
            scores.append(logits.softmax(dim=1).gather(1, wanted[:, None]).squeeze(1).cpu())
            hit.append(hits(logits, wanted).cpu())
    found = torch.cat(hit).view(-1, each).any(dim=1)
    queries = torch.zeros(len(classes), dtype=torch.int64)
    probabilities = torch.cat(scores).view(-1, each)
    return Reconstructed(torch.tensor(classes), latents, probabilities, queries, found)
