"""Acceptance: is a store what it claims to be, and do private and public data stay apart?"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from mirage.data import contact_sheet, telling
from mirage.data.published import Published, differences
from mirage.data.store import Store
from mirage.draws import PER_CELL
from mirage.errors import MirageError
from mirage.recipes import Recipe
from mirage.runtime import files
from mirage.visible import listed, visible

_log = logging.getLogger("mirage")
_LOGGED = 30  # findings that go to the log, beside the report


class Finding(NamedTuple):
    """One thing an inspector should know."""

    kind: Literal["error", "warning", "note"]
    """An error makes the store unfit, and stops the study. A warning counts against the data, but
    published data sets have some of them: the study goes on, the data have not passed. A note is a
    property that was handled."""
    text: str


@dataclass(frozen=True)
class Expected(Recipe):
    """What a store should hold; what is None is not checked.

    Attributes:
        images: number of usable images.
        identities: number of identities.
        train: training images.
        test: test images.
        shape: (C, H, W) of every image.
    """

    images: int | None = None
    identities: int | None = None
    train: int | None = None
    test: int | None = None
    shape: tuple[int, int, int] | None = None


def check_store(store: Store, expected: Mapping[str, Any] | None = None) -> list[Finding]:
    """Inspect a store: checksums, counts, shapes, labels, splits, duplicates, unreadable files.

    Args:
        store: the store; all its bytes are read.
        expected: fields of ``Expected``; published counts, for example.

    Returns:
        The findings: errors, warnings (equal and doubtful photographs), notes; empty if there is
        nothing to say.
    """
    errors = [
        *_checksum_errors(store),
        *_expectation_errors(store, Expected.of(expected or {})),
        *_label_errors(store),
        *_split_errors(store),
    ]
    warnings = [*_duplicate_warnings(store), *telling.doubts(store.manifest)]
    return [
        *(Finding("error", text) for text in errors),
        *(Finding("warning", text) for text in warnings),
        *(Finding("note", text) for text in telling.notes(store.manifest)),
    ]


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
        report: where the findings go, each beginning with the name of its store.

    Returns:
        Figures for the job's record.

    Raises:
        MirageError: names all errors; no report is written.
    """
    stores = {Path(path).parent.name: Store(Path(path).parent) for path in manifests}
    findings: list[Finding] = []
    for name, store in stores.items():
        expected = dict(expectations[name])
        found = check_store(store, {"identities": expected.pop("classes")})
        found += [Finding("note", text) for text in differences(store, Published.of(expected))]
        findings += [Finding(kind, f"{name}: {text}") for kind, text in found]
        sheet = contact_sheet.draw_doubtful(store)
        if sheet is not None:
            findings.append(
                Finding("note", f"{name}: the doubtful photographs are shown in {sheet}")
            )
    for first, second in apart:
        found = check_disjoint(stores[first], stores[second])
        findings += [Finding(kind, f"{first} and {second}: {text}") for kind, text in found]
    errors = [finding.text for finding in findings if finding.kind == "error"]
    if errors:
        raise MirageError(
            f"the prepared data is not what it should be: {listed(errors, joint='; ')}"
        )
    write_report(findings, report)
    _tell(findings, report)
    return {"stores": len(stores), "notes": len(findings)}


def check_disjoint(private: Store, public: Store) -> list[Finding]:
    """Look for people or photographs that are in both stores.

    Identities are compared by name and photographs by their decoded pixels, so the same picture
    under another name is found; a rescaled or recompressed one is not.

    Returns:
        One error per shared identity or photograph, and one if the photographs cannot be
        compared because the stores differ in channels.
    """
    shared = sorted(set(private.identities) & set(public.identities))
    errors = [f"identity {name} is in both stores" for name in shared]
    if private.channels != public.channels:
        errors.append(
            f"photographs cannot be compared: {private.channels} channels against {public.channels}"
        )
    names: dict[str, list[str]] = {}
    for entry in private.index:
        names.setdefault(entry.pixel_hash, []).append(entry.name)
    errors += [
        f"photograph {entry.name} of the second store is {listed(names[entry.pixel_hash])} "
        "of the first"
        for entry in public.index
        if entry.pixel_hash in names
    ]
    return [Finding("error", text) for text in errors]


