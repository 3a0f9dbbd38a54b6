"""Table 11: adversarial examples, and whether the gradients they follow are there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from mirage.evaluation.fidelity import CORRECTED
from mirage.marks import In, Samples, several
from mirage.paper import measured
from mirage.paper.comparisons import Comparison, explained, read
from mirage.paper.item import Needs, Table, budget, metrics_files
from mirage.paper.metrics import METRICS as ALL
from mirage.paper.numbers import BLOCK, collect, select
from mirage.paper.printed import heading, number, treatment_label
from mirage.paper.tables import STANDARD, by_treatment
from mirage.recipes import Recipe
from mirage.study.cells import Target
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    import pandas as pd

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study

NAME, MEASURE = "table11", "adversarial"
RATES = tuple(
    f"{mode}_{attack}"
    for mode in ("untargeted", "targeted")
    for attack in ("fgsm", "pgd", "bim", "onepixel")
)
CHECKS = ("pgd_gap", "pgd_tempered", "apgd_dlr")
POSITIVE, NEGATIVE = {"treatment": "ls0.1"}, {"treatment": "ls-0.05"}
HARD = {"treatment": STANDARD}
CLAIMS = (
    Comparison(
        "FGSM succeeds less often with α = 0.1 than with hard labels",
        HARD, POSITIVE, ("untargeted_fgsm", "targeted_fgsm"),
    ),
    Comparison(
        "untargeted attacks succeed less often with α = −0.05 than with hard labels",
        HARD, NEGATIVE, RATES[:4],
    ),
)  # fmt: skip
UNMASKED = (
    Comparison(
        "untargeted attacks succeed less often with α = −0.05 than with hard labels",
        HARD, NEGATIVE, ("untargeted_pgd", *CHECKS),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Table11Recipe(Recipe):
    """Which targets Table 11 shows.

    Attributes:
        datasets: of the targets.
        architectures: of the targets, of each data set those that it has.
        samples: training images per class, or ``all``.
        treatments: the rows of a block.
        beside: data set -> the paper's whose rows stand beside it, where that is not the one that
            ``datasets`` says.
    """

    datasets: Annotated[tuple[Annotated[str, In("datasets")], ...], several()]
    architectures: Annotated[tuple[Annotated[str, In("architectures")], ...], several()]
    samples: Samples
    treatments: Annotated[tuple[str, ...], several()]
    beside: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for treatment in self.treatments:
            Treatment.parse(treatment)


def needs(study: "Study") -> Needs:
    """What the measure left of these targets, by data set and architecture."""
    wanted = Table11Recipe.of(study.scale["paper"][NAME])
    treatments = [Treatment.parse(treatment) for treatment in wanted.treatments]
    found = [
        target
        for dataset in wanted.datasets
        for architecture in wanted.architectures
        for target in study.targets
        if (target.dataset, target.architecture) == (dataset, architecture)
        and target.samples == budget(wanted.samples)
        and target.treatment in treatments
    ]
    return Needs(targets=found, files=[*metrics_files([], found), *map(measured_file, found)])


def measured_file(target: Target) -> str:
    """What the measure says of a target."""
    return f"measures/{target.cell}/{MEASURE}/metrics.json"


def numbers(study: "Study") -> "pd.DataFrame":
    """Numbers of the measure, with the paper's data set that stands beside each."""
    found = collect(needs(study).targets, measure=MEASURE)
    papers = {name: entry["paper"] or name for name, entry in study.scale["datasets"].items()}
    papers |= Table11Recipe.of(study.scale["paper"][NAME]).beside
    return found.assign(beside=found["dataset"].map(papers))


def rows(numbers: "pd.DataFrame") -> "pd.DataFrame":
    """One row per target, the largest α first."""
    return by_treatment(numbers, ("test_acc", *RATES, "masked"), ("beside",))


def printed(rows: "pd.DataFrame") -> "pd.DataFrame":
    """The paper's rows in our columns."""
    return rows.rename(columns={"clean_test_acc": "test_acc"}).assign(beside=rows["dataset"])


def reading(study: "Study", shown: "Presentation") -> list[str]:
    """The paper's claims, the same claims without masked gradients, and which rows are masked."""
    found = numbers(study)
    right = select(found, fidelity=CORRECTED)
    again = read(right, UNMASKED, shown)
    if again:
        again.insert(
            0,
            "The same with losses that do not saturate, over the images first classified right "
            "(rates over all images charge the errors without any attack to the attack):",
        )
    claims = explained(read(select(found, fidelity=shown.fidelity), CLAIMS, shown))
    return [*claims, *again, *masked_told(right, shown)]


def masked_told(right: "pd.DataFrame", shown: "Presentation") -> Iterator[str]:
    """What masked gradients mean for each row that has them."""
    masked = right[right["masked"] > 0]
    if masked.empty:
        yield "No row's gradients are masked: the rates say how robust the models are."
        return
    yield (
        "Masked gradients: where the softmax says 1 for a class, the cross-entropy has a gradient "
        "of exactly zero, or of rounding, and an attack that follows it finds nothing. A low rate "
        "in such a row is no robustness."
    )
    for _, block in masked.groupby([*BLOCK, "treatment"], sort=False):
        row, total = block.iloc[0], len(_like(right, block.iloc[0]))

        def mean(name: str, block: "pd.DataFrame" = block) -> str:
            return f"{number(block[name].mean(), ALL[name].digits)} %"

        yield (
            f"{heading(row, shown)}, {measured.label(row['treatment'])}: masked in {len(block)} of "
            f"{total} seeds. The gradient is exactly zero for "
            f"{mean('zero_gradient')} of the images classified right; of these PGD changes "
            f"{mean('untargeted_pgd')} with the cross-entropy, {mean('pgd_gap')} with the margin "
            f"loss and {mean('pgd_tempered')} with cooled logits, and APGD {mean('apgd_dlr')}; one "
            f"pixel alone {mean('untargeted_onepixel')}."
        )


def _like(numbers: "pd.DataFrame", row: "pd.Series[Any]") -> "pd.DataFrame":
    """Rows of the same setting."""
    same = (numbers[[*BLOCK, "treatment"]] == row[[*BLOCK, "treatment"]]).all(axis=1)
    return numbers[same]


ITEM = Table(
    name="Table 11",
    title="Adversarial examples on label smoothing",
    caption=(
        "Share of all test images that an attack changes so that the target takes them for "
        "another class (untargeted) or for one drawn at random (targeted; the same for all "
        "models). Images that were misclassified before count as successes, as in the paper. The "
        "second block takes those alone that were classified right, and tells whether gradients "
        "are masked: attacks with losses that do not saturate, the share of images whose gradient "
        "is exactly zero, the share of those of which the softmax says 1, and the median lead of "
        "the right logit. A low rate with masked gradients is no robustness. “Gradients masked” "
        "is the share of seeds with that verdict."
    ),
    position=66,
    settings=NAME,
    recipe=Table11Recipe,
    needs=needs,
    misfits=measured.misfits_of(NAME, MEASURE),
    numbers=numbers,
    attacked=False,
    rows=rows,
    metrics=("test_acc", *RATES, "masked"),
    reference=("table11",),
    matched_by=("beside", "architecture", "treatment"),
    printed=printed,
    first="α",
    label=lambda row, _: treatment_label(row),
    reading=reading,
    ours=(*RATES, *CHECKS, "masked", "zero_gradient", "certain", "median_lead"),
)
