"""Whether a claim holds: on the paper's printed numbers, and on ours with their spread over seeds.

On printed numbers each condition is true or false. On ours each margin is a paired t test of its
mean over seeds against 0, two-sided, corrected by Holm for all tests of the group of claims (Holm
1979, "A Simple Sequentially Rejective Multiple Test Procedure"); what the corrected test cannot
tell from 0 is undecided. A condition holds where all its margins do, and fails where one does.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mirage.paper.claim import Claim, Condition, Group, Ledgers, Margin
from mirage.paper.effects import LEVEL, MIN_SEEDS, estimate
from mirage.paper.ledger import Read
from mirage.paper.ruling import (
    FAILS,
    HOLDS,
    IN_PART,
    NOT_COMPARABLE,
    NOT_PRINTED,
    NOT_RUN,
    UNDECIDED,
    Ruling,
    Tested,
)

Reasons = Callable[[Read], list[str]]
"""Why a number must not be held against the paper's; nothing where it may."""


def on_printed(claim: Claim, ledgers: Ledgers) -> Ruling:
    """Whether a claim holds on the paper's own numbers; in part where half its conditions do."""
    if not claim.rests_on:
        return Ruling(NOT_PRINTED, "nothing in the paper's tables")
    held: dict[str, list[bool]] = {}
    for condition in claim.conditions(ledgers):
        held.setdefault(condition.tally, []).append(all(map(_true, condition.margins)))
    found = [one for ones in held.values() for one in ones]
    if not found:
        return Ruling(NOT_PRINTED, "the paper shows a figure")
    met = all(sum(ones) >= (claim.least[0] if claim.least else len(ones)) for ones in held.values())
    verdict = HOLDS if met else IN_PART if 2 * sum(found) >= len(found) else FAILS
    return Ruling(verdict, _counted(held), sum(found), len(found))


def on_ours(group: Group, ledgers: Ledgers, reasons: Reasons) -> dict[int, Ruling]:
    """Whether a group's claims hold on our numbers: number of the claim -> its verdict.

    Args:
        group: the claims, corrected for together.
        ledgers: our rows of the items that there are.
        reasons: of the like-for-like gate.
    """
    tested = {
        claim.number: [
            (condition, [_first(claim, condition, one, reasons) for one in condition.margins])
            for condition in claim.conditions(ledgers)
        ]
        for claim in group.claims
    }
    decided = iter(
        _decided([one for found in tested.values() for _, parts in found for one in parts])
    )
    return {
        claim.number: _ruled(
            claim,
            [
                (condition, [next(decided) for _ in parts])
                for condition, parts in tested[claim.number]
            ],
            [name for name in claim.rests_on if ledgers[name].rows.empty],
        )
        for claim in group.claims
    }


def holm(p: Sequence[float], alpha: float) -> list[tuple[bool, float]]:
    """Step down through tests: which are rejected, and the level at which each was decided.

    An interval of confidence 1 - level leaves 0 out exactly where its test is rejected.
    """
    found: list[tuple[bool, float]] = [(False, alpha)] * len(p)
    stopped: float | None = None
    for rank, place in enumerate(sorted(range(len(p)), key=lambda one: p[one])):
        level = alpha / (len(p) - rank)
        if stopped is None and p[place] > level:
            stopped = level
        found[place] = (stopped is None, level if stopped is None else stopped)
    return found


def _true(margin: Margin) -> bool:
    value = float(margin.values.iloc[0])
    return value > 0 or (margin.clause.or_equal and value >= -1e-9)


def _first(claim: Claim, condition: Condition, margin: Margin, reasons: Reasons) -> Tested:
    """A margin before its test: undecided, unless no test is to decide it."""
    values = margin.values
    n, held = len(values), int(sum(value > 0 or (margin.clause.or_equal and value >= 0)
                                   for value in values))  # fmt: skip
    why = _unlike(margin, reasons)
    outcome = NOT_COMPARABLE if why else UNDECIDED
    mean, error, _ = estimate(values)
    settled = error == 0 and mean == 0 and margin.clause.or_equal and n >= MIN_SEEDS
    if not why and (claim.example or settled):
        outcome = HOLDS if held == n else FAILS if held == 0 else UNDECIDED
    p = math.nan
    if outcome == UNDECIDED and not claim.example and n >= MIN_SEEDS and error > 0:
        p = _p_of(mean / error, n)
    cells = dict.fromkeys(str(one.row["cell"]) for one in margin.read if one.row.get("cell"))
    return Tested(
        condition.where, margin.clause.told, condition.tally, outcome, mean, n, held, error=error,
        p=p, reasons=tuple(why), cells=tuple(cells),
    )  # fmt: skip


