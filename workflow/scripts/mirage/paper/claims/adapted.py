"""Claims of C.6 and C.7: matched test accuracy (Table 9), variants of the attack (Table 10)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mirage.paper.claim import (
    Claim,
    Clause,
    Condition,
    Group,
    Ledgers,
    in_each,
    joined,
    more,
    settle,
)
from mirage.paper.ledger import Absent, Ledger
from mirage.paper.numbers import BLOCK

if TYPE_CHECKING:
    import pandas as pd

_STOPPED, _VARIED, _FULL = "Table 9", "Table 10", "Table 2"
_POSITIVE, _HARD, _NEGATIVE = "ls0.1", "ls0", "ls-0.05"
_EARLY = {_HARD: "ls0+stop@ls-0.05", _POSITIVE: "ls0.1+stop@ls-0.05"}
_DEFAULT = "default"
_BETTER = ("latent_search_10000", "lr_0.05", "cross_entropy_loss", "logit_identity_loss_reg")
_WORSE = ("lr_0.0005", "discriminator_prior_loss_0.01")
_MOST, _BELOW = 30.0, 60.0
_OTHER_PEOPLE = "The paper attacks 50 people in some of these rows and all of them in others."


def _weaker(ledgers: Ledgers) -> Iterator[Condition]:
    rows = joined(ledgers, {_STOPPED: {}, _FULL: {"attack": "ppa"}})
    parts = [
        more(
            "acc1",
            {"table": _FULL, "treatment": whole},
            {"table": _STOPPED, "treatment": early},
        )
        for whole, early in _EARLY.items()
    ]
    for where, block in rows.blocks(*BLOCK[:3]):
        found = settle(where, block, parts)
        if found is not None:
            yield found


def _hard(rows: Ledger) -> "pd.Series[float]":
    """Acc@1 of the default attack on hard labels, of Table 10 itself where that has it."""
    try:
        return rows("acc1", table=_VARIED, treatment=_HARD, variant=_DEFAULT)
    except Absent:
        return rows("acc1", table=_FULL, treatment=_HARD)


def _varied(rows: Ledger, variant: str) -> "pd.Series[float]":
    return rows("acc1", table=_VARIED, treatment=_NEGATIVE, variant=variant)


def _contained(name: str) -> tuple[Clause, Clause]:
    """A variant leaves the attack weak, and far below that on hard labels."""
    return (
        Clause(
            f"acc1 of {name} up to {_MOST:g}",
            lambda rows: _MOST - _varied(rows, name),
            or_equal=True,
            absolute=True,
        ),
        Clause(
            f"acc1 of {name} below that of {_HARD} by {_BELOW:g}",
            lambda rows: _hard(rows) - _BELOW - _varied(rows, name),
            or_equal=True,
            absolute=True,
        ),
    )


def _unbroken(ledgers: Ledgers) -> Iterator[Condition]:
    rows = joined(ledgers, {_VARIED: {}, _FULL: {"attack": "ppa"}})
    for where, block in rows.blocks(*BLOCK[:3]):
        for name in (_DEFAULT, *_BETTER, *_WORSE):
            found = settle(f"{where}, {name}", block, _contained(name))
            if found is not None:
                yield found


def _ranked(ledgers: Ledgers) -> Iterator[Condition]:
    for where, block in ledgers[_VARIED].where(treatment=_NEGATIVE).blocks(*BLOCK[:3]):
        for name in (*_BETTER, *_WORSE):
            pair = ({"variant": name}, {"variant": _DEFAULT})
            part = more("acc1", *(pair if name in _BETTER else pair[::-1]))
            found = settle(f"{where}, {name}", block, (part,))
            if found is not None:
                yield found


GROUP = Group(
    "G",
    "Lost accuracy, adapted attacks",
    (
        Claim(
            49, "At the same test accuracy negative smoothing is still far better protected",
            "C.6, Table 9", (_STOPPED,),
            in_each(
                _STOPPED, BLOCK[:3],
                *(more("acc1", early, _NEGATIVE, by=30) for early in _EARLY.values()),
            ),
            note=_OTHER_PEOPLE,
        ),
        Claim(
            50, "Early stopping weakens attacks", "C.6, Tables 2 and 9", (_STOPPED, _FULL),
            _weaker, note=_OTHER_PEOPLE,
        ),
        Claim(
            51, "On FaceScrub positive smoothing stopped early leaks slightly less than without it",
            "C.6, Table 9", (_STOPPED,),
            in_each(
                _STOPPED, BLOCK[:3], more("acc1", _EARLY[_HARD], _EARLY[_POSITIVE]),
                more("delta_face", _EARLY[_POSITIVE], _EARLY[_HARD]), dataset="FaceScrub",
            ),
        ),
        Claim(
            52, "No variant of the attack breaks the defense", "C.7, Table 10",
            (_VARIED, _FULL), _unbroken, note=_OTHER_PEOPLE,
        ),
        Claim(
            53, "More sampling, a higher learning rate, cross entropy and identity loss help the "
            "attack; a lower rate and the prior's loss do not",
            "C.7, Table 10", (_VARIED,), _ranked, note=_OTHER_PEOPLE,
        ),
    ),
)  # fmt: skip
