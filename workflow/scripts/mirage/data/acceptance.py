"""Acceptance: is a store what it claims to be, and do private and public data stay apart?"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from mirage.data import contact_sheet
from mirage.data.published import Published, differences
from mirage.data.store import Store
from mirage.draws import PER_CELL
from mirage.errors import MirageError
from mirage.runtime import files
from mirage.visible import listed

_log = logging.getLogger("mirage")
_LOGGED = 30  # findings that go to the log, beside the report
_NAMED = 5  # photographs that a line names


class Finding(NamedTuple):
    """One thing an inspector should know."""

    kind: Literal["error", "warning", "note"]
    """An error makes the store unfit, and stops the study. A warning counts against the data, but
    published data sets have some of them: the study goes on, the data have not passed. A note is a
    property that was handled."""
    text: str


def accept(
    manifests: Iterable[str | Path],
    expectations: Mapping[str, Mapping[str, Any]],
    apart: Iterable[tuple[str, str]],
    report: str | Path,
) -> dict[str, float]:
    """Inspect stores as the configuration describes them, and write what is found.

    A wrong number of classes, damage, people or photographs shared where none may be: errors.
    Equal photographs and doubtful ones: warnings, and a contact sheet of the latter beside their
    store. Another number of images than the paper's authors had: a note that says what follows.

    Args:
        manifests: of the stores; a store goes by the name of its folder.
        expectations: store -> ``classes`` and fields of ``Published``.
        apart: pairs of stores that must share nobody.
        report: JSON of the findings, each beginning with the name of its store, and whether the
            data have passed: with neither an error nor a warning.

    Returns:
        Figures for the job's record.

    Raises:
        MirageError: names all errors; no report is written.
    """
    stores = {Path(path).parent.name: Store(Path(path).parent) for path in manifests}
    findings: list[Finding] = []
    for name, store in stores.items():
        expected = dict(expectations[name])
        classes = expected.pop("classes")
        found = check_store(store)
        if len(store.identities) != classes:
            found.append(
                Finding("error", f"{len(store.identities)} identities, expected {classes}")
            )
        found += [Finding("note", text) for text in differences(store, Published.of(expected))]
        sheet = contact_sheet.draw_doubtful(store)
        if sheet is not None:
            found.append(Finding("note", f"the doubtful photographs are shown in {sheet}"))
        findings += [Finding(kind, f"{name}: {text}") for kind, text in found]
    for first, second in apart:
        shared = check_disjoint(stores[first], stores[second])
        findings += [Finding("error", f"{first} and {second}: {text}") for text in shared]
    errors = [finding.text for finding in findings if finding.kind == "error"]
    if errors:
        raise MirageError(
            f"the prepared data is not what it should be: {listed(errors, joint='; ')}"
        )
    passed = all(finding.kind == "note" for finding in findings)
    entries = [finding._asdict() for finding in findings]
    files.write_json(report, {"passed": passed, "findings": entries})
    _tell(findings, report)
    return {"stores": len(stores), "notes": len(findings)}


def check_store(store: Store) -> list[Finding]:
    """Inspect a store, all of whose bytes are read.

    Returns:
        Errors (damage, people without a training image), warnings (equal and doubtful
        photographs) and notes (what was left out, left alone and handled).
    """
    findings = []
    try:
        store.verify()
    except MirageError as error:
        findings.append(Finding("error", str(error)))
    if (store.manifest["recipe"]["split"] or {}).get("seed") != PER_CELL:
        trained = set(store.labels[store.members("train")].tolist())
        findings += [
            Finding("error", f"identity {identity} has no training image")
            for label, identity in enumerate(store.identities)
            if label not in trained
        ]
    warnings = [*_duplicates(store), *_doubts(store.manifest)]
    findings += [Finding("warning", text) for text in warnings]
    return findings + [Finding("note", text) for text in _notes(store.manifest)]


def check_disjoint(private: Store, public: Store) -> list[str]:
    """Look for people or photographs that are in both stores.

    Identities are compared by name and photographs by their decoded pixels, so the same picture
    under another name is found; a rescaled or recompressed one is not.

    Returns:
        One text per shared identity or photograph, and one if the photographs cannot be compared
        because the stores differ in channels.
    """
    shared = sorted(set(private.identities) & set(public.identities))
    errors = [f"identity {name} is in both stores" for name in shared]
    if private.channels != public.channels:
        errors.append(
            f"photographs cannot be compared: {private.channels} channels against {public.channels}"
        )
    names: dict[str, list[str]] = defaultdict(list)
    for entry in private.index:
        names[entry.pixel_hash].append(entry.name)
    return errors + [
        f"photograph {entry.name} of the second store is {listed(names[entry.pixel_hash])} "
        "of the first"
        for entry in public.index
        if entry.pixel_hash in names
    ]


def _duplicates(store: Store) -> Iterator[str]:
    split_of = {entry.name: entry.split for entry in store.index}
    for kind, groups in store.manifest["duplicates"].items():
        for names in groups:
            splits = {split_of[name] for name in names}
            leak = ", in train and test" if len(splits) > 1 else ""
            leak = leak or (", in train and test of some seeds" if PER_CELL in splits else "")
            yield f"same pixels {kind.replace('_', ' ')}{leak}: {listed(names, _NAMED)}"


def _doubts(manifest: Mapping[str, Any]) -> Iterator[str]:
    for kind, numbers in manifest["doubtful"].items():
        named = [f"{name}: {number:.4g}" for name, number in numbers.items()]
        yield f"{kind}: {len(numbers)} photographs ({listed(named, _NAMED)})"


def _notes(manifest: Mapping[str, Any]) -> Iterator[str]:
    for problem in manifest["problems"]:
        yield f"left out as unreadable: {problem['name']} ({problem['reason']})"
    alone: dict[str, list[str]] = defaultdict(list)
    for name, why in sorted(manifest["left_alone"].items()):
        alone[why].append(name)
    for why, names in sorted(alone.items()):
        yield f"left alone, {why}: {len(names)} ({listed(names, _NAMED)})"
    for what, names in manifest["handled"].items():
        yield f"{what}: {len(names)} photographs ({listed(names, _NAMED)})"


def _tell(findings: Sequence[Finding], report: str | Path) -> None:
    """Write findings to the log, warnings first; the report has them all."""
    ordered = sorted(findings, key=lambda finding: finding.kind != "warning")
    for finding in ordered[:_LOGGED]:
        level = logging.WARNING if finding.kind == "warning" else logging.INFO
        _log.log(level, "%s", finding.text)
    if len(ordered) > _LOGGED:
        _log.warning("%d more findings are in %s", len(ordered) - _LOGGED, report)
