"""What docs/demo.md says of the demo holds on more than one processor."""

import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from mirage.paper import effects

from benchmarks import verdicts


@pytest.fixture(scope="module")
def table():
    """The committed measurements."""
    return pd.read_csv(verdicts.RESULT, dtype={"samples": str})


def row(name, mean, margin, finding, alpha=-0.05):
    """One verdict of one set."""
    cell = {"dataset": "orl", "architecture": "net", "samples": "all", "attack": "ppa"}
    return {
        "set": name, **cell, "alpha": alpha, "metric": "acc1", "mean": mean, "se": margin / 2,
        "margin": margin, "n_seeds": 4, "finding": finding,
    }  # fmt: skip


def test_two_sets_and_more_were_measured_for_the_same_verdicts(table):
    counts = table.groupby("set").size()
    assert len(counts) >= 2
    assert counts.nunique() == 1
    assert not table.duplicated(["set", *verdicts.KEYS]).any()


def test_no_verdict_turns_and_nine_of_ten_intervals_overlap(table):
    pairs = verdicts.compared(table)
    assert not pairs["opposite"].any()
    assert pairs["overlap"].mean() >= verdicts.LEAST_OVERLAP


def test_the_number_of_seeds_is_what_the_interval_takes(table):
    seeds = {seed for block in verdicts.demo()["targets"] for seed in block["seeds"]}
    assert len(seeds) == verdicts.seeds_wanted(table)[1] == table["n_seeds"].max()


def test_the_page_quotes_all_that_survives_and_nothing_else(table):
    assert verdicts.quoted(table) in (verdicts.ROOT / "docs/demo.md").read_text()


def test_a_turn_is_seen_and_a_gap_between_intervals():
    turned = pd.DataFrame(
        [row("a", 6, 1, effects.OPPOSITE), row("b", -4, 2, effects.SHOWS), row("c", 4, 2, "none")]
    )
    pairs = verdicts.compared(turned).set_index(["set", "set_other"])
    assert pairs["opposite"].to_dict() == {("a", "b"): True, ("a", "c"): False, ("b", "c"): False}
    assert pairs["overlap"].to_dict() == {("a", "b"): False, ("a", "c"): True, ("b", "c"): False}


def test_only_what_shows_under_every_set_survives():
    rows = [
        row("a", -9, 2, effects.SHOWS), row("b", -8, 3, effects.SHOWS),
        row("a", 5, 2, effects.SHOWS, alpha=0.1), row("b", 3, 4, effects.OPEN, alpha=0.1),
        row("a", 1, 2, effects.OPEN, alpha=0.2), row("b", 0, 4, effects.OPEN, alpha=0.2),
    ]  # fmt: skip
    assert set(verdicts.survivors(pd.DataFrame(rows))["alpha"]) == {-0.05}


def test_spread_of_a_set_is_what_makes_the_seeds():
    alone = pd.DataFrame([row("a", 1, 14, effects.OPEN)])  # se 7 of 4 seeds: spread 14
    assert verdicts.seeds_wanted(alone) == (14.0, effects.seeds_needed(14.0, 6))
