"""Batches that hold so many images of each of some classes."""

import torch
from torch import Tensor

from mirage.errors import MirageError
from mirage.visible import listed


def balanced(labels: Tensor, batch_size: int, each: int, stream: torch.Generator) -> Tensor:
    """Draw an epoch whose batches hold ``each`` images of ``batch_size // each`` classes.

    Every class gives its images in groups; groups of a class go to different batches as long as
    there are enough. What fills no group, and no batch, is left out of this epoch.

    Args:
        labels: classes of the images, int64 [N].
        batch_size: images per batch, a multiple of ``each``.
        each: images of a class in a batch.
        stream: of the draws.

    Returns:
        Rows of the epoch's batches, one batch after the other, int64. Their number depends on the
        labels alone.

    Raises:
        MirageError: the batch size is no multiple, a class has too few images, or all of them fill
            no batch.

    Source: the sampler of BiDO's code, 4 images of 16 people; how groups meet is ours.
    """
    if batch_size % each:
        raise MirageError(
            f"balanced batches of {batch_size} images cannot hold {each} of each class",
            f"a batch_size that is a multiple of {each}",
            "change batch_size or images_per_class",
        )
    groups = []
    short = []
    for label in torch.randperm(int(labels.max()) + 1, generator=stream).tolist():
        rows = (labels.cpu() == label).nonzero()[:, 0]
        rows = rows[torch.randperm(len(rows), generator=stream)]
        short += [label] * (0 < len(rows) < each)
        groups += list(rows[: len(rows) // each * each].split(each))
    if short:
        raise MirageError(
            f"classes {listed(map(str, sorted(short)))} have fewer than {each} training images",
            f"{each} of every class, for balanced batches",
            "lower images_per_class, or take shuffled batches",
        )
    per_batch = batch_size // each
    count = len(groups) // per_batch
    if count == 0:
        raise MirageError(
            f"{len(groups)} groups of {each} images fill no batch of {batch_size}",
            remedy="lower batch_size, or take shuffled batches",
        )
    kept = torch.randperm(len(groups), generator=stream)[: count * per_batch].sort().values.tolist()
    # Dealt out like cards, so that neighbours, which are of one class, go to different batches.
    dealt = [torch.cat([groups[at] for at in kept[batch::count]]) for batch in range(count)]
    return torch.cat([dealt[batch] for batch in torch.randperm(count, generator=stream).tolist()])
