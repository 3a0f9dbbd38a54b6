"""MID and BiDO in tables: their names, the paper's settings, and what the numbers say of them."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mirage.paper.numbers import BLOCK
from mirage.study.grammar import number
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    import pandas as pd

    from mirage.paper.presentation import Presentation

MODELS = MappingProxyType({"mid": "MID", "midmean": "MID without noise at test", "bido": "BiDO"})
"""Part of a treatment -> the defense's name."""
SYMBOLS = MappingProxyType({"mid": "β", "midmean": "β", "bido": "λ", "ls": "α"})
NEGATIVE = "ls-0.05"
"""The paper's own defense, with which it compares these."""


def is_defense(treatment: Treatment) -> bool:
    """Whether one of these defenses is a part of a treatment."""
    return any(part.name in MODELS for part in treatment.parts)


def model_of(treatment: str) -> str:
    """The defense that a treatment is alone; empty for what is none."""
    parts = Treatment.parse(treatment).parts
    return MODELS.get(parts[0].name, "") if len(parts) == 1 else ""


def strength(treatment: str) -> str:
    """Symbol and numbers of a treatment of one part: ``λ = (0.05, 0.5)``."""
    (part,) = Treatment.parse(treatment).parts
    values = ", ".join(number(value).replace("-", "−") for value in part.numbers)
    several = f"({values})" if len(part.numbers) > 1 else values
    return f"{SYMBOLS.get(part.name, part.name)} = {several}"


def label(row: "pd.Series[Any]") -> str:
    """A row of Table 3: the defense and its strength."""
    return label_of(str(row["treatment"]))


def label_of(treatment: Treatment | str) -> str:
    """A treatment of one part as the defense and its strength."""
    treatment = str(treatment)
    name = {"ls0": "No defense"}.get(treatment) or model_of(treatment)
    return name if treatment == "ls0" else f"{name or 'LS'}, {strength(treatment)}"


def published_treatment(defense: str, parameter: str) -> str | None:
    """Our name for a setting as the paper's tables print it; None for what is neither defense.

    Args:
        defense: ``MID``, ``BiDO-HSIC`` or another.
        parameter: ``beta=0.005`` or ``lambda=(0.05,2.5)``.
    """
    part = {"MID": "mid", "BiDO-HSIC": "bido"}.get(defense)
    if part is None:
        return None
    values = parameter.partition("=")[2].strip("()").split(",")
    return part + "_".join(number(float(value)) for value in values)


def reading(numbers: "pd.DataFrame", shown: "Presentation") -> Iterator[str]:
    """What the paper says of MID and BiDO, and what of it these numbers show.

    Args:
        numbers: of the cells of Table 3, of one fidelity.
        shown: gives the names to print.
    """
    from mirage.paper.printed import heading

    yield (
        "The paper: no setting of MID or BiDO is as accurate as negative label smoothing and "
        "attacked less, and MID lowers Acc@1 by no more than 10 points"
    )
    for _, block in numbers.groupby(list(BLOCK), sort=False):
        told = "; ".join(
            _compared(name, treatment, block)
            for name, treatment in ((model_of(t), t) for t in block["treatment"].unique())
            if name
        )
        if told:
            yield f"{heading(block.iloc[0], shown)}: against negative label smoothing, {told}"


def _compared(name: str, treatment: str, block: "pd.DataFrame") -> str:
    accuracy, attacked = (_difference(block, treatment, key) for key in ("test_acc", "acc1"))
    return f"{name} {strength(treatment)} has {accuracy} test accuracy and {attacked} Acc@1"


def _difference(block: "pd.DataFrame", treatment: str, metric: str) -> str:
    """Mean paired difference to ``NEGATIVE`` in points, with its 95 % interval if there is one."""
    from mirage.paper.effects import estimate
    from mirage.paper.printed import plus_minus

    ours = block[block["treatment"] == treatment].set_index("seed")[metric]
    theirs = block[block["treatment"] == NEGATIVE].set_index("seed")[metric]
    gaps = (ours - theirs).dropna()
    if gaps.empty:
        return "an unknown change of"
    mean, _, margin = estimate(gaps)
    return f"{plus_minus(mean, margin, 1)} points of"
