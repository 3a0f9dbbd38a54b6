"""What MID and BiDO add to a training: its time beside that of plain training, by turns."""

import time

import torch
from mirage.data.views import LabelledImages
from mirage.runtime.checkpoint import Checkpoint
from mirage.study.treatment import Treatment
from mirage.targets.recipe import AugmentationRecipe, TrainingRecipe
from mirage.targets.training import train_classifier
from mirage.targets.treatments import make

from benchmarks.paired import Ratio, ratio_of
from benchmarks.table import markdown
from benchmarks.training import ADAM, BATCH, STRENGTHS, TARGET

EXPECTED = {"mid0.005": 1.1, "bido0.05_2.5": 1.5}
"""Treatment -> most that its step is meant to take, in plain steps."""
EPOCHS, ROUNDS = 10, 9
CLASSES, PER_CLASS, SIDE = 24, 3, 32


def main(_: list[str]) -> int:
    """Print a row per treatment; one thread, seconds that the process worked."""
    people = _people()
    rows = []
    for treatment, expected in EXPECTED.items():
        ratio = measured(people, treatment, EPOCHS, ROUNDS)
        steps = EPOCHS * -(-len(people.labels) // BATCH)
        rows.append(
            (
                treatment,
                f"{1000 * ratio.ours / steps:.2f} ms",
                f"{1000 * ratio.reference / steps:.2f} ms",
                f"{ratio.median:.2f} ({ratio.low:.2f}..{ratio.high:.2f})",
                f"< {expected}",
            )
        )
    print(markdown(("treatment", "plain step", "its step", "ratio (min..max)", "expected"), rows))
    return 0


def measured(people: LabelledImages, treatment: str, epochs: int, rounds: int) -> Ratio:
    """Time of a training under a treatment over that of a plain one, after one of each."""
    times: dict[str, list[float]] = {"ls0": [], treatment: []}
    for _ in range(rounds + 1):
        for name, taken in times.items():
            began = time.process_time()
            trained(people, name, epochs)
            taken.append(time.process_time() - began)
    plain, own = times.values()
    return ratio_of(plain[1:], own[1:])


def trained(people: LabelledImages, treatment: str, epochs: int) -> None:
    """Train the demo's main architecture as the demo does."""
    recipe = TrainingRecipe(epochs, BATCH, ADAM, augmentation=AugmentationRecipe(**STRENGTHS))
    parts = make(Treatment.parse(treatment).settings({}))
    train_classifier(TARGET, people, None, recipe, 0, Checkpoint(None, {}), "cpu", treatment=parts)


def _people() -> LabelledImages:
    stream = torch.Generator().manual_seed(0)
    labels = torch.arange(CLASSES).repeat_interleave(PER_CLASS)
    pixels = torch.randint(256, (len(labels), 1, SIDE, SIDE), dtype=torch.uint8, generator=stream)
    return LabelledImages(pixels, labels, CLASSES)
