"""What a check found, for a person: a table, and what to do."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from mirage.assets.checking import CheckedAsset
from mirage.assets.manifest import Asset
from mirage.visible import visible

_TITLES = ("asset", "state", "size", "where", "remark")


def table(findings: Sequence[CheckedAsset], home: Path) -> str:
    """Lay findings out in aligned columns, places relative to the repository at ``home``."""
    rows = [
        _TITLES,
        *(
            (
                f.asset.name,
                f.state,
                _size(f),
                shown(f.place, home),
                visible(f.detail or f.asset.later),
            )
            for f in findings
        ),
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_TITLES) - 1)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines)


def overview(
    needed: Sequence[CheckedAsset], others: Sequence[CheckedAsset], home: Path, scale: str
) -> str:
    """The whole page of a check: what a scale needs, what it does not, what to do."""
    heading = f"Needed by the scale {scale}:"
    parts = [f"{heading}\n{table(needed, home)}" if needed else f"{heading} nothing"]
    if others:
        parts.append(f"Not needed by it:\n{table(others, home)}")
    parts.append(instructions(needed, home, scale))
    return "\n\n".join(filter(None, parts))


def instructions(findings: Iterable[CheckedAsset], home: Path, scale: str) -> str:
    """What to do about those that are missing or wrong; empty if all is good."""
    bad = [finding for finding in findings if not finding.good]
    if not bad:
        return ""
    told = [_instruction(finding, home, scale) for finding in bad]
    if sum(f.state == "missing" and f.asset.fetchable for f in bad) > 1:
        told.append(f"All that may be downloaded: {_fetch(scale)}")
    return visible("\n".join(told), keep="\n")


def shown(place: Path, home: Path) -> str:
    """A place as people know it: relative to the repository if it lies there."""
    return visible(place.relative_to(home) if place.is_relative_to(home) else place)


def short_way(asset: Asset, scale: str) -> str:
    """One line on how to get an asset."""
    return _fetch(scale, asset) if asset.fetchable else asset.manual[-1]


def _instruction(finding: CheckedAsset, home: Path, scale: str) -> str:
    asset = finding.asset
    because = f": {visible(finding.detail)}" if finding.detail else ""
    lines = [
        f"the asset {asset.name} is {finding.state}{because}",
        f"    what:     {asset.what}",
        f"    place:    {shown(finding.place, home)}",
        f"    licence:  {asset.licence}",
    ]
    if finding.state == "wrong":
        lines.append(f"    first:    {visible(finding.first)}")
    if asset.fetchable:
        lines.append(f"    download: {_fetch(scale, asset)}")
    title = "or by hand:" if asset.fetchable else "by hand:"
    lines += [
        f"    {title if not i else '':<12}{i + 1}. {step}" for i, step in enumerate(asset.manual)
    ]
    return "\n".join(lines)


def _fetch(scale: str, asset: Asset | None = None) -> str:
    only = f" only={asset.name}" if asset else ""
    return f"snakemake fetch_assets --config scale={scale}{only}"


def _size(finding: CheckedAsset) -> str:
    if finding.size is not None:
        return human(finding.size)
    about = finding.asset.size
    return f"~{human(about)}" if about is not None else "?"


def human(size: int) -> str:
    """A number of bytes as people read it: ``402 kB``, ``242 MB``, ``10.2 GB``."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            value = size / factor
            return f"{value:.1f} {unit}" if value < 20 else f"{value:.0f} {unit}"
    return f"{size} B"
