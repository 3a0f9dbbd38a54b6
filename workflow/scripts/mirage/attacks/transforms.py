"""Random resized crops of a whole attack, drawn before it starts.

The crops of all steps come from streams named by class and batch (or class and candidate), so
they depend neither on how classes are split over jobs nor on how many batches a device takes at
once. One interval of an image side is one small matrix; few intervals are distinct, so a table
holds each once and a step looks its matrices up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from mirage.imaging import Boxes, draw_boxes, resize_matrix


@dataclass(frozen=True)
class Crops:
    """Crop, mirror and resize as look-ups of small matrices.

    Attributes:
        table: distinct interpolation matrices, [U, image_px, source_px].
        rows: which matrix acts on the height, int64 [T, N] for step and image.
        columns: which matrix acts on the width, int64 [T, N].
    """

    table: Tensor
    rows: Tensor
    columns: Tensor

    def matrices(self, step: int) -> tuple[Tensor, Tensor]:
        """Matrices of one step's heights and widths, [N, image_px, source_px] each."""
        return self.table[self.rows[step]], self.table[self.columns[step]]

    def cut(self, images: Tensor, step: int) -> Tensor:
        """Cut each image to its box of one step and resize.

        Args:
            images: [N, C, source_px, source_px], each with its own column of the plan.
            step: row of the plan.

        Returns:
            [N, C, image_px, image_px]; differentiable with respect to ``images``.
        """
        return cut_out(images, *self.matrices(step))


def cut_out(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Multiply each of N images by its two matrices of a plan, [N, image_px, source_px] each."""
    return rows[:, None] @ images @ columns[:, None].mT


def plan_crops(
    boxes: Boxes, image_px: int, source_px: int, device: str, dtype: torch.dtype
) -> Crops:
    """Turn drawn boxes into a plan for one device.

    Where ``source_px`` differs, the matrices first resize source_px -> image_px and then apply
    the box: the same linear map as the two antialiased resizes one after the other, in one
    product, and with a deterministic backward pass on every device.

    Args:
        boxes: fields [T, N], in pixels of the ``image_px`` image.
        image_px: side of the images a box is cut from, and of the result.
        source_px: side of the images given to ``Crops.cut``.
        device: where the matrices shall lie.
        dtype: their precision; they are made in float64.
    """
    mirrored = boxes.flip.long()
    sides = torch.stack(
        [
            torch.stack([boxes.top, boxes.height, torch.zeros_like(mirrored)], dim=-1),
            torch.stack([boxes.left, boxes.width, mirrored], dim=-1),
        ]
    )  # [2, T, N, 3]
    distinct, where = torch.unique(sides.reshape(-1, 3), dim=0, return_inverse=True)
    if source_px == image_px:
        start, length, flip = distinct.T
        table = resize_matrix(start, length, image_px, image_px, dtype)
        table = torch.where(flip.bool()[:, None, None], table.flip(1), table)
    else:
        parts = [_after_resize(*side, image_px, source_px, dtype) for side in distinct.tolist()]
        table = torch.stack(parts)
    rows, columns = where.reshape(sides.shape[:-1]).to(device)
    return Crops(table.to(device), rows, columns)


@lru_cache(maxsize=256)  # stage 2 of the paper draws from 78 intervals; 0.7 MB each at 1024 px
def _after_resize(
    start: int, length: int, flip: int, image_px: int, source_px: int, dtype: torch.dtype
) -> Tensor:
    """Matrix [image_px, source_px] of the resize to ``image_px`` and then of one interval of it."""
    box = resize_matrix(torch.tensor([start]), torch.tensor([length]), image_px, image_px)[0]
    whole = resize_matrix(torch.tensor([0]), torch.tensor([source_px]), source_px, image_px)[0]
    return ((box.flip(0) if flip else box) @ whole).to(dtype)


def draw_steps(
    streams: Iterable[torch.Generator],
    steps: int,
    image_px: int,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    flip: float,
) -> Boxes:
    """Draw ``steps`` boxes from each of S streams: fields [steps, S].

    The first steps of a stream do not depend on how many are drawn.
    """
    drawn = [draw_boxes(steps, image_px, scale, ratio, flip, stream) for stream in streams]
    return Boxes(*(torch.stack(field, dim=1) for field in zip(*drawn, strict=True)))


def spread(boxes: Boxes, sizes: Sequence[int]) -> Boxes:
    """Give every image of batch s the box of batch s: fields [T, S] -> [T, sum(sizes)]."""
    counts = torch.tensor(sizes)
    return Boxes(*(field.repeat_interleave(counts, dim=1) for field in boxes))
