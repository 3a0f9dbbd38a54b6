"""What the target says of an image, and the reward that the learner gets for it."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from mirage.attacks.kinds.rlb.recipe import RlbRecipe


class JudgedImages(NamedTuple):
    """The target's answers to some queries, each about its own class y.

    Attributes:
        confidence: p_y.
        log: ln p_y, by log-softmax; no probability is too small for it.
        margin: p_y - max over j other than y of p_j, in [-1, 1].
    """

    confidence: Tensor
    log: Tensor
    margin: Tensor


def judged(logits: Tensor, labels: Tensor) -> JudgedImages:
    """Read the answers off the logits.

    Args:
        logits: [K, n, classes].
        labels: attacked class of each row, int64 [K].

    Returns:
        [K, n] each.
    """
    places = labels[:, None, None].expand(*logits.shape[:2], 1)
    probabilities = logits.softmax(dim=-1)
    own = probabilities.gather(-1, places).squeeze(-1)
    others = probabilities.scatter(-1, places, -torch.inf).amax(dim=-1)
    return JudgedImages(
        own, logits.log_softmax(dim=-1).gather(-1, places).squeeze(-1), own - others
    )


class Reward(NamedTuple):
    """Rewards of K episodes.

    Attributes:
        values: finite, [K].
        underflowed: whether the published arithmetic would have given -inf, bool [K].
        failed: whether an answer was no finite number, bool [K].
    """

    values: Tensor
    underflowed: Tensor
    failed: Tensor


def reward(seen: JudgedImages, recipe: RlbRecipe) -> Reward:
    """Rewards of episodes: w0 ln p_y(latent) + w1 ln p_y(action) + w2 ln max(floor, margin).

    Args:
        seen: [K, 2 or more]: of the image of the latent, and that of the action.
        recipe: weights and floor.

    Source: RLB-MI's repository, ``attack.py``. Deviation: ln p_y by log-softmax, where the
    published code takes the log of a probability that may be 0 (quirk underflowed-reward); an
    answer that is no number counts as probability and margin at the floor.
    """
    margin = seen.margin[:, 0].clamp(min=recipe.floor).log()
    terms = torch.stack([seen.log[:, 0], seen.log[:, 1], margin])  # [3, K]
    finite = terms.isfinite()
    weighed = zip(recipe.weights, torch.where(finite, terms, math.log(recipe.floor)), strict=True)
    values = sum((weight * term for weight, term in weighed), torch.zeros_like(margin))
    underflowed = (seen.confidence[:, :2] == 0).any(dim=1)
    return Reward(values, underflowed, ~finite.all(dim=0))
