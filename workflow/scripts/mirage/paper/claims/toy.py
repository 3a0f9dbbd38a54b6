"""Claims of the toy example (Section 3, Figures 1 and 8) and of the theory (Appendix A)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mirage.paper.claim import (
    Claim,
    Clause,
    Condition,
    Group,
    Ledgers,
    Margin,
    falling,
    in_each,
    rising,
)

if TYPE_CHECKING:
    from torch import Tensor

_STOPPED, _UNSTOPPED = "Figure 1", "Figure 8"
_POSITIVE, _HARD, _NEGATIVE = "ls0.05", "ls0", "ls-0.05"
_FACTORS = (-0.3, -0.05, 0.0, 0.1, 0.3)
_CLOSE = 1e-6
_CLASSES, _DRAWS = 10, 64


def _condition(where: str, told: str, margin: float) -> Condition:
    """A number that no seed changes."""
    import pandas as pd

    values = pd.Series([margin], index=[0], dtype=float)
    return Condition(where, (Margin(Clause(told, lambda _: values), values, ()),))


def _logits() -> "tuple[Tensor, Tensor]":
    """Random logits in float64 and classes."""
    import torch

    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(_DRAWS, _CLASSES, generator=generator, dtype=torch.float64)
    return logits, torch.randint(_CLASSES, (_DRAWS,), generator=generator)


def _gradient(logits: "Tensor", labels: "Tensor", alpha: float) -> "Tensor":
    """Gradient of our loss with respect to the logits of each image."""
    import torch

    from mirage.targets.smoothing import smoothed_cross_entropy

    free = logits.clone().requires_grad_()
    loss = smoothed_cross_entropy(free, labels, alpha) * len(labels)
    return torch.autograd.grad(loss, free)[0]


def _smoothed(labels: "Tensor", alpha: float) -> "Tensor":
    import torch.nn.functional as F

    return (1 - alpha) * F.one_hot(labels, _CLASSES).double() + alpha / _CLASSES


def _formula(_: Ledgers) -> Iterator[Condition]:
    logits, labels = _logits()
    for alpha in _FACTORS:
        told = logits.softmax(1) - _smoothed(labels, alpha)
        error = float((_gradient(logits, labels, alpha) - told).abs().max())
        yield _condition(f"α = {alpha:g}", f"gradient within {_CLOSE:g}", _CLOSE - error)


def _saturation(_ledgers: Ledgers) -> Iterator[Condition]:
    """Newton's way to the minimum over the logits, whose Hessian is diag(p) - p p'."""
    import torch

    for alpha in (alpha for alpha in _FACTORS if alpha > 0):
        logits, label = torch.zeros(1, _CLASSES, dtype=torch.float64), torch.tensor([0])
        for _ in range(50):
            p = logits.softmax(1)[0]
            slope = _gradient(logits, label, alpha)[0]
            curve = torch.diag(p) - torch.outer(p, p)
            step = torch.linalg.lstsq(curve, slope[:, None], driver="gelsd").solution[:, 0]
            logits = logits - step.clamp(-1, 1)
        told = 1 - alpha + alpha / _CLASSES
        error = abs(float(logits.softmax(1)[0, 0]) - told)
        yield _condition(f"α = {alpha:g}", f"p_y within {_CLOSE:g} of {told:g}", _CLOSE - error)


def _unending(_: Ledgers) -> Iterator[Condition]:
    logits, labels = _logits()
    for alpha in (alpha for alpha in _FACTORS if alpha < 0):
        slope = _gradient(logits, labels, alpha)
        own = slope.gather(1, labels[:, None])
        others = slope.scatter(1, labels[:, None], float("inf"))
        least = min(float((-own).min()), float(others.min()))
        yield _condition(f"α = {alpha:g}", "own slope below 0, others above", least)


GROUP = Group(
    "I",
    "Toy example and theory",
    (
        Claim(
            59, "The attack on negative smoothing is the fastest, on positive the slowest",
            "3, Figure 1", (_STOPPED,),
            in_each(_STOPPED, (), *rising("steps", _NEGATIVE, _HARD, _POSITIVE)), example=True,
        ),
        Claim(
            60, "Positive smoothing ends closest to the data, negative smoothing farthest away",
            "3, Figure 1", (_STOPPED,),
            in_each(_STOPPED, (), *falling("distance", _NEGATIVE, _HARD, _POSITIVE)), example=True,
        ),
        Claim(
            61, "Without a stopping rule the order of the distances stays", "3, Figure 8",
            (_UNSTOPPED,),
            in_each(_UNSTOPPED, (), *falling("unstopped_distance", _NEGATIVE, _HARD, _POSITIVE)),
            example=True,
        ),
        Claim(
            62, "Far from the data the model is less sure under positive smoothing, surer under "
            "negative",
            "3, Figure 1", (_STOPPED,),
            in_each(_STOPPED, (), *falling("mean_confidence", _NEGATIVE, _HARD, _POSITIVE)),
            example=True,
        ),
        Claim(
            63, "The gradient of the smoothed loss with respect to a logit is p minus the label",
            "Appendix A", (), _formula, example=True,
            note="Checked on our loss by automatic differentiation, in float64.",
        ),
        Claim(
            64, "Positive smoothing saturates at p = 1 - α + α/C", "Appendix A", (), _saturation,
            example=True,
        ),
        Claim(
            65, "Negative smoothing never saturates", "Appendix A", (), _unending, example=True,
        ),
    ),
)  # fmt: skip
