"""Captions of Snakemake's own report render at both scales, with and without parameters."""

from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest

FOLDER = Path(__file__).parents[3] / "workflow" / "report"
CAPTIONS = sorted(FOLDER.glob("*.rst"))


def caption(path, scale, item="", **params):
    job = SimpleNamespace(
        config={"scale": scale},
        params=SimpleNamespace(**params),
        wildcards=SimpleNamespace(item=item),
    )
    return jinja2.Template(path.read_text(encoding="utf-8")).render(snakemake=job)


def test_every_item_has_its_caption():
    names = {path.stem for path in CAPTIONS}
    assert names == {"workflow", "table", "toy", "figure3", "spread", "report"}


@pytest.mark.parametrize("path", CAPTIONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("scale", ["demo", "paper"])
@pytest.mark.parametrize("item", ["table1", "table2", "figure1", "figure8"])
def test_captions_are_valid_text(path, scale, item):
    docutils = pytest.importorskip("docutils.core")
    text = caption(path, scale, item)
    assert "{" not in text
    settings = {"report_level": 1, "halt_level": 2, "warning_stream": False}
    docutils.publish_string(text, writer="html5", settings_overrides=settings)
    warns = "not comparable" in " ".join(text.split())
    tells = path.stem in {"workflow", "table"}
    assert warns == (scale == "demo" and tells)


def test_table_captions_name_the_arithmetic():
    for item in ("table1", "table2"):
        assert "corrected" in caption(FOLDER / "table.rst", "paper", item, fidelity="corrected")
