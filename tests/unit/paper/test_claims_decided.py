"""Verdicts on our numbers: made-up seeds of known effect, and Holm's correction by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from mirage.paper.claim import Claim, Group, in_each, more
from mirage.paper.claims import GROUPS
from mirage.paper.deciding import holm, on_ours
from mirage.paper.ledger import ITEM, Ledger
from mirage.paper.ruling import FAILS, HOLDS, NOT_COMPARABLE, NOT_RUN, UNDECIDED
from scipy import stats

EFFECTS = {
    "up": [4.0, 5.0, 6.0, 5.5, 4.5],
    "down": [-4.0, -5.0, -6.0, -5.5, -4.5],
    "noise": [4.0, -5.0, 6.0, -5.5, 1.5],
}


def ledger(effects, others=None, **columns):
    """Rows of Table 2: hard labels of some luck, and positive smoothing by so much better.

    Args:
        effects: place -> difference for each seed.
        others: columns of the smoothed rows alone.
        columns: of all rows.
    """
    luck = np.random.default_rng(0).normal(50, 20, 99)
    rows = [
        {
            ITEM: "Table 2", "dataset": "FaceScrub", "architecture": place, "samples": "all",
            "attack": "ppa", "treatment": name, "seed": seed, "cell": f"targets/{place}/{seed}",
            "acc1": luck[seed] + (by if name == "ls0.1" else 0.0), **columns,
            **((others or {}) if name == "ls0.1" else {}),
        }
        for place, differences in effects.items()
        for seed, by in enumerate(differences)
        for name in ("ls0.1", "ls0")
    ]  # fmt: skip
    return {"Table 2": Ledger(pd.DataFrame(rows))}


def group(*parts, **settings):
    conditions = in_each("Table 2", ("architecture",), *(parts or (more("acc1", "ls0.1", "ls0"),)))
    claim = Claim(1, "positive smoothing helps", "4.2", ("Table 2",), conditions, **settings)
    return Group("A", "made up", (claim,))


def ruled(effects, *parts, reasons=lambda read: [], others=None, **settings):
    return on_ours(group(*parts, **settings), ledger(effects, others), reasons)[1]


@pytest.mark.parametrize(
    ("effect", "verdict"), [("up", HOLDS), ("down", FAILS), ("noise", UNDECIDED)]
)
def test_the_spread_over_seeds_decides(effect, verdict):
    ruling = ruled({"net": EFFECTS[effect]})
    assert ruling.verdict == verdict
    (tested,) = ruling.tested
    values = np.array(EFFECTS[effect])
    low, high = stats.t.interval(0.95, 4, values.mean(), values.std(ddof=1) / np.sqrt(5))
    assert (tested.low, tested.high) == pytest.approx((low, high))
    assert tested.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert "95 % interval, n = 5" in ruling.why
    assert len(tested.cells) == 5


def test_all_places_must_hold_and_one_that_fails_decides():
    assert ruled({"a": EFFECTS["up"], "b": EFFECTS["up"]}).verdict == HOLDS
    assert ruled({"a": EFFECTS["up"], "b": EFFECTS["noise"]}).verdict == UNDECIDED
    ruling = ruled({"a": EFFECTS["up"], "b": EFFECTS["noise"], "c": EFFECTS["down"]})
    assert ruling.verdict == FAILS
    assert ruling.why.startswith("1 holds, 1 fails, 1 undecided; ")
    assert "(c)" in ruling.why


@pytest.mark.parametrize(
    ("effects", "verdict"),
    [("up up", HOLDS), ("up noise", UNDECIDED), ("down", UNDECIDED), ("down down", FAILS)],
)
def test_at_least_so_many_leaves_open_what_is_not_run(effects, verdict):
    """Two of three: one failure may still be made good by a place that is not run."""
    places = {str(place): EFFECTS[name] for place, name in enumerate(effects.split())}
    assert ruled(places, least=(2, 3)).verdict == verdict


def test_two_seeds_decide_nothing_and_equal_differences_neither():
    few = ruled({"net": [5.0, 5.1]})
    assert few.verdict == UNDECIDED
    assert "+5.05 (2 of 2 seeds)" in few.why
    assert ruled({"net": [5.0, 5.0, 5.0]}).verdict == UNDECIDED


def test_an_example_is_decided_by_its_own_count():
    assert ruled({"net": [5.0]}, example=True).verdict == HOLDS
    assert ruled({"net": [-5.0]}, example=True).verdict == FAILS
    assert ruled({"net": [5.0, -5.0]}, example=True).verdict == UNDECIDED


def test_what_never_ends_is_told_as_such():
    ruling = ruled({"net": [math.inf]}, example=True)
    assert ruling.verdict == HOLDS
    assert "+inf (1 of 1 seeds)" in ruling.why


def test_exact_equality_is_enough_where_it_is_asked_for():
    same = more("acc1", "ls0.1", "ls0", least=True)
    assert ruled({"net": [0.0] * 3}, same).verdict == HOLDS
    assert ruled({"net": [0.0] * 3}).verdict == UNDECIDED


def test_a_size_of_the_papers_asks_the_gate_and_an_order_does_not():
    by_some = more("acc1", "ls0.1", "ls0", by=4.5)
    asked = []

    def reasons(read):
        asked.append(read.metric)
        return ["test images: 72, the paper's 3788"]

    ruling = ruled({"net": EFFECTS["up"]}, by_some, reasons=reasons)
    assert ruling.verdict == NOT_COMPARABLE
    assert ruling.why == "test images: 72, the paper's 3788"
    assert set(asked) == {"acc1"}
    assert ruled({"net": EFFECTS["up"]}, by_some).verdict == UNDECIDED  # too near, half a point
    assert ruled({"net": EFFECTS["up"]}, reasons=reasons).verdict == HOLDS


def test_rows_of_other_people_are_not_compared():
    ruling = on_ours(
        group(), ledger({"net": EFFECTS["up"]}, {"people": "50"}, people="530"), lambda read: []
    )[1]
    assert ruling.verdict == NOT_COMPARABLE
    assert ruling.why == "50 and 530 people attacked in rows that it compares"


def test_what_is_not_there_is_not_run():
    ruling = on_ours(group(), {"Table 2": Ledger(pd.DataFrame())}, lambda read: [])[1]
    assert (ruling.verdict, ruling.why) == (NOT_RUN, "Table 2: not in what is run")
    without = ledger({"net": EFFECTS["up"]})["Table 2"].where(treatment="ls0")
    assert on_ours(group(), {"Table 2": without}, lambda read: [])[1].verdict == NOT_RUN


def test_holm_by_hand():
    """Of four, 0.05 / 4, then / 3, then / 2: the third stops all after it, the smaller one too."""
    found = holm([0.03, 0.001, 0.04, 0.016], 0.05)
    assert [rejected for rejected, _ in found] == [False, True, False, True]
    assert [level for _, level in found] == pytest.approx([0.025, 0.0125, 0.025, 0.05 / 3])
    assert holm([], 0.05) == []


def test_a_groups_tests_are_corrected_together_and_intervals_agree_with_verdicts():
    weak = [2.0, 0.5, 3.0, 4.0, 0.2]  # p = 0.06 / 2 or so: alone it would just show
    weak = list(np.array(weak) + 0.4)
    assert 0.01 < stats.ttest_1samp(weak, 0).pvalue < 0.05
    assert ruled({"a": weak}).verdict == HOLDS
    many = ruled({"a": weak, **{str(n): EFFECTS["noise"] for n in range(9)}})
    (tested,) = (one for one in many.tested if one.where == "a")
    assert tested.outcome == UNDECIDED
    assert tested.level == pytest.approx(1 - 0.05 / 10)
    for one in many.tested:
        assert (one.low <= 0 <= one.high) == (one.outcome == UNDECIDED)


def test_analytic_claims_hold_for_our_loss():
    toy = next(one for one in GROUPS.values() if one.letter == "I")
    theory = Group("I", "theory", tuple(one for one in toy.claims if not one.rests_on))
    rulings = on_ours(theory, {}, lambda read: [])
    assert {number: one.verdict for number, one in rulings.items()} == dict.fromkeys(
        (63, 64, 65), HOLDS
    )
    (tenth,) = (one for one in rulings[64].tested if one.where == "α = 0.1")
    assert "0.91" in tenth.told
    assert not math.isnan(tenth.mean)
