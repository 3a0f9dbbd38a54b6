"""Captions of Snakemake's own report render for every item at both scales."""

from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest
from mirage.paper.item import Table
from mirage.paper.items import ITEMS

FOLDER = Path(__file__).parents[3] / "workflow" / "report"


def caption(name, scale, item=None):
    comparable = scale == "paper"
    told = {"name": item.name, "text": item.told(comparable)} if item else {}
    job = SimpleNamespace(
        config={"scale": scale},
        rule="make_table" if isinstance(item, Table) else "draw_figure",
        params=SimpleNamespace(caption=told, scale={"fidelity": "corrected"}),
    )
    text = (FOLDER / f"{name}.rst").read_text(encoding="utf-8")
    return jinja2.Template(text, undefined=jinja2.StrictUndefined).render(snakemake=job)


def is_text(text):
    docutils = pytest.importorskip("docutils.core")
    settings = {"report_level": 1, "halt_level": 2, "warning_stream": False}
    docutils.publish_string(text, writer="html5", settings_overrides=settings)
    return "{" not in text


@pytest.mark.parametrize("name", ["workflow", "report"])
@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_captions_are_valid_text(name, scale):
    text = caption(name, scale)
    assert is_text(text)
    assert ("not comparable" in " ".join(text.split())) == ((name, scale) == ("workflow", "demo"))


@pytest.mark.parametrize("name", ITEMS)
@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_captions_of_items_are_valid_text(name, scale):
    item = ITEMS[name]
    text = caption("item", scale, item)
    assert is_text(text)
    assert text.startswith(f"**{item.name}.** {item.title}.")
    is_table = isinstance(item, Table)
    assert ("not comparable" in text) == (is_table and scale == "demo")
    assert ("Arithmetic: corrected." in text) == is_table
