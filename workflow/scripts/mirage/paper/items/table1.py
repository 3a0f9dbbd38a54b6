"""Table 1: hard labels, label smoothing of either sign, and other defenses side by side."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

from mirage.marks import In, Samples
from mirage.paper.comparisons import against_hard_labels, reader
from mirage.paper.defenses import model_of, strength
from mirage.paper.item import Needs, Table, budget
from mirage.paper.numbers import BLOCK, select
from mirage.paper.tables import NAMED_BY, in_order, paired, summarise
from mirage.recipes import Recipe, require
from mirage.study import cells
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    import pandas as pd

    from mirage.paper.presentation import Presentation
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
        defenses: data set -> other defenses on it, a row each after the three.
    """

    architecture: Annotated[str, In("architectures")]
    samples: Samples
    attack: Annotated[str, In("attacks")]
    defenses: Mapping[Annotated[str, In("datasets")], tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for treatment in (name for names in self.defenses.values() for name in names):
            require(
                bool(model_of(treatment)), "defenses", treatment, "one of mid0.005, bido0.05_0.5"
            )


def needs(study: "Study") -> Needs:
    """The attacks on the three models, and on the other defenses of their data set."""
    wanted = Table1Recipe.of(study.scale["paper"]["table1"])
    chosen: list[tuple[str, dict[str, str]]] = [(name, {}) for name in MODELS.values()]
    for dataset, names in wanted.defenses.items():
        chosen += [(name, {"dataset": dataset}) for name in names]
    return Needs(
        [
            cell
            for treatment, place in chosen
            for cell in cells.select(
                study.attacks,
                architecture=wanted.architecture,
                samples=budget(wanted.samples),
                attack=wanted.attack,
                treatment=Treatment.parse(treatment),
                **place,
            )
        ]
    )


def rows(numbers: "pd.DataFrame") -> "pd.DataFrame":
    """One row per block and model.

    ``<metric>_change`` is the mean over seeds of the difference to Standard with the same seed.
    """
    names = {treatment: name for name, treatment in MODELS.items()}
    others = {treatment: model_of(treatment) for treatment in numbers["treatment"].unique()}
    names |= {treatment: name for treatment, name in others.items() if name}
    chosen = select(numbers, treatment=list(names))
    chosen = chosen.assign(model=chosen["treatment"].map(names))
    by = [*NAMED_BY[:-2], "model", *NAMED_BY[-2:]]
    found = summarise(chosen, by, METRICS)
    found = in_order(found, found["treatment"].map(list(names).index))
    keys = [*BLOCK, "treatment"]
    # The labels of the other defenses are hard ones.
    hard = chosen.assign(alpha=chosen["alpha"].fillna(0.0))
    changes = paired(hard, METRICS).groupby([*keys, "metric"])["difference"]
    means = changes.mean().unstack("metric")
    means = means.reindex(columns=sorted(METRICS))  # no pair at all leaves no column
    return found.merge(means.add_suffix("_change").reset_index(), how="left", on=keys)


def _label(row: "pd.Series[Any]", _: "Presentation") -> str:
    model, treatment = str(row["model"]), str(row["treatment"])
    return model if model in MODELS else f"{model}, {strength(treatment)}"


ITEM = Table(
    name="Table 1",
    title="Attack results with positive and negative label smoothing",
    caption=(
        "Models trained with hard labels (Standard) and with label smoothing of either sign: test "
        "accuracy of the target, attack accuracy Acc@1, face distance δ and knowledge extraction "
        "score ξ, as means over seeds, with the change against Standard. MID and BiDO are defenses "
        "made against such attacks."
    ),
    position=1,
    headline=True,
    settings="table1",
    recipe=Table1Recipe,
    needs=needs,
    rows=rows,
    metrics=METRICS,
    reference=("table01", "table04"),
    first="Model",
    label=_label,
    digits=DIGITS,
    finer={"delta_face": 3},  # small networks: small gaps
    reading=reader(needs, against_hard_labels()),
)
