"""Batches that the discriminator's minibatch statistic can divide.

It compares the images of a batch in groups (4 in the published networks), so a batch is a multiple
of the group or smaller than it. The short batch at the end counts as well.
"""

from mirage.visible import listed

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
        for other in range(count, 0, -1)
        if all(divides(batch, group) for batch in batch_sizes(count, other))
    ]
    return (
        f"batches of {' and '.join(map(str, wrong))} are no multiple of the {group} images over "
        f"which the discriminator takes its statistic (nor smaller); {count} images can be cut "
        f"into batches of {listed(fitting)}"
    )
