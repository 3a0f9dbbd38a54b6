"""Stage 1: for each class, the candidates the target is surest of."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mirage import finite
from mirage.attacks.given import Given
from mirage.attacks.kinds.ppa.recipe import SamplingRecipe
from mirage.attacks.pool import Pool
from mirage.attacks.results import Candidates
from mirage.numerics import at_precision, numerics
from mirage.runtime.checkpoint import Checkpoint

_RATINGS = "ratings of candidates"


def run(given: Given) -> Candidates:
    """Run the stage."""
    return sample_candidates(
        given.classifier(),
        Pool.load(given.files["pool"]),
        SamplingRecipe.of(given.settings),
        given.classes,
        given.batch,
        given.device,
        given.checkpoint,
    )


@torch.no_grad()
def sample_candidates(
    classifier: Callable[[Tensor], Tensor],
    pool: Pool,
    recipe: SamplingRecipe,
    classes: Sequence[int],
    batch_size: int,
    device: str,
    checkpoint: Checkpoint | None = None,
) -> Candidates:
    """Choose each class's best-rated latents of the pool.

    A latent may serve several classes. Of equal scores the lower pool index comes first; a score
    that is not finite comes last (``mirage.finite``).

    Args:
        classifier: attacked model, on ``device``, frozen and in eval mode.
        pool: the shared candidates.
        recipe: how many, and how they are rated.
        classes: attacked classes, as the classifier numbers them.
        batch_size: pool images per pass.
        device: where the classifier lies.
        checkpoint: state of an interrupted run.

    Raises:
        MirageError: the pool has fewer latents with finite scores than a class needs.

    Source: paper B.4, stage 1, and 4.4. As the official code there are no random transforms,
    which the paper's 4.4 mentions (quirk mirror-rating).
    """
    classifier = at_precision(classifier, recipe.precision)
    checkpoint = checkpoint or Checkpoint(None, {})
    probabilities = list((checkpoint.load() or {}).values())  # of all classes, [n, K] each
    with numerics(recipe.precision, device):
        for start in range(sum(map(len, probabilities)), len(pool.images), batch_size):
            shown = pool.images[start : start + batch_size].to(device)
            scores = classifier(shown).softmax(dim=1)
            if recipe.flip_average:
                scores = (scores + classifier(shown.flip(-1)).softmax(dim=1)) / 2
            probabilities.append(scores.cpu())
            checkpoint.tick(lambda: {"probabilities": torch.cat(probabilities)})
    attacked = torch.tensor(classes)
    ratings = torch.cat(probabilities)[:, attacked]
    failed = int((~finite.rows_finite(ratings)).sum())
    finite.tell(failed, len(ratings), _RATINGS)
    best, indices = finite.rank(ratings.T, recipe.candidates_per_class, classes, _RATINGS)
    return Candidates(attacked, pool.w[indices], best, indices, failed)
