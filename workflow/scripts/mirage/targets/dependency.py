"""BiDO's measure of dependency: normalised HSIC (NOCCO) between the sides of a batch.

For a batch of m samples and two kernel matrices A and B on it, centred on both sides,

    d(A, B) = trace(R(A) R(B)),  R(A) = A (A + eps m I)^-1,

a number in [0, m - 1]. The published code centres on one side only, A H instead of H A H, which
gives the same number: H R(A H) = R(H A H), and in the trace H may stand anywhere. Two-sided, the
matrices are symmetric and the solution is well conditioned.

Source: Peng et al. 2022 (BiDO) and their code (quirks one-sided-centring, linear-labels).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

SIGMA = 5.0
"""Width of the Gaussian kernel, per square root of a dimension."""
EPSILON = 1e-5
"""Regularisation, per sample."""


def gaussian(values: Tensor) -> Tensor:
    """Kernel exp(-|a_i - a_j|^2 / (2 sigma^2 d)), float64 [m, m].

    Args:
        values: float32 [m, ...], any number of values d per sample. Distances are computed in
            their precision, the mean of the batch taken away: they hold 10^5 and more squares.
    """
    flat = values.flatten(1)
    flat = flat - flat.mean(dim=0)
    squares = flat.square().sum(dim=1)
    distances = (squares[:, None] + squares - 2 * flat @ flat.T).clamp(min=0)
    distances = distances - torch.diag(distances.diagonal())
    return torch.exp(distances.double() / (-2 * SIGMA**2 * flat.shape[1]))


def of_labels(labels: Tensor) -> Tensor:
    """Linear kernel of one-hot labels, float64 [m, m]: 1 for the same class, else 0."""
    return (labels[:, None] == labels).double()


def normalised(kernels: Sequence[Tensor]) -> Tensor:
    """R of each kernel matrix, float64 [kernels, m, m]; not finite where a kernel is not."""
    stacked = torch.stack(list(kernels))
    centred = stacked - stacked.mean(dim=1, keepdim=True)
    centred = centred - centred.mean(dim=2, keepdim=True)
    count = stacked.shape[-1]
    ridge = EPSILON * count * torch.eye(count, dtype=stacked.dtype, device=stacked.device)
    # Without a check, which would wait for a GPU and end the job: a loss that is no number is told
    # at the end of the epoch.
    factor = torch.linalg.cholesky_ex(centred + ridge).L
    return torch.cholesky_solve(centred, factor)


def dependencies(images: Tensor, labels: Tensor, hidden: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Dependency of hidden activations on the images and on the labels.

    Args:
        images: the network's input, [m, C, H, W].
        labels: int64 [m].
        hidden: activations of each stage, [m, ...].

    Returns:
        d(Z, X) and d(Z, Y) of each stage, float64 [stages] each.
    """
    with torch.no_grad():
        sides = [gaussian(images.float()), of_labels(labels)]
    inputs, wanted, *stages = normalised(
        [*sides, *(gaussian(activations.float()) for activations in hidden)]
    )
    found = torch.stack(stages)
    return (found * inputs).sum(dim=(1, 2)), (found * wanted).sum(dim=(1, 2))
