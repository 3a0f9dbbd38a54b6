"""The stage: for each class a latent deep inside what the target takes for the class."""

import logging
from collections.abc import Callable

import torch
from torch import Tensor

from mirage.attacks.given import Given
from mirage.attacks.kinds.brep.asking import Asker, LabelsOf
from mirage.attacks.kinds.brep.labels import HardLabels
from mirage.attacks.kinds.brep.recipe import BrepRecipe
from mirage.attacks.kinds.brep.repulsion import Walks, advance
from mirage.attacks.kinds.brep.starts import Starts, search
from mirage.attacks.results import Reconstructed
from mirage.numerics import at_precision, numerics
from mirage.runtime.progress import Progress
from mirage.visible import listed

_log = logging.getLogger("mirage")


def run(given: Given) -> Reconstructed:
    """Run the stage."""
    recipe, prior = BrepRecipe.of(given.settings), given.prior()
    classifier = at_precision(given.classifier(), recipe.precision)
    labels_of = HardLabels(classifier, given.image_px, given.seed)
    with numerics(recipe.precision, given.device):
        generate = prior.at(recipe.precision).generate
        return recover_latents(given, recipe, generate, prior.z_dim, labels_of)


def recover_latents(
    given: Given,
    recipe: BrepRecipe,
    generate: Callable[[Tensor, Tensor], Tensor],
    z_dim: int,
    labels_of: LabelsOf,
) -> Reconstructed:
    """Walk into every class at once; a class that is done leaves the others to themselves.

    Directions and noise come from streams named by class and pass, and the search's from streams
    of its batches, so what a class meets depends neither on other classes nor on interruptions.

    Args:
        given: classes, seed, device, batch and state.
        recipe: the stage's settings.
        generate: unconditional prior, on the device.
        z_dim: numbers of one of its latents.
        labels_of: target.

    Returns:
        One latent a class: where the last step was accepted with which the sphere grew. A class
        without a starting point (latent 0) or whose sphere never grew (where its walk ended) is
        not found (quirk largest-sphere). Scores are the shares of the last spheres inside; the
        images of the search are counted for each class as if it had been searched alone.
    """
    classes = torch.tensor(given.classes)
    ask = Asker(generate, labels_of, given.device, given.batch)
    starts = Starts.none(given.classes, z_dim)
    state = given.checkpoint.load() or {}
    if state:
        starts.restore(state)
    if "walk.z" in state:
        walks = Walks.restored(state)
    else:
        search(starts, ask, recipe, given.seed, given.checkpoint)
        walks = Walks.begin(starts, recipe)
    going = starts.found & walks.going(recipe)
    progress = Progress("repulsion", len(classes), int((~going).sum()))
    with progress:
        while going.any():
            advance(walks, going.nonzero()[:, 0], classes, ask, recipe, given.seed)
            left = starts.found & walks.going(recipe)
            radius = walks.radius[starts.found].mean()
            progress.advance(int(going.sum() - left.sum()), f"mean radius {radius:.1f}")
            going = left
            given.checkpoint.tick(lambda: starts.state() | walks.state())
    grown = walks.grown > 0
    _tell(starts, walks, recipe)
    return Reconstructed(
        classes,
        torch.where(grown[:, None], walks.best, walks.z)[:, None],
        walks.inside[:, None],
        starts.queries + walks.passes * (recipe.points + 1),
        grown,
    )


def _tell(starts: Starts, walks: Walks, recipe: BrepRecipe) -> None:
    """Name the classes that have failed or were cut short, and say how far the others came."""
    stopped = starts.found & (walks.steps < recipe.patience)
    looked = recipe.start_batches * recipe.start_batch
    reasons = {
        f"seen in none of {looked} latents, failed": ~starts.found,
        "never filled a sphere, failed": starts.found & (walks.grown == 0),
        f"stopped after {recipe.pass_limit} spheres (pass_limit)": stopped,
    }
    for reason, which in reasons.items():
        if which.any():
            _log.warning("classes %s: %s", reason, listed(starts.classes[which].tolist()))
    if starts.found.any():
        radius = walks.radius[starts.found]
        _log.info(
            "last spheres' radii: mean %.2f, from %.2f to %.2f",
            radius.mean(), radius.min(), radius.max(),
        )  # fmt: skip
