"""Stage 1: for each class, the candidates the target is surest of."""

from collections.abc import Callable

import torch
from torch import Tensor

from mirage import finite
from mirage.attacks import ties
from mirage.attacks.given import Given
from mirage.attacks.kinds.ppa.recipe import SamplingRecipe
from mirage.attacks.pool import Pool
from mirage.attacks.results import Candidates
from mirage.numerics import at_precision, numerics
from mirage.streams import generator
from mirage.targets.noise import drawn, rows_of

_RATINGS = "ratings of candidates"


def run(given: Given) -> Candidates:
    """Run the stage."""
    recipe = SamplingRecipe.of(given.settings)
    return sample_candidates(given, recipe, given.classifier(), Pool.load(given.files["pool"]))


@torch.no_grad()
def sample_candidates(
    given: Given, recipe: SamplingRecipe, classifier: Callable[..., Tensor], pool: Pool
) -> Candidates:
    """Choose each class's best-rated latents of the pool.

    A latent may serve several classes. Of equal scores the lower pool index comes first, and how
    many compete so for the last places is counted (``mirage.attacks.ties``); a score that is not
    finite comes last (``mirage.finite``).

    Args:
        given: classes, device, batch and state.
        recipe: how many, and how they are rated.
        classifier: attacked model, on the device, frozen and in eval mode.
        pool: the shared candidates.

    Raises:
        MirageError: the pool has fewer latents with finite scores than a class needs.

    Source: paper B.4, stage 1, and 4.4. As the official code there are no random transforms,
    which the paper's 4.4 mentions (quirk mirror-rating).
    """
    classifier = at_precision(classifier, recipe.precision)
    probabilities = list((given.checkpoint.load() or {}).values())  # of all classes, [n, K] each
    stream = generator(given.seed, "attacks", "sampling", "noise")
    noise = drawn(classifier, stream, 2, len(pool.images))  # of the images, and mirrored
    with numerics(recipe.precision, given.device):
        for start in range(sum(map(len, probabilities)), len(pool.images), given.batch):
            rows = slice(start, start + given.batch)
            shown = pool.images[rows].to(given.device)
            scores = classifier(shown, *rows_of(noise, (0, rows), given.device)).softmax(dim=1)
            if recipe.flip_average:
                mirrored = classifier(shown.flip(-1), *rows_of(noise, (1, rows), given.device))
                scores = (scores + mirrored.softmax(dim=1)) / 2
            probabilities.append(scores.cpu())
            given.checkpoint.tick(lambda: {"probabilities": torch.cat(probabilities)})
    attacked = torch.tensor(given.classes)
    ratings = torch.cat(probabilities)[:, attacked]
    failed = int((~finite.rows_finite(ratings)).sum())
    finite.tell(failed, len(ratings), _RATINGS)
    wanted = recipe.candidates_per_class
    best, indices = finite.rank(ratings.T, wanted, given.classes, _RATINGS)
    tied = ties.for_the_last_places(ratings.T, best)
    return Candidates(attacked, pool.w[indices], best, indices, failed, tied)
