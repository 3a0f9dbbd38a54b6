"""Claims on the number of training images (Figure 2a, Table 4)."""

import itertools
from collections.abc import Callable, Iterator, Sequence
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
from mirage.paper.ledger import Ledger, budgets
from mirage.paper.numbers import BLOCK

if TYPE_CHECKING:
    import pandas as pd

_FEW, _ALL = "Table 4", "Table 2"
_POSITIVE, _HARD, _NEGATIVE = "ls0.1", "ls0", "ls-0.05"

Effect = Callable[[Ledger, str], "pd.Series[float]"]
"""What smoothing changes with so many images per person."""


def _effect(metric: str, greater: str, smaller: str) -> Effect:
    return lambda rows, n: (
        rows(metric, treatment=greater, samples=n) - rows(metric, treatment=smaller, samples=n)
    )


def _larger(what: str, effect: Effect, first: str, second: str) -> Clause:
    """The effect is larger with one number of images than with another."""
    return Clause(
        f"{what} with n = {first} above that with n = {second}",
        lambda rows: effect(rows, first) - effect(rows, second),
    )


def _ordered(*parts: Clause) -> Callable[[Ledgers], Iterator[Condition]]:
    """A condition per data set, over the rows of few images, and of all."""

    def conditions(ledgers: Ledgers) -> Iterator[Condition]:
        rows = joined(ledgers, {_FEW: {}, _ALL: {"attack": "ppa", "samples": "all"}})
        for where, block in rows.blocks(*BLOCK[:2]):
            found = settle(where, block, parts)
            if found is not None:
                yield found

    return conditions


def _most_with_few(ledgers: Ledgers) -> Iterator[Condition]:
    gain = _effect("test_acc", _POSITIVE, _HARD)
    for where, block in ledgers[_FEW].blocks(*BLOCK[:2]):
        few, *others = budgets(block) or [""]
        parts = [_larger("gain in test_acc", gain, few, n) for n in others]
        found = settle(where, block, parts) if parts else None
        if found is not None:
            yield found


def _chain(what: str, effect: Effect, sizes: Sequence[str]) -> tuple[Clause, ...]:
    return tuple(_larger(what, effect, *pair) for pair in itertools.pairwise(sizes))


_GAIN = _effect("acc1", _POSITIVE, _HARD)
_DROP = _effect("acc1", _HARD, _NEGATIVE)
_AWAY = _effect("delta_face", _NEGATIVE, _HARD)

GROUP = Group(
    "C",
    "Number of training images",
    (
        Claim(
            24, "Positive smoothing leaks more for every number of training images",
            "4.2, C.3, Table 4", (_FEW,),
            in_each(
                _FEW, BLOCK[:3],
                more("acc1", _POSITIVE, _HARD), more("delta_face", _HARD, _POSITIVE),
                more("xi_train", _POSITIVE, _HARD),
            ),
        ),
        Claim(
            25, "The effect of positive smoothing is larger with little data",
            "4.2, Figure 2a, Table 4", (_FEW, _ALL),
            _ordered(*_chain("gain in acc1", _GAIN, ("10", "20", "30", "all"))),
        ),
        Claim(
            26, "The defense of negative smoothing grows with the number of images",
            "4.2, Figure 2a, Table 4", (_FEW, _ALL),
            _ordered(
                *_chain("drop of acc1", _DROP, ("30", "20", "10")),
                _larger("drop of acc1", _DROP, "all", "10"),
            ),
        ),
        Claim(
            27, "With more images negative smoothing moves results further away",
            "C.3, Table 4", (_FEW,),
            _ordered(*_chain("rise of delta_face", _AWAY, ("30", "20", "10"))),
        ),
        Claim(
            28, "Positive smoothing helps test accuracy most with little data", "C.3, Table 4",
            (_FEW,), _most_with_few,
            note="The smallest number of images that there is stands for the paper's 10.",
        ),
    ),
)  # fmt: skip
