"""The paper's printed numbers, and which of them stands beside which of our rows."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirage.paper.defenses import published_treatment
from mirage.paper.numbers import BLOCK
from mirage.paper.presentation import Counterparts, Presentation
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path(__file__).resolve().parents[3] / "presets" / "paper"
"""Where the tidy CSVs lie: ``workflow/presets/paper``."""


def reference_rows(*tables: str) -> "pd.DataFrame":
    """Read tables of the paper: file names without suffix, e.g. ``"table02", "table04"``.

    Returns:
        Their rows, one table after the other, numbers as numbers, percent as percent. The paper's
        tables 1 to 4 are all PPA: a missing ``attack`` is filled with ``ppa`` and a missing
        ``samples`` (training images per class) with ``all``. ``treatment`` is ours for the row's
        α, or its setting of MID or BiDO; None where it has neither.
    """
    import pandas as pd

    frames = []
    for table in tables:
        rows = pd.read_csv(FOLDER / f"{table}.csv").rename(columns={"n_samples": "samples"})
        for column, value in (("samples", "all"), ("attack", "ppa")):
            rows[column] = rows[column].astype(str) if column in rows else value
        factors = rows["alpha"] if "alpha" in rows else pd.Series(None, index=rows.index)
        settings = rows.reindex(columns=["defense", "parameter"]).astype(str)
        rows["treatment"] = [
            str(Treatment.smoothing(alpha)) if pd.notna(alpha) else published_treatment(*setting)
            for alpha, setting in zip(factors, settings.itertuples(index=False), strict=True)
        ]
        frames.append(rows)
    return pd.concat(frames, ignore_index=True)


def of_setting(
    shown: Presentation, dataset: str, architecture: str, *tables: str
) -> "pd.DataFrame":
    """The paper's rows for the data set and architecture that stand beside two of ours."""
    rows = reference_rows(*tables)
    for column, ours in (("dataset", dataset), ("architecture", architecture)):
        name = letters(shown.counterparts.get(column, {}).get(ours, ours))
        rows = rows[rows[column].map(letters) == name]
    return rows


def beside(
    rows: "pd.DataFrame",
    reference: "pd.DataFrame",
    metrics: Sequence[str],
    counterparts: Counterparts,
    matched_by: Sequence[str] = (*BLOCK, "treatment"),
) -> "pd.DataFrame":
    """Add the columns ``<metric>_paper`` and ``<metric>_difference`` (ours minus the paper's).

    A row of the paper stands beside ours where it is the same in the columns ``matched_by``,
    ``counterparts`` saying which of the paper's values stands for ours.

    Returns:
        ``rows`` with the new columns, empty where the paper prints nothing, and
        ``paper_setting``, which of the paper's settings that is.
    """
    import pandas as pd

    def key(row: "pd.Series[Any]", counterparts: Counterparts) -> tuple[str, ...]:
        papers = {name: counterparts.get(name, {}) for name in matched_by}
        names = {name: papers[name].get(str(row[name]), row[name]) for name in matched_by}
        return tuple(letters(v) if name in BLOCK else str(v) for name, v in names.items())

    known = {key(row, {}): row for _, row in reference.iterrows() if row["treatment"]}
    found = [known.get(key(row, counterparts)) for _, row in rows.iterrows()]
    joined = rows.copy()
    joined["paper_setting"] = [None if row is None else _setting(row) for row in found]
    for metric in metrics:
        printed = [float("nan") if row is None else row.get(metric, float("nan")) for row in found]
        joined[f"{metric}_paper"] = pd.Series(printed, index=rows.index, dtype=float)
        joined[f"{metric}_difference"] = joined[metric] - joined[f"{metric}_paper"]
    return joined


def _setting(row: "pd.Series[Any]") -> str:
    samples = "all images" if row["samples"] == "all" else f"{row['samples']} images per class"
    return f"{row['dataset']}, {row['architecture']}, {samples}"


def letters(name: object) -> str:
    """Names compare by letters and digits: ``ResNet-152`` is ``resnet152``."""
    return re.sub(r"[^a-z0-9]", "", str(name).lower())
