"""How often attacks succeed, and whether their gradients were there at all.

Source: Athalye et al. 2018, arXiv 1802.00420, and Carlini et al. 2019, arXiv 1902.06705, for the
signs of masked gradients (quirk vanished-gradients); their bounds here are ours.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from mirage.evaluation.fidelity import CORRECTED, PAPER
from mirage.evaluation.measures.adversarial.attacking import temperature
from mirage.evaluation.measures.adversarial.seen import NO_CLASS

ATTACKS = ("fgsm", "pgd", "bim", "onepixel")
CHECKS = ("pgd_gap", "pgd_tempered", "apgd_dlr")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

ZERO_SHARE = 0.01
"""Share of exactly zero gradients above which they are masked."""
LOSS_GAIN = 0.05
"""Rate by which a loss that does not saturate must do better for gradients to be masked."""
USELESS_STEPS, CEILING = 0.01, 0.9
"""Ten steps are suspicious that gain less than this over one, unless success is near its end."""

NOTE = "its gradients are masked, so a low rate is no robustness"


def summary(found: Mapping[str, Tensor]) -> dict[str, Any]:
    """Describe the attacks on one target.

    Args:
        found: from ``attack_all``.

    Returns:
        ``paper``, with rates over all images, and ``corrected``, over those that were classified
        right (quirk counted-errors): success of each attack of Table 11 and of the checks; with
        either ``masked``, 1 or 0, ``zero_gradient`` and ``certain``, shares of the images
        classified right, and ``median_lead``. Beside them ``accuracy``, ``lead`` (its quantiles),
        ``temperature``, ``not_finite`` (predictions), ``flags`` and, if masked, a ``note``.
    """
    labels, right = found["labels"], found["clean.prediction"] == found["labels"]
    hits = {name: found[f"{name}.prediction"] != labels for name in CHECKS}
    for attack in ATTACKS:
        hits[f"untargeted_{attack}"] = found[f"untargeted_{attack}.prediction"] != labels
        hits[f"targeted_{attack}"] = found[f"targeted_{attack}.prediction"] == found["targets"]
    lead = found["clean.lead"].double()
    quantiles = lead.quantile(torch.tensor(QUANTILES, dtype=torch.float64)).tolist()
    state = {
        "zero_gradient": _share(found["untargeted_fgsm.still"][right]),
        "certain": _share(found["clean.certain"][right]),
        "median_lead": quantiles[2],
    }
    rates = {name: _share(hit[right]) for name, hit in hits.items()}
    signs = flags(rates, state["zero_gradient"])
    masked = verdict(signs)
    shared = {**state, "masked": int(masked)}
    lost = (found[name] == NO_CLASS for name in found if name.endswith(".prediction"))
    return {
        PAPER: {**{name: _share(hit) for name, hit in hits.items()}, **shared},
        CORRECTED: {**rates, **shared},
        "accuracy": _share(right),
        "lead": dict(zip(map(str, QUANTILES), quantiles, strict=True)),
        "temperature": temperature(found["clean.lead"]),
        "not_finite": int(sum(int(each.sum()) for each in lost)),
        "flags": signs,
        **({"note": NOTE} if masked else {}),
    }


def flags(rates: Mapping[str, float | None], zero_gradient: float | None) -> dict[str, bool]:
    """Signs of masked gradients, from rates over images classified right."""

    def rate(name: str) -> float:
        return rates[name] or 0.0

    plain = rate("untargeted_pgd")
    return {
        "zero_gradients": (zero_gradient or 0.0) > ZERO_SHARE,
        "other_loss_better": max(rate("pgd_gap"), rate("apgd_dlr")) - plain > LOSS_GAIN,
        "targeted_better": rate("targeted_pgd") > plain,
        "steps_useless": plain - rate("untargeted_fgsm") < USELESS_STEPS and plain < CEILING,
        "one_pixel_better": rate("untargeted_onepixel") > plain,
    }


def verdict(signs: Mapping[str, bool]) -> bool:
    """Whether gradients are masked: one of the first three signs says so."""
    return signs["zero_gradients"] or signs["other_loss_better"] or signs["targeted_better"]


def _share(hit: Tensor) -> float | None:
    """Share of true values; None of none."""
    return float(hit.double().mean()) if len(hit) else None
