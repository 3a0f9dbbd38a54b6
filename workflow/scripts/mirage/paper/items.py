"""Which cells each item of the paper is made of."""

from mirage.paper.metrics import MODELS
from mirage.study import cells
from mirage.study.cells import Attack, Target
from mirage.study.study import Study
from mirage.study.treatment import Treatment


def table_attacks(study: Study, item: str) -> list[Attack]:
    """The attacks of ``table1`` or ``table2``."""
    if item == "table2":
        return study.attacks
    wanted = study.scale["paper"]["table1"]
    return [
        cell
        for alpha in MODELS.values()
        for cell in cells.select(
            study.attacks,
            architecture=wanted["architecture"],
            samples=_budget(wanted["samples"]),
            attack=wanted["attack"],
            alpha=float(alpha),
        )
    ]


def figure3_attacks(study: Study) -> list[Attack]:
    """The attacks whose samples Figure 3 shows."""
    wanted = study.scale["paper"]["figure3"]
    return [
        Attack(
            Target(
                wanted["dataset"],
                wanted["architecture"],
                Treatment.smoothing(alpha),
                _budget(wanted["samples"]),
                wanted["seed"],
            ),
            wanted["attack"],
        )
        for alpha in wanted["alphas"]
    ]


def _budget(samples: str | int) -> int | None:
    return None if samples == "all" else int(samples)
