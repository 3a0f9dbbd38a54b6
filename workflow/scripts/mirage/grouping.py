"""Batches that the discriminator's minibatch statistic can divide.

It compares the images of a batch in groups (4 in the published networks), so a batch is a multiple
of the group or smaller than it. The short batch at the end counts as well.
"""

from collections.abc import Sequence

from mirage.errors import MirageError

GROUP = 4
"""Images of a group in the published networks."""


def batch_sizes(count: int, size: int) -> list[int]:
    """Sizes of the batches that ``count`` images are cut into, each once, the short one last."""
    whole, rest = divmod(count, size)
    return [size] * (whole > 0) + [rest] * (rest > 0)


def divides(size: int, group: int) -> bool:
    """Whether a batch of ``size`` images can be grouped."""
    return size < group or size % group == 0


def misfit(count: int, size: int, group: int) -> str:
    """What is wrong with cutting ``count`` images into batches of ``size``; empty if nothing is."""
    wrong = [batch for batch in batch_sizes(count, size) if not divides(batch, group)]
    if not wrong:
        return ""
    fitting = [
        other
        for other in range(1, count + 1)
        if all(divides(batch, group) for batch in batch_sizes(count, other))
    ]
    return (
        f"batches of {' and '.join(map(str, wrong))} are no multiple of the {group} images over "
        f"which the discriminator takes its statistic (nor smaller); {count} images can be cut "
        f"into batches of {_listed(fitting)}"
    )


def require_groups(sizes: Sequence[int], group: int) -> None:
    """Refuse batches that cannot be grouped, naming their sizes."""
    wrong = sorted({size for size in sizes if not divides(size, group)})
    if wrong:
        raise MirageError(
            f"batches of {' and '.join(map(str, wrong))} images for a discriminator that compares "
            f"groups of {group}",
            f"multiples of {group}, or fewer images",
            "set another batch_size; the last batch of a class counts too",
        )


def _listed(sizes: Sequence[int]) -> str:
    """Name sizes, the largest dozen at most."""
    return ("…, " if len(sizes) > 12 else "") + ", ".join(map(str, sizes[-12:]))
