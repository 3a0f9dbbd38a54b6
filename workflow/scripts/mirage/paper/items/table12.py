"""Table 12: backdoors under label smoothing."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

from mirage.marks import several
from mirage.paper.comparisons import Comparison, explained, read
from mirage.paper.item import Needs, Table, metrics_files
from mirage.paper.numbers import collect, select
from mirage.paper.placed import PlacedRecipe
from mirage.paper.printed import number
from mirage.paper.tables import NAMED_BY, in_order, summarise
from mirage.recipes import require
from mirage.runtime import files
from mirage.study.cells import Target
from mirage.study.settings import Scale
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study

MEASURE = "backdoor"
CLEAN = "Clean"
TRIGGERS = MappingProxyType({"badnets": "BadNets", "blended": "Blended"})
"""Part of a treatment -> the paper's name for it."""
METRICS = ("test_acc", "backdoor_success", "backdoor_clean")
COLLAPSED = 50.0
"""Percent of clean accuracy below which a success means nothing."""


HALVED = Comparison(
    "Blended: α = −0.05 lowers the attack success against hard labels",
    {"treatment": "ls-0.05+blended"}, {"treatment": "ls0+blended"}, ("backdoor_success",),
)  # fmt: skip
"""The one large difference of the paper's numbers: 48.05 % against 95.48 %; better for the user."""


@dataclass(frozen=True)
class Table12Recipe(PlacedRecipe):
    """Which targets Table 12 shows, of every seed that the study has.

    Attributes:
        alphas: smoothing factors, a clean model of each and one for each trigger.
    """

    alphas: Annotated[tuple[float, ...], several()] = (0.1, 0.0, -0.05)

    def __post_init__(self) -> None:
        require(max(self.alphas) <= 1, "alphas", self.alphas, "smoothing factors of at most 1")

    @property
    def treatments(self) -> list[str]:
        """The rows, in the paper's order."""
        smoothed = [str(Treatment.smoothing(alpha)) for alpha in self.alphas]
        return [own + tail for own in smoothed for tail in ("", *(f"+{name}" for name in TRIGGERS))]


def recipe_of(scale: Scale) -> Table12Recipe:
    """Settings of the table."""
    return Table12Recipe.of(scale["paper"]["table12"])


def targets(study: "Study") -> list[Target]:
    """The targets, in the order of the rows."""
    wanted = recipe_of(study.scale)
    return [
        target
        for treatment in wanted.treatments
        for target in study.targets
        if target == wanted.target(treatment, target.seed)
    ]


def measured(target: Target) -> str:
    """Path of what the measure found of a target."""
    return f"measures/{target.cell}/{MEASURE}/metrics.json"


def needs(study: "Study") -> Needs:
    """Targets, and what the measure found of them."""
    shown = targets(study)
    return Needs(
        targets=shown, files=[*metrics_files((), shown), *(measured(target) for target in shown)]
    )


def misfits(scale: Scale) -> "Iterator[str]":
    """A measure without settings, or without one of the triggers."""
    settings = scale["measures"].get(MEASURE)
    if settings is None:
        yield f"paper.table12: measures has no settings of {MEASURE}"
        return
    for name in TRIGGERS:
        if name not in settings["triggers"]:
            yield f"paper.table12: measures.{MEASURE}.triggers lack {name}"


def trigger_of(treatment: Treatment) -> str:
    """The trigger of a treatment, empty for a clean one."""
    return next((part.name for part in treatment.parts if part.name in TRIGGERS), "")


def numbers(study: "Study") -> "pd.DataFrame":
    """Numbers of the targets, and of the clean model of the same factor and seed beside them."""
    shown = targets(study)
    found = {target: files.read_json(measured(target)) for target in shown}
    rows = {}
    for target in shown:
        if trigger := trigger_of(target.treatment):
            clean = found.get(clean_sibling(target), {}).get(trigger, {}).get("success")
            rows[target.path] = (found[target][trigger]["success"], clean)
    table = collect(shown)
    for place, metric in enumerate(METRICS[1:]):
        values = (rows.get(path, (None, None))[place] for path in table["cell"])
        table[metric] = [float("nan") if value is None else 100 * value for value in values]
    return with_notes(table)


def clean_sibling(target: Target) -> Target:
    """The same target without a poisoned image."""
    clean = without_trigger(target.treatment)
    return Target(target.dataset, target.architecture, clean, target.samples, target.seed)


