"""How far each image is from all others in feature space, by blocks of rows."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from mirage.evaluation.measures.embeddings.recipe import BLOCK


class Neighbours(NamedTuple):
    """Distances of each of N images, float64 [N] but for the last.

    Attributes:
        own_mean: mean over the other images of its class; NaN for a class of one image.
        other_mean: mean over the images of all other classes.
        own_nearest: the nearest other image of its class; NaN for a class of one image.
        other_nearest: the nearest image of another class.
        largest: between any two images.
    """

    own_mean: Tensor
    other_mean: Tensor
    own_nearest: Tensor
    other_nearest: Tensor
    largest: float


def neighbours(
    features: Tensor, labels: Tensor, device: str = "cpu", block: int = BLOCK
) -> Neighbours:
    """Measure the l2 distances of all pairs, exactly.

    They are float64 and about the common centre: features of near duplicates are large numbers
    that hardly differ, and float32 would leave nothing of their distance.

    Args:
        features: one row per image, [N, D].
        labels: their classes, at least two, int64 [N].
        device: where to compute.
        block: rows at a time.

    Source: paper 4.3 and Figure 5; not squared. An image is none of its own neighbours.
    """
    order = labels.argsort(stable=True)  # images of a class stand side by side
    x = features[order].to(device, torch.float64)
    x -= x.mean(dim=0)
    squares = (x * x).sum(dim=1)
    counts = [count for count in labels.bincount().tolist() if count]
    found = x.new_full((4, len(x)), math.nan)
    largest = x.new_zeros(())
    begins = [sum(counts[:place]) for place in range(len(counts))]
    for first in range(0, len(x), block):
        last = min(first + block, len(x))
        distances = x[first:last] @ x.T
        distances.mul_(-2).add_(squares).add_(squares[first:last, None]).clamp_(min=0).sqrt_()
        distances.diagonal(first).zero_()
        largest = torch.maximum(largest, distances.max())
        total = distances.sum(dim=1)
        for begin, count in zip(begins, counts, strict=True):
            low, high = max(first, begin), min(last, begin + count)
            if low < high:
                own = distances[low - first : high - first, begin : begin + count]
                within = own.sum(dim=1)
                found[1, low:high] = (total[low - first : high - first] - within) / (len(x) - count)
                own.diagonal(low - begin).fill_(torch.inf)
                if count > 1:
                    found[0, low:high] = within / (count - 1)
                    found[2, low:high] = own.amin(dim=1)
                own.fill_(torch.inf)
        found[3, first:last] = distances.amin(dim=1)
    unsorted = torch.empty_like(found)
    unsorted[:, order] = found
    own, other, own_nearest, other_nearest = unsorted.cpu()
    return Neighbours(own, other, own_nearest, other_nearest, float(largest))
