"""The stage: latents are optimised until random views of their images are of the class."""

from collections.abc import Callable

import torch
from torch import Tensor

from mirage import finite
from mirage.attacks.given import Given
from mirage.attacks.kinds.plg.descent import MarginDescent
from mirage.attacks.kinds.plg.draws import ViewDraws
from mirage.attacks.kinds.plg.recipe import PlgAttackRecipe
from mirage.attacks.results import Reconstructed
from mirage.numerics import at_precision, numerics
from mirage.runtime.progress import Progress
from mirage.targets.noise import width_of

_LATENTS = "recovered latents"


def run(given: Given) -> Reconstructed:
    """Run the stage."""
    recipe, prior = PlgAttackRecipe.of(given.settings), given.prior()
    classifier = at_precision(given.classifier(), recipe.precision)
    with numerics(recipe.precision, given.device):
        generate = prior.at(recipe.precision).generate
        return recover_latents(given, recipe, generate, prior.z_dim, classifier)


def recover_latents(
    given: Given,
    recipe: PlgAttackRecipe,
    generate: Callable[[Tensor, Tensor], Tensor],
    z_dim: int,
    classifier: Callable[..., Tensor],
) -> Reconstructed:
    """Optimise every restart of every class.

    Draws come from streams named by class, restart and step, and Adam keeps its moments per
    coordinate, so results depend on ``given.batch``, and on which classes run together, by float
    rounding alone.

    Args:
        given: classes, sizes of images, seed, device, state; the batch is how many latents run
            together at most (those of one class do).
        recipe: the stage's settings.
        generate: conditional prior, on the device: (z, classes) -> images in [-1, 1].
        z_dim: numbers of one of its latents.
        classifier: attacked model, on the device, frozen and in eval mode.

    Returns:
        Final iterates, and the probability of the class in their images as they are.

    Raises:
        MirageError: no latent of a class is finite any more.

    Source: PLG-MI's published attack. Deviations: a batch's losses are added where it takes their
    mean, which Adam does not tell but for its epsilon; classes have starting points of their own
    (quirk repeated-restarts).
    """
    classes, count = list(given.classes), recipe.restarts
    latents = torch.zeros(len(classes), count, z_dim)
    scores = torch.zeros(len(classes), count)
    state = given.checkpoint.load() or {}
    done = int(state.get("done", 0))
    latents[:done], scores[:done] = state.get("latents", 0), state.get("scores", 0)
    past = done * recipe.steps + int(state.get("step", 0)) * len(state.get("z", ())) // count
    progress = Progress("recovery", len(classes) * recipe.steps, past)
    together = max(given.batch // count, 1)
    with progress:
        for low in range(done, len(classes), together):
            part = classes[low : low + together]
            rows = [(label, restart) for label in part for restart in range(count)]
            draws = ViewDraws(rows, recipe, given.crop_px, width_of(classifier), given.seed)
            descent = MarginDescent(given, recipe, generate, classifier, draws)
            finished = {
                "done": torch.tensor(low), "latents": latents[:low], "scores": scores[:low],
            }  # fmt: skip
            z = descent.run(z_dim, state, finished, progress)
            latents[low : low + together] = z.view(len(part), count, z_dim)
            scores[low : low + together] = descent.confidences(z).view(len(part), count)
            state = {}
            usable = finite.rows_finite(latents[low : low + together])
            finite.require_enough(usable, 1, part, _LATENTS)
    failed = int((~finite.rows_finite(latents)).sum())
    finite.tell(failed, latents.shape[0] * count, _LATENTS)
    queries = torch.zeros(len(classes), dtype=torch.int64)
    found = torch.ones(len(classes), dtype=torch.bool)
    return Reconstructed(torch.tensor(classes), latents, scores, queries, found, failed)