def _unlike(margin: Margin, reasons: Reasons) -> list[str]:
    """What forbids to compare: with the paper's sizes, or these rows with one another."""
    people = dict.fromkeys(str(one.row["people"]) for one in margin.read if one.row.get("people"))
    found = [f"{' and '.join(people)} people attacked in rows that it compares"] * (len(people) > 1)
    if margin.clause.absolute:
        found += [why for one in margin.read for why in reasons(one)]
    return list(dict.fromkeys(found))


def _decided(tested: Sequence[Tested]) -> list[Tested]:
    """The same after the tests of all, corrected for their number."""
    from scipy.special import stdtrit

    places = [place for place, one in enumerate(tested) if not math.isnan(one.p)]
    found = list(tested)
    ruled = holm([tested[place].p for place in places], 1 - LEVEL)
    for place, (rejected, level) in zip(places, ruled, strict=True):
        one = tested[place]
        half = float(stdtrit(one.seeds - 1, 1 - level / 2)) * one.error
        outcome = (HOLDS if one.mean > 0 else FAILS) if rejected else UNDECIDED
        low, high = one.mean - half, one.mean + half
        found[place] = replace(one, outcome=outcome, level=1 - level, low=low, high=high)
    return found


def _ruled(
    claim: Claim, found: Sequence[tuple[Condition, Sequence[Tested]]], missing: Sequence[str]
) -> Ruling:
    tested = tuple(one for _, parts in found for one in parts)
    if not found:
        absent = f"{', '.join(missing)}: not in what is run" if missing else "its rows are not run"
        return Ruling(NOT_RUN, absent if claim.rests_on else claim.note)
    outcomes: dict[str, list[str]] = {}
    for condition, parts in found:
        outcomes.setdefault(condition.tally, []).append(_together([one.outcome for one in parts]))
    flat = [one for ones in outcomes.values() for one in ones if one != NOT_COMPARABLE]
    held = flat.count(HOLDS)
    if not flat:
        why = "; ".join(dict.fromkeys(why for one in tested for why in one.reasons))
        return Ruling(NOT_COMPARABLE, why, 0, len(found), tested)
    verdict = _together([_of_tally(claim, ones) for ones in outcomes.values()])
    counts = {word: flat.count(word) for word in (HOLDS, FAILS, UNDECIDED)}
    told = ", ".join(f"{n} {word}" for word, n in counts.items() if n)
    left = sum(len(ones) for ones in outcomes.values()) - len(flat)
    told += f", {left} not comparable" * bool(left)
    telling = _telling([one for one in tested if one.outcome == verdict])
    return Ruling(verdict, f"{told}{telling}", held, len(found), tested)


def _of_tally(claim: Claim, outcomes: Sequence[str]) -> str:
    """All must hold, or so many of as many as the paper has: what is not run is open."""
    known = [one for one in outcomes if one != NOT_COMPARABLE]
    if claim.least is None:
        return _together(known) if known else UNDECIDED
    least, of = claim.least
    if known.count(HOLDS) >= least:
        return HOLDS
    return FAILS if known.count(FAILS) > of - least else UNDECIDED


def _together(outcomes: Sequence[str]) -> str:
    """Of parts that must all hold; one that must not be compared takes the others along."""
    for worst in (NOT_COMPARABLE, FAILS, UNDECIDED):
        if worst in outcomes:
            return worst
    return HOLDS


def _telling(tested: Sequence[Tested]) -> str:
    """The margin on which a verdict hangs: the surest failure, or the least sure of the others."""
    if not tested:
        return ""
    tests = [one for one in tested if not math.isnan(one.p)] or list(tested)
    surest = tests[0].outcome == FAILS
    one = (min if surest else max)(tests, key=lambda one: one.p if one.p == one.p else 0.0)
    where = f" ({one.where})" if one.where else ""
    return f"; {one.told}{where}: {one.shown}"


def _counted(held: Mapping[str, Sequence[bool]]) -> str:
    return "; ".join(
        f"{name}{': ' * bool(name)}{sum(ones)} of {len(ones)}" for name, ones in held.items()
    )


def _p_of(t: float, n: int) -> float:
    from scipy.special import stdtr

    return float(2 * stdtr(n - 1, -abs(t)))
