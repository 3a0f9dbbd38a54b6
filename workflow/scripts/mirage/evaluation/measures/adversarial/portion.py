"""The test images that one attack changes at a time."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from mirage.evaluation.measures.adversarial import drawn_once
from mirage.evaluation.measures.adversarial.goals import Climbed
from mirage.evaluation.measures.adversarial.gradient_attacks import Climb
from mirage.evaluation.measures.adversarial.recipe import AdversarialRecipe
from mirage.evaluation.measures.adversarial.seen import Seen, predictions, seen

LAST = -1
"""Number of the pass that judges an attack's result."""


class Attacker(NamedTuple):
    """Who attacks, and whom.

    Attributes:
        classifier: on the device, frozen and in eval mode.
        recipe: of the attacks.
        dataset: name of the images' data set.
        noise_seed: of the noise of a classifier that draws some.
        batch: images that go to the device at once, at most.
        device: where to compute.
    """

    classifier: Callable[..., Tensor]
    recipe: AdversarialRecipe
    dataset: str
    noise_seed: int
    batch: int
    device: str


class Portion(NamedTuple):
    """Some test images on the device.

    Attributes:
        by: who attacks them.
        attack: its name; random numbers are named after it.
        numbers: of the images in their data set.
        images: in [0, 1], float32 [n, C, H, W].
        classes: the true ones, or those to be reached, int64 [n].
    """

    by: Attacker
    attack: str
    numbers: list[int]
    images: Tensor
    classes: Tensor

    def show(self, rows: Tensor | None = None) -> Seen:
        """How the classifier sees them, or some of them."""
        numbers = self.numbers if rows is None else [self.numbers[row] for row in rows.tolist()]
        return seen(self.by.classifier, self.attack, numbers, self.by.noise_seed)

    def climb(self, goal: Climbed) -> Climb:
        """What a gradient attack does to them."""
        return Climb(self.show(), self.images, self.classes, goal, self.by.recipe.loss_batch)

    def directions(self, attack: str) -> Tensor:
        """Where an attack of that name starts, in [-1, 1)."""
        shape, recipe = self.images.shape[1:], self.by.recipe
        drawn = drawn_once.directions(shape, self.numbers, recipe.seed, self.by.dataset, attack)
        return drawn.to(self.images.device)

    @torch.no_grad()
    def predicted(self, changed: Tensor) -> Tensor:
        """What the classifier takes changed images for."""
        return predictions(self.show()(changed, LAST))
