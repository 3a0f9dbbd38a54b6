"""What the gradients of many pairs say step by step. NumPy only."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirage.evaluation.measures.gradients.recipe import LAST, SURE

Arrays = Mapping[str, NDArray[Any]]


def by_step(arrays: Arrays, place: str) -> dict[str, NDArray[Any]]:
    """Describe the pairs at each of T steps.

    Args:
        arrays: of one loss, from ``walk.walk``, [N, T] each.
        place: one of ``walk.PLACES``.

    Returns:
        [T] each: mean, standard deviation (n - 1) and number ``n`` of the cosines that are
        defined; ``not_positive``, their share that is 0 or less; ``zero`` and ``lost``, gradients
        exactly zero and not finite; ``unsure`` and ``unsure_n``, the mean over pairs of which the
        target is less sure than ``SURE`` at this step and the one before; means of ``loss``,
        ``probability`` and ``moved``. NaN where there is nothing to average.
    """
    cosine, largest = arrays[f"cosine.{place}"], arrays[f"largest.{place}"]
    known = np.isfinite(cosine)
    doubtful = arrays["probability"] < SURE
    open_ = known & doubtful
    open_[:, 1:] &= doubtful[:, :-1]
    mean, n = _mean(cosine, known)
    spread, _ = _mean((cosine - mean) ** 2, known)
    below, _ = _mean(cosine <= 0, known)
    unsure, unsure_n = _mean(cosine, open_)
    with np.errstate(invalid="ignore", divide="ignore"):
        std = np.where(n > 1, np.sqrt(spread * n / (n - 1)), np.nan)
    means = {
        name: _mean(arrays[name], np.isfinite(arrays[name]))[0]
        for name in ("loss", "probability", "moved")
    }
    return {
        "mean": mean, "std": std, "n": n, "not_positive": below,
        "zero": (largest == 0).sum(axis=0), "lost": (~np.isfinite(largest)).sum(axis=0),
        "unsure": unsure, "unsure_n": unsure_n, **means,
    }  # fmt: skip


def overall(arrays: Arrays, place: str) -> dict[str, float | int | None]:
    """The whole walk in a few numbers: means over steps of their means, counts over all.

    Returns:
        ``cosine``, ``cosine_last`` (of the last ``LAST`` steps), ``cosine_unsure``,
        ``not_positive``, ``zero``, ``lost``; None where nothing is defined.
    """
    steps = by_step(arrays, place)
    last = slice(-LAST, None)
    return {
        "cosine": _over(steps["mean"]),
        "cosine_last": _over(steps["mean"][1:][last]),
        "cosine_unsure": _over(steps["unsure"]),
        "not_positive": _over(steps["not_positive"]),
        "zero": int(steps["zero"].sum()),
        "lost": int(steps["lost"].sum()),
    }


def of_loss(arrays: Arrays, loss: str) -> dict[str, NDArray[Any]]:
    """The arrays of one loss, by their names without it."""
    own = {name.removeprefix(f"{loss}."): name for name in arrays if name.startswith(f"{loss}.")}
    return {short: np.asarray(arrays[name]) for short, name in own.items()}


def _mean(values: NDArray[Any], chosen: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Means of the chosen values of each column in float64, NaN without any; and how many."""
    n = chosen.sum(axis=0)
    total = np.where(chosen, values, 0).sum(axis=0, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(n > 0, total / n, np.nan), n


def _over(values: NDArray[Any]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
