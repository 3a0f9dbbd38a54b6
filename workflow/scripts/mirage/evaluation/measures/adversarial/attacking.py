"""Every attack on every test image of one target."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from mirage.data.views import LabelledImages
from mirage.errors import MirageError
from mirage.evaluation.measures.adversarial import drawn_once, goals
from mirage.evaluation.measures.adversarial.apgd import apgd
from mirage.evaluation.measures.adversarial.evolution import draw
from mirage.evaluation.measures.adversarial.goals import Climbed
from mirage.evaluation.measures.adversarial.gradient_attacks import leap, walk, within
from mirage.evaluation.measures.adversarial.one_pixel import one_pixel
from mirage.evaluation.measures.adversarial.portion import LAST, Attacker, Portion
from mirage.evaluation.measures.adversarial.seen import predictions
from mirage.evaluation.measures.adversarial.sweep import PerImage, Sweep
from mirage.numerics import at_precision, numerics
from mirage.runtime.checkpoint import Checkpoint

COOLED = 5.0
"""Median lead of a logit after tempering: a softmax is then far from both its ends."""
_WORKS = 12


class Attacked(NamedTuple):
    """What is attacked.

    Attributes:
        images: test images with their classes.
        targets: classes to be reached, int64 [N].
        numbers: of the images in their data set.
    """

    images: LabelledImages
    targets: Tensor
    numbers: list[int]


def attack_all(attacker: Attacker, tests: Attacked, checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Make every attack on every image.

    No image's result depends on those beside it but by rounding.

    Returns:
        [N] each: ``labels``, ``targets``; of the unchanged images ``clean.prediction``,
        ``clean.lead`` (of the own logit over the best other) and ``clean.certain`` (whether the
        softmax says 1); ``MODE_ATTACK.prediction`` of ``fgsm``, ``pgd``, ``bim`` and ``onepixel``,
        ``untargeted`` and ``targeted``; ``untargeted_fgsm.still``, whether the gradient is exactly
        zero; and the predictions of the checks ``pgd_gap``, ``pgd_tempered`` and ``apgd_dlr``.

    Raises:
        MirageError: logits of unchanged images that are no finite numbers.
    """
    recipe = attacker.recipe
    attacker = attacker._replace(classifier=at_precision(attacker.classifier, recipe.precision))
    many = recipe.members(tests.images.pixels.shape[1])
    sweep = Sweep("attacking", len(tests.numbers), _WORKS, checkpoint)

    def run(name: str, work: Callable[[Portion], PerImage], targeted: bool = False) -> PerImage:
        classes = tests.targets if targeted else tests.images.labels
        block = max(attacker.batch // many, 1) if name.endswith("onepixel") else attacker.batch

        def done_by(rows: range) -> PerImage:
            where = slice(rows.start, rows.stop)
            pixels = tests.images.pixels[where].to(attacker.device)
            chosen = classes[where].to(attacker.device)
            unit = pixels.float().div(255)
            return work(Portion(attacker, name, tests.numbers[where], unit, chosen))

        return sweep.run(name, block, done_by)

    with numerics(recipe.precision, attacker.device), sweep:
        lead = run("clean", _clean)["lead"]
        if lost := int((~lead.isfinite()).sum()):
            raise MirageError(f"logits of {lost} of {len(lead)} test images are no finite numbers")
        for targeted, goal in ((False, goals.away), (True, goals.towards)):
            mode = "targeted" if targeted else "untargeted"
            run(f"{mode}_fgsm", partial(_fgsm, goal=goal), targeted)
            run(f"{mode}_pgd", partial(_pgd, goal=goal), targeted)
            run(f"{mode}_bim", partial(_bim, goal=goal), targeted)
            run(f"{mode}_onepixel", partial(_one_pixel, many=many, targeted=targeted), targeted)
        run("pgd_gap", partial(_pgd, goal=goals.gap))
        run("pgd_tempered", partial(_pgd, goal=goals.tempered(temperature(lead))))
        run("apgd_dlr", _apgd)
    given = {"labels": tests.images.labels, "targets": tests.targets}
    return dict(sorted((given | sweep.columns).items()))


def temperature(lead: Tensor) -> float:
    """By what logits are divided so that their median lead is ``COOLED`` at most; at least 1."""
    return max(float(lead.double().quantile(0.5)) / COOLED, 1.0)


@torch.no_grad()
def _clean(portion: Portion) -> PerImage:
    """How sure the classifier is of unchanged images."""
    logits = portion.show()(portion.images, LAST)
    certain = logits.softmax(dim=1).gather(1, portion.classes[:, None])[:, 0] == 1
    lead = -goals.gap(logits, portion.classes)
    return {"prediction": predictions(logits), "lead": lead, "certain": certain}


def _fgsm(portion: Portion, goal: Climbed) -> PerImage:
    changed, still = leap(portion.climb(goal), portion.by.recipe.epsilon)
    return {"prediction": portion.predicted(changed), "still": still}


def _pgd(portion: Portion, goal: Climbed) -> PerImage:
    """From a start that all losses and models share."""
    start = portion.images + portion.by.recipe.epsilon * portion.directions("pgd")
    return _walked(portion, goal, start.clamp(0, 1))


def _bim(portion: Portion, goal: Climbed) -> PerImage:
    return _walked(portion, goal, portion.images)


def _walked(portion: Portion, goal: Climbed, start: Tensor) -> PerImage:
    recipe = portion.by.recipe
    changed = walk(portion.climb(goal), start, recipe.epsilon, recipe.step, recipe.steps)
    return {"prediction": portion.predicted(changed)}


def _one_pixel(portion: Portion, many: int, targeted: bool) -> PerImage:
    recipe, unknowns = portion.by.recipe, 2 + portion.images.shape[1]
    streams = drawn_once.searches(portion.numbers, recipe.seed, portion.by.dataset, portion.attack)
    draws = draw(streams, many, unknowns, recipe.generations)
    changed = one_pixel(portion.show, portion.images, portion.classes, draws, targeted)
    return {"prediction": portion.predicted(changed)}


def _apgd(portion: Portion) -> PerImage:
    """From a start that lies ``epsilon`` away."""
    recipe, directions = portion.by.recipe, portion.directions("apgd")
    largest = directions.abs().flatten(1).amax(dim=1).view(-1, 1, 1, 1)
    start = within(
        portion.images, portion.images + recipe.epsilon * directions / largest, recipe.epsilon
    )
    return {"prediction": apgd(portion.climb(goals.dlr), start, recipe.epsilon, recipe.apgd_steps)}
