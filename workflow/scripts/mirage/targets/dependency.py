"""BiDO's measure of dependency: normalised HSIC (NOCCO) between the sides of a batch.

For a batch of m samples and two kernel matrices A and B on it, centred on both sides,

    d(A, B) = trace(R(A) R(B)),  R(A) = A (A + eps m I)^-1,

a number in [0, m - 1]. The published code centres on one side only, A H instead of H A H, which
gives the same number: H R(A H) = R(H A H), and in the trace H may stand anywhere. Two-sided, the
matrices are symmetric and the solution is well conditioned.

Source: Peng et al. 2022 (BiDO) and their code (quirks one-sided-centring, linear-labels).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

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
    distances = (squares[:, None] + squares - 2 * flat @ flat.T).clamp(min=0).fill_diagonal_(0)
    return torch.exp(distances.double() * _scale(flat))


def _scale(flat: Tensor) -> float:
    """What the kernel multiplies squared distances with."""
    return -1 / (2 * SIGMA**2 * flat.shape[1])


def of_labels(labels: Tensor) -> Tensor:
    """Linear kernel of one-hot labels, float64 [m, m]: 1 for the same class, else 0."""
    return (labels[:, None] == labels).double()


def normalised(kernels: Tensor) -> tuple[Tensor, Tensor]:
    """R of each kernel matrix, float64 [kernels, m, m], and what its gradient takes.

    Returns:
        R, and the Cholesky factor of A + eps m I; not finite where a kernel is not.
    """
    centred = _centre(kernels)
    count = kernels.shape[-1]
    ridge = EPSILON * count * torch.eye(count, dtype=kernels.dtype, device=kernels.device)
    # Without a check, which would wait for a GPU and end the job: a loss that is no number is told
    # at the end of the epoch.
    factor = torch.linalg.cholesky_ex(centred + ridge).L
    return torch.cholesky_solve(centred, factor), factor


def _centre(matrices: Tensor) -> Tensor:
    """H A H of each matrix A."""
    centred = matrices - matrices.mean(dim=1, keepdim=True)
    return centred - centred.mean(dim=2, keepdim=True)


class _Dependencies(torch.autograd.Function):
    """d of each stage with given sides, its gradient in closed form: fewer passes over matrices.

    With M = (A + eps m I)^-1, d R = eps m M dA M; centring is its own adjoint; and of a symmetric
    G, the gradient of sum_ij G_ij |a_i - a_j|^2 is 4 (diag(G 1) - G) a.
    """

    @staticmethod
    def forward(ctx: Any, sides: Tensor, *hidden: Tensor) -> Tensor:
        """``sides`` are R of what the stages are held against, [2, m, m]; gives [2, stages]."""
        kernels = torch.stack([gaussian(activations.float()) for activations in hidden])
        found, factor = normalised(kernels)
        ctx.save_for_backward(sides, kernels, factor, *hidden)
        return torch.einsum("aij,bij->ab", sides, found)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        """Of the hidden activations alone."""
        sides, kernels, factor, *hidden = ctx.saved_tensors
        pulled = torch.einsum("ab,aij->bij", above, sides)
        inverse = torch.cholesky_inverse(factor)
        by_kernel = EPSILON * kernels.shape[-1] * _centre(inverse @ pulled @ inverse)
        found = []
        for weights, activations in zip(by_kernel * kernels, hidden, strict=True):
            flat = activations.flatten(1).float()
            flat = flat - flat.mean(dim=0)  # as in ``gaussian``: alike and far from 0 is no loss
            near = (4 * _scale(flat) * weights).float()
            slope = near.sum(dim=1)[:, None] * flat - near @ flat
            found.append(slope.reshape(activations.shape).to(activations.dtype))
        return None, *found


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
        sides, _ = normalised(torch.stack([gaussian(images.float()), of_labels(labels)]))
    on_images, on_labels = _Dependencies.apply(sides, *hidden)
    return on_images, on_labels
