"""In which input range a released evaluator was trained: measured, not guessed.

torchvision switches an input re-mapping on when ImageNet weights are asked for, so the official
evaluators were trained with it; the official attack code rebuilds the network without weights and
therefore uses it with the re-mapping off (quirk remapped-evaluator). The test accuracy of
the released weights in both modes tells which one they were trained in: a network does best on the
inputs it has learnt from. The ``paper`` reading keeps it off, as the attack code does; the
``corrected`` reading uses the mode found here. Own evaluators are trained and used with it off.
"""

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mirage.errors import MirageError
from mirage.numerics import at_precision, numerics
from mirage.recipes import Precision
from mirage.runtime import files
from mirage.targets.images import network_range
from mirage.targets.inference import hits

_log = logging.getLogger("mirage")

_SCALE = (0.229 / 0.5, 0.224 / 0.5, 0.225 / 0.5)
_SHIFT = ((0.485 - 0.5) / 0.5, (0.456 - 0.5) / 0.5, (0.406 - 0.5) / 0.5)

CLOSE = 0.01
"""A measured accuracy this near the published one agrees with it."""
FAR = 0.10
"""One this far below it means wrong weights, class order or images."""


def remap(images: Tensor) -> Tensor:
    """Apply torchvision's ``transform_input``: an affine map of each channel of [N, 3, H, W].

    It takes images normalised with ImageNet's statistics to [-1, 1]; given images in [-1, 1]
    already, as the official code gives them, it flattens their contrast to less than a half.
    """
    scale = torch.tensor(_SCALE, device=images.device, dtype=images.dtype)
    shift = torch.tensor(_SHIFT, device=images.device, dtype=images.dtype)
    return images * scale[:, None, None] + shift[:, None, None]


@torch.no_grad()
def check_evaluator(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    published: float | None,
    batch_size: int,
    device: str,
    precision: Precision = "fp32",
) -> dict[str, Any]:
    """Measure a released evaluator with and without the re-mapping.

    Args:
        model: frozen, on ``device``; images to logits.
        images: the test images it is to be judged on, uint8 or float [N, C, px, px]; grey ones
            know no re-mapping.
        labels: their classes, int64 [N].
        published: published test accuracy in [0, 1], if there is one.
        batch_size: images at a time.
        device: where to compute.
        precision: of both embeddings; see ``mirage.numerics``.

    Returns:
        ``test_accuracy`` by mode (``off``, ``on``), ``trained_with`` (the better mode; ``off`` if
        they are equal), ``attack_code_uses``, ``published``, ``difference`` to it,
        ``agrees_with_published``, ``images``, ``standard_error``. JSON-able.

    Raises:
        MirageError: both modes are far below the published accuracy.
    """
    right = dict.fromkeys(["off", "on"] if images.shape[1] == 3 else ["off"], 0)
    judge = at_precision(model, precision)
    with numerics(precision, device):
        for first in range(0, len(labels), batch_size):
            batch = network_range(images[first : first + batch_size].to(device))
            wanted = labels[first : first + batch_size].to(device)
            for mode in right:
                shown = remap(batch) if mode == "on" else batch
                right[mode] += int(hits(judge(shown), wanted).sum())
    accuracy = {mode: count / len(labels) for mode, count in right.items()}
    trained_with = max(accuracy, key=accuracy.__getitem__)  # the first of equals: off
    best = accuracy[trained_with]
    difference = agrees = None
    if published is not None:
        difference = best - published
        agrees = abs(difference) <= CLOSE
        if difference < -FAR:
            raise MirageError(
                f"the released evaluator has a test accuracy of {accuracy} (by input re-mapping)",
                f"about {published}, as published",
                "check that the weights are those of this data set and that classes and split are "
                "the official ones",
            )
        if not agrees:
            told = "the released evaluator's test accuracy is %.2f %%, published are %.2f %%"
            _log.warning(told, 100 * best, 100 * published)
    return {
        "test_accuracy": accuracy,
        "trained_with": trained_with,
        "attack_code_uses": "off",
        "published": published,
        "difference": difference,
        "agrees_with_published": agrees,
        "images": len(labels),
        "standard_error": math.sqrt(best * (1 - best) / len(labels)),
    }


def settle(
    specs: Mapping[str, Mapping[str, Any]], check: str | Path | None
) -> dict[str, dict[str, Any]]:
    """Enter what the check found into the settings of the evaluation networks.

    Args:
        specs: role -> settings of a ``NetworkSpec``.
        check: record of ``check_evaluator``; None for an evaluator trained here.
    """
    settled = {role: dict(spec) for role, spec in specs.items()}
    if check:
        settled["eval"]["remap"] = files.read_json(check)["trained_with"] == "on"
    return settled
