"""Confidences of exactly 1 among what the stages of attacks chose: there order alone decides.

Told under tables and figures of single stages, from the scores that lie with the chosen latents.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from mirage.paper.item import Needs, metrics_files
from mirage.paper.measured import label
from mirage.runtime import files
from mirage.study.cells import Attack
from mirage.study.stages import Stages

if TYPE_CHECKING:
    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study

Reading = Callable[["Study", "Presentation"], list[str]]

_CHOSEN = {"sample": "starting points", "select": "results"}
"""Stage that chooses -> what it chooses."""
_ORDER = {"sample": "the pool", "select": "the starting points"}


def needing_scores(study: "Study", attacks: Iterable[Attack], roles: Sequence[str]) -> Needs:
    """Attacks with their metrics, and with what their stages of these roles chose."""
    attacks = list(attacks)
    chosen = (path for role in roles for path in _rankings(study, attacks, role))
    return Needs(attacks, files=[*metrics_files(attacks, ()), *chosen])


def with_ties(reading: Reading, needs: "Callable[[Study], Needs]", roles: Sequence[str]) -> Reading:
    """Add to what reads an item a sentence for every model whose choices have ties at 1."""

    def both(study: "Study", shown: "Presentation") -> list[str]:
        attacks = needs(study).attacks
        told = (sentence for role in roles for sentence in _told(study, attacks, role, shown))
        return [*reading(study, shown), *told]

    return both


def _rankings(study: "Study", attacks: Iterable[Attack], role: str) -> dict[str, Attack]:
    """Files of what a stage chose, each once, with an attack that it belongs to."""
    found: dict[str, Attack] = {}
    for attack in attacks:
        stages = Stages(study, attack)
        for stage in stages.kind.stages:
            if stage.role == role:
                found.setdefault(stages.result(stage), attack)
    return found


def _told(
    study: "Study", attacks: Sequence[Attack], role: str, shown: "Presentation"
) -> Iterator[str]:
    """A sentence per model that chose among equals, over all seeds."""
    from safetensors import safe_open

    counts: dict[str, list[int]] = {}
    several = len({(attack.target.dataset, attack.name) for attack in attacks}) > 1
    for path, attack in _rankings(study, attacks, role).items():
        with safe_open(files.sound(path), framework="np") as held:
            scores = held.get_tensor("scores")  # [K, n]
        of = f"{label(str(attack.runner(role).treatment))} chose"
        if role == "select":
            of += f" of those of {label(str(attack.target.treatment))}"
        if several:
            of += f" ({shown.label(attack.target.dataset)}, {shown.label(attack.name)})"
        so_far = counts.setdefault(of, [0, 0, 0, 0])
        ones = scores == 1
        for place, count in enumerate((ones.sum(), ones.size, ones.all(axis=1).sum(), len(ones))):
            so_far[place] += int(count)
    for of, (ones, number, whole, classes) in counts.items():
        if ones:
            yield (
                f"Of the {number:,} {_CHOSEN[role]} that {of}, {ones:,} share the highest possible "
                f"confidence of exactly 1, in {whole:,} of {classes:,} classes all of them; ties "
                f"are broken by the order of {_ORDER[role]}."
            )
