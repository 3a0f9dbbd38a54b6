"""The way of images from storage to a network."""

import torch
from torch import Tensor


def network_range(pixels: Tensor) -> Tensor:
    """Turn uint8 into float32 in [-1, 1], (x / 255 - 0.5) / 0.5; floats only into float32.

    Source: paper B.3, mean = standard deviation = 0.5.
    """
    if pixels.is_floating_point():
        return pixels.float()  # rendered images may be stored in half precision
    return pixels.float().div_(255).mul_(2).sub_(1)


def fits(pixels: Tensor, device: str) -> bool:
    """Whether a set may live on ``device``: always on the CPU, else in a quarter of free memory."""
    if torch.device(device).type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(torch.device(device))
    return pixels.numel() * pixels.element_size() <= free // 4
