"""The verdicts on one screen: a strip of marks per group of claims, the paper's and ours."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from mirage.paper.judging import Judged
from mirage.paper.ruling import (
    FAILS,
    HOLDS,
    IN_PART,
    NOT_COMPARABLE,
    NOT_PRINTED,
    NOT_RUN,
    UNDECIDED,
)

MARKS = {
    HOLDS: "holds", IN_PART: "inpart", FAILS: "fails", UNDECIDED: "undecided",
    NOT_COMPARABLE: "unlike", NOT_RUN: "notrun", NOT_PRINTED: "unprinted",
}  # fmt: skip
"""Verdict -> class of its mark."""


def strips(judged: Judged, known: Collection[str]) -> list[dict[str, Any]]:
    """Groups with their claims, each with the marks of its verdicts.

    Args:
        judged: the verdicts.
        known: cells that the page has a row of, to which it can link.
    """
    return [
        {**group, "claims": [_marked(claim, known) for claim in group["claims"]]}
        for group in judged
    ]


def _marked(claim: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    sides = {
        side: {**claim[side], "mark": MARKS[claim[side]["verdict"]]} for side in ("paper", "ours")
    }
    tested = [{**one, "mark": MARKS[one["outcome"]]} for one in claim["tested"]]
    cells = [{"path": cell, "linked": cell in known} for cell in claim["cells"]]
    return {**claim, **sides, "tested": tested, "cells": cells}


def legend(judged: Judged) -> list[dict[str, Any]]:
    """Every verdict that was given, its mark, and how often the paper's and our numbers give it."""
    claims = [claim for group in judged for claim in group["claims"]]
    counts = {side: Counter(claim[side]["verdict"] for claim in claims)
              for side in ("paper", "ours")}  # fmt: skip
    return [
        {"verdict": verdict, "mark": mark, "paper": counts["paper"][verdict],
         "ours": counts["ours"][verdict]}
        for verdict, mark in MARKS.items()
        if counts["paper"][verdict] or counts["ours"][verdict]
    ]  # fmt: skip