def without_trigger(treatment: Treatment) -> Treatment:
    """What is left of a treatment when nothing is poisoned."""
    return Treatment(tuple(part for part in treatment.parts if part.name not in TRIGGERS))


def collapsed(table: "pd.DataFrame") -> "pd.Series[bool]":
    """Which cells classify so little that a success says nothing of the trigger."""
    return table["test_acc"] < COLLAPSED


def with_notes(table: "pd.DataFrame") -> "pd.DataFrame":
    """Numbers with the trigger's name, and a note on trainings that collapsed."""
    triggers = (trigger_of(Treatment.parse(treatment)) for treatment in table["treatment"])
    names = [TRIGGERS.get(trigger, CLEAN) for trigger in triggers]
    told = f"the clean accuracy is below {COLLAPSED:.0f} %: the training collapsed, and the attack "
    notes = [
        "; ".join(filter(None, [note, f"{told}success is not interpretable" if lost else ""]))
        for note, lost in zip(table["note"], collapsed(table), strict=True)
    ]
    return table.assign(trigger=names, note=notes)


def rows(table: "pd.DataFrame") -> "pd.DataFrame":
    """One row per treatment, in the order of the cells."""
    import pandas as pd

    found = summarise(table, (*NAMED_BY, "trigger"), METRICS)
    return in_order(found, pd.Series(range(len(found)), index=found.index, dtype=float))


def printed(rows: "pd.DataFrame") -> "pd.DataFrame":
    """The paper's rows in our columns."""
    parts = {name: f"+{part}" for part, name in TRIGGERS.items()}
    return rows.rename(
        columns={"clean_acc": "test_acc", "attack_success_rate": "backdoor_success"}
    ).assign(treatment=rows["treatment"] + rows["trigger"].map({CLEAN: "", **parts}))


def label(row: "pd.Series[Any]", _: "Presentation") -> str:
    """Factor and trigger."""
    alpha = without_trigger(Treatment.parse(str(row["treatment"]))).alpha
    return f"α = {number(alpha, 3, trim=True)}, {row['trigger']}"


def reading(study: "Study", shown: "Presentation") -> list[str]:
    """What the paper's numbers say and whether it shows; what poisoning costs; collapsed runs."""
    table = select(numbers(study), fidelity=shown.fidelity)
    lost = collapsed(table)
    told = [
        "The paper draws no conclusion from this table, which has one run for each row. That with "
        "α = −0.05 and BadNets collapsed, so its 100 % success means nothing."
    ]
    if lost.any():
        told.append(
            f"{int(lost.sum())} of {len(table)} runs here have a clean accuracy below "
            f"{COLLAPSED:.0f} %; they are in the means above, and in none of the differences below."
        )
    kept = table[~lost]
    return [*told, *explained(read(kept, [HALVED, *_costs(kept)], shown))]


def _costs(table: "pd.DataFrame") -> list[Comparison]:
    """Poisoned models are a little less accurate on clean images, in all of the paper's rows."""
    found = []
    for treatment in table["treatment"].unique():
        parsed = Treatment.parse(str(treatment))
        if trigger := trigger_of(parsed):
            clean = without_trigger(parsed)
            found.append(
                Comparison(
                    f"α = {number(clean.alpha, 3, trim=True)}: a model poisoned by "
                    f"{TRIGGERS[trigger]} is less accurate than the clean one",
                    {"treatment": str(clean)}, {"treatment": str(treatment)}, ("test_acc",),
                )
            )  # fmt: skip
    return found


ITEM = Table(
    name="Table 12",
    title="Backdoors by poisoned labels under label smoothing",
    caption=(
        "Models trained on clean images, and on training sets of which a tenth bears a trigger and "
        "the label of class 0: BadNets a checkerboard in the lower right corner, Blended a fixed "
        "pattern of noise. Accuracy on clean test images, the share of triggered test images of "
        "other classes that are taken for class 0, and beside it the share of the same triggered "
        "images that the clean model of the same α and seed takes for it."
    ),
    position=76,
    settings="table12",
    recipe=Table12Recipe,
    needs=needs,
    misfits=misfits,
    numbers=numbers,
    rows=rows,
    metrics=METRICS,
    reference=("table12",),
    matched_by=("dataset", "architecture", "treatment"),
    printed=printed,
    first="α, trigger",
    label=label,
    reading=reading,
    attacked=False,
)
