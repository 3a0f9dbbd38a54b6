"""The one-pixel attack: a search for one pixel's place and colour, by probabilities alone.

Source: Su et al. 2019; details as torchattacks 3.5.1, batched over images. Deviation: whether the
best point so far is a success is read from the pass that judged it, not from another one.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from mirage.evaluation.measures.adversarial.evolution import Searches, evolve
from mirage.evaluation.measures.adversarial.seen import Seen, predictions


@torch.no_grad()
def one_pixel(
    show: Callable[[Tensor], Seen], images: Tensor, classes: Tensor, draws: Searches, targeted: bool
) -> Tensor:
    """Change one pixel of each image.

    Args:
        show: shows some of the images, named by their rows, to the classifier.
        images: [N, C, H, W] in [0, 1], on the device.
        classes: the true ones, or those to be reached, int64 [N], on the device.
        draws: of each image's search, with 2 + C unknowns.
        targeted: whether classes are to be reached.

    Returns:
        The changed images, successes or not.
    """

    def judge(rows: Tensor, points: Tensor, generation: int) -> tuple[Tensor, Tensor]:
        count, many, _ = points.shape
        changed = with_pixel(images[rows], points.to(images.device))
        logits = show(rows)(changed, generation)
        wanted = classes[rows].repeat_interleave(many)
        sure = logits.softmax(dim=1).gather(1, wanted[:, None])[:, 0]
        named = predictions(logits) == wanted
        energy, ends = (1 - sure, named) if targeted else (sure, ~named)
        energy = energy.nan_to_num(nan=torch.inf)
        return energy.view(count, many).cpu(), ends.view(count, many).cpu()

    found = evolve(judge, draws)
    return with_pixel(images, found[:, None].to(images.device))


def with_pixel(images: Tensor, points: Tensor) -> Tensor:
    """Images [n, C, H, W] with one pixel changed in M ways, [n * M, C, H, W].

    Points of the unit cube, [n, M, 2 + C], are a row, a column and a value for each channel.
    """
    _, channels, height, width = images.shape
    many = points.shape[1]
    made = images.repeat_interleave(many, dim=0)
    place = points.flatten(0, 1)
    row = (place[:, 0] * height).long().clamp(max=height - 1)
    column = (place[:, 1] * width).long().clamp(max=width - 1)
    pixel = (row * width + column)[:, None, None].expand(-1, channels, 1)
    return made.flatten(2).scatter(2, pixel, place[:, 2:, None].to(made.dtype)).view_as(made)
