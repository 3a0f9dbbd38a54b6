"""Preparation as usual: torchvision's ImageFolder, one photograph after the other."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision import transforms
from torchvision.datasets import ImageFolder


def decode_all(folder: Path, path: Path) -> None:
    """Decode every photograph with Pillow and append its pixels [3, H, W] to one file."""
    with path.open("wb") as file:
        for image, _ in ImageFolder(str(folder)):
            file.write(np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1)).data)


def resized(folder: Path, image_px: int, square: bool) -> Tensor:
    """Decode and resize every photograph: uint8 [N, 3, px, px]."""
    size = (image_px, image_px) if square else image_px
    change = transforms.Compose(
        [transforms.Resize(size), transforms.CenterCrop(image_px), transforms.PILToTensor()]
    )
    return torch.stack([image for image, _ in ImageFolder(str(folder), change)])