def write_report(findings: Sequence[Finding], path: str | Path) -> None:
    """Write the findings: as JSON to a path ending in ``.json``, else as plain text.

    Data have passed if there is neither an error nor a warning.
    """
    passed = all(finding.kind == "note" for finding in findings)
    if Path(path).suffix == ".json":
        entries = [finding._asdict() for finding in findings]
        files.write_json(path, {"passed": passed, "findings": entries})
    else:
        lines = [f"{finding.kind}: {visible(finding.text)}" for finding in findings]
        files.write_text(path, "\n".join([*lines, "passed" if passed else "failed"]) + "\n")


def _checksum_errors(store: Store) -> Iterable[str]:
    try:
        store.verify()
    except MirageError as error:
        yield str(error)


def _expectation_errors(store: Store, expected: Expected) -> Iterable[str]:
    found = {
        "images": len(store),
        "identities": len(store.identities),
        "train": len(store.members("train")),
        "test": len(store.members("test")),
    }
    for name, count in asdict(expected).items():
        if name in found and count is not None and found[name] != count:
            yield f"{found[name]} {name}, expected {count}"
    for entry in store.index:
        shape = (store.channels, entry.height, entry.width)
        if expected.shape is not None and shape != expected.shape:
            yield f"{entry.name} has shape {shape}, expected {expected.shape}"
        if min(shape) < 1:
            yield f"{entry.name} is empty: shape {shape}"


def _label_errors(store: Store) -> Iterable[str]:
    classes = len(store.identities)
    for entry in store.index:
        if not 0 <= entry.label < classes:
            yield f"{entry.name} has label {entry.label}, expected 0 to {classes - 1}"
        elif store.identities[entry.label] != entry.identity:
            yield f"{entry.name} shows {entry.identity}, its label {entry.label} is someone else's"
    for label in sorted(set(range(classes)) - set(store.labels.tolist())):
        yield f"identity {store.identities[label]} has no image"


def _split_errors(store: Store) -> Iterable[str]:
    drawn = (store.manifest["recipe"]["split"] or {}).get("seed") == PER_CELL
    parts = (PER_CELL,) if drawn else ("train", "test")
    for entry in store.index:
        if entry.split not in parts:
            yield f"{entry.name} is in split {entry.split!r}, expected {' or '.join(parts)}"
    for split in parts:
        orders = sorted(entry.order for entry in store.index if entry.split == split)
        if orders != list(range(len(orders))):
            yield f"the order of split {split} is not 0 to {len(orders) - 1}"
    if drawn:
        return
    trained = set(store.labels[store.members("train")].tolist())
    for label in np.unique(store.labels).tolist():
        if label not in trained and label < len(store.identities):
            yield f"identity {store.identities[label]} has no training image"


def _duplicate_warnings(store: Store) -> Iterable[str]:
    where = {entry.name: entry for entry in store.index}
    for kind, groups in store.manifest["duplicates"].items():
        for names in groups:
            splits = {where[name].split for name in names}
            leak = ", in train and test" if len(splits) > 1 else ""
            leak = leak or (", in train and test of some seeds" if PER_CELL in splits else "")
            yield f"same pixels {kind.replace('_', ' ')}{leak}: {listed(names, telling.NAMED)}"


def _tell(findings: Sequence[Finding], report: str | Path) -> None:
    """Write findings to the log, warnings first; the report has them all."""
    ordered = sorted(findings, key=lambda finding: finding.kind != "warning")
    for finding in ordered[:_LOGGED]:
        level = logging.WARNING if finding.kind == "warning" else logging.INFO
        _log.log(level, "%s", finding.text)
    if len(ordered) > _LOGGED:
        _log.warning("%d more findings are in %s", len(ordered) - _LOGGED, report)
