"""Every claim held against the paper's numbers and ours, as it is written down and shown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mirage.paper import evidence
from mirage.paper.claim import Claim, Group
from mirage.paper.claims import GROUPS
from mirage.paper.contents import contents
from mirage.paper.deciding import on_ours, on_printed
from mirage.paper.item import Item
from mirage.paper.ledger import Ledger
from mirage.paper.like_for_like import Gate
from mirage.paper.presentation import Presentation
from mirage.paper.ruling import Ruling
from mirage.study.settings import Scale
from mirage.study.study import Study

Judged = list[dict[str, Any]]
"""Groups of claims in their order, as JSON takes them."""


def groups() -> list[Group]:
    """All groups of claims in the order of their letters."""
    return sorted(GROUPS.values(), key=lambda group: group.letter)


def claimed_items(scale: Scale) -> dict[str, Item]:
    """The items of a scale that some claim rests on."""
    claims = [claim for group in groups() for claim in group.claims]
    return evidence.items_of(scale, evidence.named_by(claims))


def claimed_files(study: Study) -> list[str]:
    """Files that the items are made of which the paper's claims rest on, each once."""
    items = claimed_items(study.scale).values()
    return list(dict.fromkeys(path for item in items for path in item.needs(study).inputs))


def counted_data(study: Study) -> list[str]:
    """Lists of the photographs of the attacked data sets, which tell how many test a target."""
    datasets = dict.fromkeys(target.dataset for target in study.targets)
    return [f"data/{name}/index.csv" for name in datasets]


def gate_of(study: Study, shown: Presentation, results: Path = Path()) -> Gate:
    """The like-for-like gate of a study."""
    return Gate(study, shown, evidence.references(contents(study.scale).values()), results)


def judge(study: Study, shown: Presentation, items: Mapping[str, Item], gate: Gate) -> Judged:
    """Hold every claim against both.

    Args:
        study: what was run; its results are the current folder.
        shown: how it is presented.
        items: those of ``claimed_items`` whose files are there.
        gate: says which numbers are like the paper's.
    """
    ours = evidence.ours(study, shown, items)
    return [_judged(group, ours, gate) for group in groups()]


def _judged(group: Group, ours: Mapping[str, Ledger], gate: Gate) -> dict[str, Any]:
    names = evidence.named_by(group.claims)
    papers, nothing = evidence.printed(names), evidence.printed([""])[""]
    rulings = on_ours(group, {name: ours.get(name, nothing) for name in names}, gate.reasons)
    return {
        "letter": group.letter,
        "title": group.title,
        "claims": [
            _told(claim, on_printed(claim, papers), rulings[claim.number]) for claim in group.claims
        ],
    }


def _told(claim: Claim, papers: Ruling, ours: Ruling) -> dict[str, Any]:
    return {
        "number": claim.number,
        "sentence": claim.sentence,
        "source": claim.source,
        "rests_on": list(claim.rests_on),
        "note": claim.note,
        "paper": {"verdict": papers.verdict, "why": papers.why},
        "ours": {"verdict": ours.verdict, "why": ours.why},
        "tested": [
            {
                "where": one.where,
                "told": one.told,
                "outcome": one.outcome,
                "shown": one.shown,
                "reasons": list(one.reasons),
            }
            for one in ours.tested
        ],
        "cells": list(dict.fromkeys(cell for one in ours.tested for cell in one.cells)),
    }


def as_rows(judged: Judged) -> list[dict[str, Any]]:
    """A row per claim, for a CSV."""
    return [
        {
            "group": group["letter"],
            "claim": claim["number"],
            "sentence": claim["sentence"],
            "source": claim["source"],
            "rests_on": "; ".join(claim["rests_on"]),
            "paper": claim["paper"]["verdict"],
            "paper_counts": claim["paper"]["why"],
            "ours": claim["ours"]["verdict"],
            "decided_by": claim["ours"]["why"],
            "note": claim["note"],
        }
        for group in judged
        for claim in group["claims"]
    ]
