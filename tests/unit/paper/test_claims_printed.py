"""Each claim on the paper's printed numbers gives the verdict that was read off them by hand."""

import pytest
from mirage.paper import evidence
from mirage.paper.claims import GROUPS
from mirage.paper.deciding import on_printed
from mirage.paper.items import ITEMS
from mirage.paper.ruling import FAILS, HOLDS, IN_PART, NOT_PRINTED

BY_LETTER = sorted(GROUPS.values(), key=lambda group: group.letter)
CLAIMS = [claim for group in BY_LETTER for claim in group.claims]

# Claim -> how many of how many places hold; those of which the paper prints no number have none.
COUNTS = {
    1: (5, 6), 2: (6, 6), 3: (6, 6), 4: (5, 6), 5: (6, 6), 6: (2, 2), 7: (6, 6), 8: (6, 6),
    9: (6, 6), 10: (6, 6), 11: (1, 1), 12: (1, 1), 13: (1, 1), 14: (5, 6), 15: (1, 6),
    17: (2, 2), 18: (2, 2), 19: (2, 2), 20: (1, 2), 21: (2, 2), 22: (2, 2), 23: (2, 2),
    24: (8, 8), 25: (2, 2), 26: (2, 2), 27: (2, 2), 28: (2, 2),
    34: (1, 1), 35: (1, 1), 36: (1, 1), 37: (2, 2), 38: (1, 2), 39: (2, 2),
    43: (6, 7), 44: (6, 7), 45: (1, 2), 46: (1, 1), 47: (1, 1), 48: (4 + 5, 7 + 7),
    49: (2, 2), 50: (2, 2), 51: (1, 1), 52: (7, 7), 53: (6, 6),
    54: (5 + 6, 6 + 6), 55: (18, 18), 56: (6, 6), 57: (5, 6), 58: (1, 1), 59: (1, 1), 60: (1, 1),
}  # fmt: skip
NOT_MET = {1: IN_PART, 4: IN_PART, 14: IN_PART, 15: FAILS, 20: IN_PART, 38: IN_PART, 45: IN_PART,
           57: IN_PART}  # fmt: skip


@pytest.fixture(scope="module")
def ledgers():
    return evidence.printed(evidence.named_by(CLAIMS))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"claim{claim.number}")
def test_a_claim_has_its_listed_verdict_on_the_printed_numbers(claim, ledgers):
    ruling = on_printed(claim, ledgers)
    if claim.number not in COUNTS:
        assert ruling.verdict == NOT_PRINTED
        return
    assert (ruling.held, ruling.of) == COUNTS[claim.number]
    assert ruling.verdict == NOT_MET.get(claim.number, HOLDS)


def test_claims_are_numbered_without_a_gap_and_told_in_full():
    assert [claim.number for claim in CLAIMS] == list(range(1, 66))
    assert [group.letter for group in BY_LETTER] == list("ABCDEFGHI")
    assert all(claim.sentence and claim.source for claim in CLAIMS)
    assert len({claim.sentence for claim in CLAIMS}) == len(CLAIMS)


def test_what_the_counts_leave_out_is_where_they_fail(ledgers):
    """The exceptions that the reading by hand names."""
    by_number = {claim.number: claim for claim in CLAIMS}

    def failing(number):
        return {
            condition.where
            for condition in by_number[number].conditions(ledgers)
            if any(margin.values.iloc[0] <= 0 for margin in condition.margins)
        }

    for number in (1, 4, 14):
        assert failing(number) == {"FaceScrub, DenseNet-121"}
    assert failing(20) == {"CelebA, ResNet-152"}
    assert failing(57) == {"CelebA, DenseNet-121"}
    assert {where.split(", ")[-1] for where in failing(43)} == {"LOMMA (GMI)"}
    assert {where.split(", ")[-1] for where in failing(44)} == {"PLG-MI"}


def test_claims_rest_on_items_by_their_names():
    """Items that are not made yet are named all the same; no other name is misspelt."""
    known = {item.name for item in ITEMS.values()}
    coming = {"Table 11", "Table 12", "Table 13"}
    assert set(evidence.named_by(CLAIMS)) <= known | coming
