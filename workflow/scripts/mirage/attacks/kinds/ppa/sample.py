"""Stage 1: for each class, the candidates the target is surest of."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mirage import finite
from mirage.attacks.given import Given
from mirage.attacks.kinds.ppa.recipe import SamplingRecipe
from mirage.attacks.pool import Pool
from mirage.attacks.results import Candidates
from mirage.errors import MirageError
from mirage.numerics import at_precision, numerics
from mirage.runtime.checkpoint import Checkpoint
from mirage.streams import generator
from mirage.targets.noise import drawn, rows_of


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
        given.seed,
    )


def sample_candidates(
    classifier: Callable[..., Tensor],
    pool: Pool,
    recipe: SamplingRecipe,
    classes: Sequence[int],
    batch_size: int,
    device: str,
    checkpoint: Checkpoint | None = None,
    seed: int = 0,
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
        seed: of the noise, for a classifier that draws some.

    Raises:
        MirageError: the pool has fewer latents, or fewer with finite scores, than a class needs,
            or there is no such class.

    Source: paper B.4, stage 1, and 4.4. As the official code there are no random transforms,
    which the paper's 4.4 mentions (quirk mirror-rating).
    """
    wanted = recipe.candidates_per_class
    if wanted > len(pool.w):
        raise MirageError(
            f"candidates_per_class is {wanted}",
            f"at most the pool's {len(pool.w)} latents",
            "lower it or enlarge the pool",
        )
    classifier = at_precision(classifier, recipe.precision)
    with numerics(recipe.precision, device):
        scores = rate(
            classifier, pool.images, recipe.flip_average, batch_size, device, checkpoint, seed
        )
    check_classes(classes, scores.shape[1])
    attacked = torch.tensor(classes)
    failed = int((~finite.rows_finite(scores[:, attacked])).sum())
    finite.tell(failed, len(scores), "ratings of candidates")
    best, indices = finite.rank(scores[:, attacked].T, wanted, classes, "ratings of candidates")
    return Candidates(attacked, pool.w[indices], indices, best, failed)


@torch.no_grad()
def rate(
    classifier: Callable[..., Tensor],
    images: Tensor,
    flip_average: bool,
    batch_size: int,
    device: str,
    checkpoint: Checkpoint | None = None,
    seed: int = 0,
) -> Tensor:
    """Class probabilities of images [N, C, H, W] on the CPU, there too: float32 [N, K]."""
    noise = drawn(classifier, generator(seed, "attacks", "sampling", "noise"), 2, len(images))
    checkpoint = checkpoint or Checkpoint(None, {})
    probabilities = list((checkpoint.load() or {}).values())
    for start in range(sum(map(len, probabilities)), len(images), batch_size):
        rows = slice(start, start + batch_size)
        shown = images[rows].to(device)
        scores = classifier(shown, *rows_of(noise, (0, rows), device)).softmax(dim=1)
        if flip_average:
            mirrored = classifier(shown.flip(-1), *rows_of(noise, (1, rows), device))
            scores = (scores + mirrored.softmax(dim=1)) / 2
        probabilities.append(scores.cpu())
        checkpoint.tick(lambda: {"probabilities": torch.cat(probabilities)})
    return torch.cat(probabilities)


def check_classes(classes: Sequence[int], known: int) -> None:
    """Refuse classes the target does not have, or has twice.

    Raises:
        MirageError: names the first such class.
    """
    strange = [label for label in classes if not 0 <= label < known]
    if strange:
        raise MirageError(
            f"class {strange[0]} cannot be attacked", f"classes 0 to {known - 1} of this target"
        )
    if len(set(classes)) < len(classes):
        raise MirageError("the attacked classes hold a class twice", "each class once")
