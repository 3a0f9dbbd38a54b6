"""Table 1: hard labels, positive and negative label smoothing side by side."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from mirage.marks import In, Samples
from mirage.paper.item import Needs, Table, budget
from mirage.paper.numbers import BLOCK, select
from mirage.paper.tables import NAMED_BY, in_order, paired, summarise
from mirage.recipes import Recipe
from mirage.study import cells
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    import pandas as pd

    from mirage.study.study import Study

MODELS = MappingProxyType({"Standard": "ls0", "Pos. LS": "ls0.1", "Neg. LS": "ls-0.05"})
METRICS = ("test_acc", "acc1", "delta_face", "xi_train")
DIGITS = MappingProxyType({"test_acc": 1, "acc1": 1, "delta_face": 2, "xi_train": 1})


@dataclass(frozen=True)
class Table1Recipe(Recipe):
    """Which cells Table 1 compares, on every data set that has them.

    Attributes:
        architecture: of the targets.
        samples: training images per class, or ``all``.
        attack: on them.
    """

    architecture: Annotated[str, In("architectures")]
    samples: Samples
    attack: Annotated[str, In("attacks")]


def needs(study: "Study") -> Needs:
    """The attacks on the three models."""
    wanted = Table1Recipe.of(study.scale["paper"]["table1"])
    return Needs(
        [
            cell
            for treatment in MODELS.values()
            for cell in cells.select(
                study.attacks,
                architecture=wanted.architecture,
                samples=budget(wanted.samples),
                attack=wanted.attack,
                treatment=Treatment.parse(treatment),
            )
        ]
    )


def rows(numbers: "pd.DataFrame") -> "pd.DataFrame":
    """One row per block and model.

    ``<metric>_change`` is the mean over seeds of the difference to Standard with the same seed.
    """
    names = {treatment: name for name, treatment in MODELS.items()}
    chosen = select(numbers, treatment=list(names))
    chosen = chosen.assign(model=chosen["treatment"].map(names))
    by = [*NAMED_BY[:-2], "model", *NAMED_BY[-2:]]
    found = summarise(chosen, by, METRICS)
    found = in_order(found, found["treatment"].map(list(names).index))
    keys = [*BLOCK, "treatment"]
    changes = paired(chosen, METRICS).groupby([*keys, "metric"])["difference"]
    means = changes.mean().unstack("metric")
    means = means.reindex(columns=sorted(METRICS))  # no pair at all leaves no column
    return found.merge(means.add_suffix("_change").reset_index(), how="left", on=keys)


ITEM = Table(
    name="Table 1",
    title="Attack results with positive and negative label smoothing",
    caption=(
        "Models trained with hard labels (Standard) and with label smoothing of either sign: test "
        "accuracy of the target, attack accuracy Acc@1, face distance δ and knowledge extraction "
        "score ξ, as means over seeds, with the change against Standard."
    ),
    position=1,
    settings="table1",
    recipe=Table1Recipe,
    needs=needs,
    rows=rows,
    metrics=METRICS,
    reference=("table01", "table04"),
    first="Model",
    label=lambda row, _: str(row["model"]),
    digits=DIGITS,
    finer={"delta_face": 3},  # small networks: small gaps
)
