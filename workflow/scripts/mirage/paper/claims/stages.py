"""Claims on the stages of the attack (Section 4.4, C.4, Tables 5 to 7, Figures 6 and 7)."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from mirage.paper.claim import (
    Claim,
    Clause,
    Condition,
    Group,
    Ledgers,
    falling,
    in_each,
    joined,
    more,
    rising,
    settle,
)
from mirage.paper.ledger import Ledger
from mirage.paper.numbers import BLOCK

if TYPE_CHECKING:
    import pandas as pd

_POSITIVE, _HARD, _NEGATIVE = "ls0.1", "ls0", "ls-0.05"
_SAMPLED, _OPTIMISED, _SELECTED = "Table 5", "Table 6", "Table 7"
_STARTS, _DIRECTIONS, _OTHER_LOSS = "Figure 6a", "Figure 6b", "Figure 7"
_STEADY = 0.1  # of a mean cosine, the least difference that counts (ours: the paper names none)
_OPPOSED = 0.2  # a mean cosine up to this is orthogonal or opposing (ours)
_BARELY = 5.0  # points of Acc@1 between selections that hardly matter (ours)


def _loss(rows: Ledger, table: str, column: str, **others: str) -> "pd.Series[float]":
    """What a stage run by the negative model costs of Acc@1."""
    named = {"table": table, **others}
    hard = rows("acc1", **{**named, column: _HARD})
    return hard - rows("acc1", **{**named, column: _NEGATIVE})


def _by_sampling(rows: Ledger) -> "pd.Series[float]":
    return _loss(rows, _SAMPLED, "sampled_by")


def _by_optimisation(rows: Ledger) -> "pd.Series[float]":
    return _loss(rows, _OPTIMISED, "treatment")


def _by_selection(rows: Ledger) -> "pd.Series[float]":
    return _loss(rows, _SELECTED, "selected_by", treatment=_HARD)


_STAGES = (
    Clause("loss of acc1 by optimisation above that by sampling",
         lambda rows: _by_optimisation(rows) - _by_sampling(rows)),
    Clause("loss of acc1 by sampling above that by selection",
         lambda rows: _by_sampling(rows) - _by_selection(rows)),
)  # fmt: skip


def _hurt_most(ledgers: Ledgers) -> Iterator[Condition]:
    rows = joined(ledgers, {_SAMPLED: {}, _OPTIMISED: {}, _SELECTED: {}})
    for where, block in rows.blocks(*BLOCK[:3]):
        found = settle(where, block, _STAGES)
        if found is not None:
            yield found


def _swapped(column: str, *names: str) -> list[dict[str, str]]:
    return [{column: name} for name in names]


def _span(rows: Ledger) -> "pd.Series[float]":
    """How far selections of the same results are apart."""
    values = [rows("acc1", selected_by=name) for name in (_POSITIVE, _HARD, _NEGATIVE)]
    highest = values[0].combine(values[1], max).combine(values[2], max)
    lowest = values[0].combine(values[1], min).combine(values[2], min)
    return _BARELY - (highest - lowest)


def _steadier(name: str) -> Clause:
    """Gradients of a model keep their direction better than those of the negative one."""
    return Clause(
        f"cosine: {name} above {_NEGATIVE} by {_STEADY:g}",
        lambda rows: rows("cosine", treatment=name) - rows("cosine", treatment=_NEGATIVE) - _STEADY,
    )


def _unsteady(item: str) -> Callable[[Ledgers], Iterator[Condition]]:
    return in_each(
        item, BLOCK[:3],
        *map(_steadier, (_HARD, _POSITIVE)),
    )  # fmt: skip


_BY_ALL = _swapped("sampled_by", _POSITIVE, _HARD, _NEGATIVE)
_BY_POSITIVE, _BY_HARD, _BY_NEGATIVE = _swapped("selected_by", _POSITIVE, _HARD, _NEGATIVE)
_BOTH = (*BLOCK[:3], "treatment")

GROUP = Group(
    "E",
    "Stages of the attack",
    (
        Claim(
            33, "Positive smoothing samples better starting points, negative smoothing worse ones",
            "4.4, Figure 6a", (_STARTS,),
            in_each(
                _STARTS, BLOCK[:3],
                *rising("delta_face", _POSITIVE, _HARD, _NEGATIVE),
                *rising("delta_eval", _POSITIVE, _HARD, _NEGATIVE),
                *falling("confidence", _POSITIVE, _HARD, _NEGATIVE),
            ),
        ),
        Claim(
            34, "Starting points that positive smoothing sampled end better, of negative worse",
            "4.4, C.4, Table 5", (_SAMPLED,),
            in_each(
                _SAMPLED, BLOCK[:3], *falling("acc1", *_BY_ALL), *falling("xi_train", *_BY_ALL),
                *rising("delta_face", *_BY_ALL),
            ),
        ),
        Claim(
            35, "From the same start, the optimised model's smoothing decides in the same order",
            "4.4, C.4, Table 6", (_OPTIMISED,),
            in_each(
                _OPTIMISED, BLOCK[:3],
                *falling("acc1", _POSITIVE, _HARD, _NEGATIVE),
                *falling("xi_train", _POSITIVE, _HARD, _NEGATIVE),
                *rising("delta_face", _POSITIVE, _HARD, _NEGATIVE),
                *rising("delta_eval", _POSITIVE, _HARD, _NEGATIVE),
            ),
        ),
        Claim(
            36, "Negative smoothing hurts the optimisation most, then sampling, then selection",
            "4.4, Tables 5 to 7", (_SAMPLED, _OPTIMISED, _SELECTED), _hurt_most,
        ),
        Claim(
            37, "Selection by the model with positive smoothing improves results",
            "C.4, Table 7", (_SELECTED,),
            in_each(_SELECTED, _BOTH, more("acc1", _BY_POSITIVE, _BY_HARD, least=True)),
        ),
        Claim(
            38, "Selection by the model with negative smoothing degrades results",
            "C.4, Table 7", (_SELECTED,),
            in_each(_SELECTED, _BOTH, more("acc1", _BY_HARD, _BY_NEGATIVE)),
            note="The paper's own numbers say the opposite for the attack on hard labels.",
        ),
        Claim(
            39, "Which model selects barely matters", "C.4, Table 7", (_SELECTED,),
            in_each(
                _SELECTED, _BOTH,
                Clause(f"acc1 of all selections within {_BARELY:g} points", _span, True, True),
            ),
        ),
        Claim(
            40, "Directions of gradients are stable with hard labels and positive smoothing, "
            "unstable with negative smoothing",
            "4.4, Figure 6b", (_DIRECTIONS,), _unsteady(_DIRECTIONS),
            note="A difference of 0.1 of the mean cosine is our threshold.",
        ),
        Claim(
            41, "Later steps on the negative model are orthogonal or opposing", "4.4, Figure 6b",
            (_DIRECTIONS,),
            in_each(
                _DIRECTIONS, BLOCK[:3],
                Clause(
                    f"cosine_last of {_NEGATIVE} up to {_OPPOSED:g}",
                    lambda rows: _OPPOSED - rows("cosine_last", treatment=_NEGATIVE),
                    or_equal=True,
                ),
                more("not_positive", _NEGATIVE, _HARD),
            ),
            note="Thresholds are ours.",
        ),
        Claim(
            42, "The instability is not caused by the Poincaré loss", "C.4, Figure 7",
            (_OTHER_LOSS,), _unsteady(_OTHER_LOSS),
            note="As claim 40, with the cross entropy.",
        ),
    ),
)  # fmt: skip
