"""A network's answer to a fixed input, in a few numbers.

The inputs are formulas, so every machine makes the same ones. Equal weights and equal arithmetic
give the same numbers up to rounding; another file, layout or operator does not.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

TOLERANCE = 1e-3
"""Largest difference between two machines, as a share of the answer's span."""

_FIRST = 8
LATENT_SEED = 1
"""NumPy's seed of the fixed latent; the public reference image of FFHQ was made from it."""


def fixed_image(channels: int, image_px: int) -> Tensor:
    """Waves that differ by channel, float32 [1, C, px, px] within [-1, 1]."""
    place = torch.arange(image_px, dtype=torch.float64) / image_px
    wave = 2 * math.pi * torch.arange(1, channels + 1, dtype=torch.float64)[:, None]
    rows, columns = torch.sin(3 * wave * place), torch.cos(5 * wave * place)
    return (0.5 * (rows[:, :, None] + columns[:, None, :])).float()[None]


def fixed_latent(z_dim: int) -> Tensor:
    """Normal numbers from NumPy's legacy generator, float32 [1, z_dim]."""
    import numpy as np

    return torch.from_numpy(np.random.RandomState(LATENT_SEED).randn(1, z_dim)).float()


def fingerprint(answer: Tensor) -> dict[str, Any]:
    """Shape, mean, standard deviation, extremes and the first eight values; JSON-able."""
    values = answer.detach().double().cpu().flatten()
    return {
        "shape": list(answer.shape),
        "mean": float(values.mean()),
        "std": float(values.std(correction=0)),
        "minimum": float(values.min()),
        "maximum": float(values.max()),
        "first": values[:_FIRST].tolist(),
    }


def difference(found: Mapping[str, Any], known: Mapping[str, Any]) -> float:
    """Largest difference of two fingerprints, as a share of the known one's span.

    Infinite where their shapes differ or a value is not finite.
    """
    if list(found["shape"]) != list(known["shape"]):
        return math.inf
    span = max(float(known["maximum"]) - float(known["minimum"]), 1e-12)
    gaps = [abs(one - other) for one, other in zip(_values(found), _values(known), strict=True)]
    return max(gaps) / span if all(map(math.isfinite, gaps)) else math.inf


def _values(print_: Mapping[str, Any]) -> list[float]:
    scalars = [float(print_[name]) for name in ("mean", "std", "minimum", "maximum")]
    return scalars + [float(value) for value in print_["first"]]
