"""Each kind of output read back by somebody else's reader."""

import csv
import io
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mirage import escape, sheets
from mirage.data.index import Entry, read_index, write_index
from mirage.paper import drawing, render
from mirage.paper.grid import Column, grid
from mirage.paper.items import ITEMS
from mirage.paper.metrics import METRICS
from mirage.paper.numbers import read_table, write_table
from mirage.paper.presentation import Presentation
from mirage.paper.printed import print_table
from mirage.runtime import files
from mirage.visible import one_line

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
NASTY = "50 % of $x$\n\\input{/etc/passwd}\n& <b onclick='x()'>\"#_~^{}[*|"


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.text = [], [], ""

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.text += data


@given(TEXT)
@example(NASTY)
@example("</p><script>alert(1)</script>")
@example("' onload='x' \" onload=\"y\"")
def test_html_reads_back_as_text(text):
    shown = escape.html(text)
    reader = _Reader()
    reader.feed(f"<p title=\"{shown}\" lang='{shown}'>{shown}</p>")
    reader.close()
    assert reader.tags == ["p"]
    assert reader.attributes == [("title", one_line(text)), ("lang", one_line(text))]
    assert reader.text == one_line(text)


@given(TEXT)
@example(NASTY)
def test_templates_escape_by_themselves(text):
    page = render.environment().from_string('<p title="{{ text }}">{{ text }}</p>')
    reader = _Reader()
    reader.feed(page.render(text=text))
    assert reader.tags == ["p"]
    assert reader.text == one_line(text)
    table = render.latex_environment().from_string("% <<text>>|<<text>>|<<own | raw>>")
    shown = escape.latex(text)
    assert table.render(text=text, own=r"$\alpha$") == rf"% {shown}|{shown}|$\alpha$"


_COMMANDS = (
    r"\\textbackslash\{\}|\\textasciitilde\{\}|\\textasciicircum\{\}|\\textless\{\}|"
    r"\\textgreater\{\}|\\textbar\{\}|\\textquotedbl\{\}|\\[{}&%$#_]|\{[\[\]*]\}|"
    r"\$(?:-|\\pm|\\alpha|\\beta|\\delta|\\lambda|\\xi|\\uparrow|\\downarrow|\\times|\\dagger)\$"
)


@given(TEXT)
@example(NASTY)
@example("first\n\\immediate\\write18{rm -rf x}")
@example("[5pt] after a row")
def test_latex_holds_no_special_of_its_author(text):
    """Without the commands that print a character, none is left that TeX would act on."""
    shown = escape.latex(text)
    assert "\n" not in shown
    assert not re.search(r"[\\{}$&#^_~%\[\]*|]", re.sub(_COMMANDS, "", shown))


def _shown(title):
    return Presentation("demo", False, title, {"acc1": title}, {"orl": title, "ppa": title})


def test_no_title_leaves_its_line_in_a_table():
    """A newline once ended the comment of the banner, and what followed was LaTeX."""
    block = {"dataset": "orl", "architecture": "mini", "samples": "3", "attack": "ppa"}
    names = dict.fromkeys(METRICS, 1.0)
    spread = {f"{n}{end}": np.nan for n in names for end in ("_seed_sd", "_paper", "_difference")}
    spread |= {f"{name}_seeds": 1 for name in names}
    row = {**block, "treatment": NASTY, "alpha": np.nan, "n_seeds": 1, "note": NASTY}
    row |= {"fidelity": "paper", "paper_setting": NASTY}
    rows = pd.DataFrame([{**row, **names, **spread}])
    table = print_table(ITEMS["table2"], rows, rows, _shown(NASTY))
    tex = render.latex(table, _shown(NASTY))
    assert r"\input" not in tex
    assert not any(line.startswith("&") or "$x$" in line for line in tex.splitlines())
    page = render.html_page(render.html_fragment(table, _shown(NASTY)), NASTY)
    reader = _Reader()
    reader.feed(page)
    assert not [name for name, _ in reader.attributes if name.startswith("on")]


def test_the_page_may_fetch_and_run_nothing():
    reader = _Reader()
    reader.feed(render.html_page("<p></p>", "title"))
    contents = [value for name, value in reader.attributes if name == "content"]
    policy = next(value for value in contents if value.startswith("default-src"))
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert rules == {
        "default-src": "'none'", "style-src": "'unsafe-inline'", "img-src": "data:",
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore:Glyph")
@settings(max_examples=15, deadline=None)
@given(TEXT)
@example("$x_{2$ and $\\frac{$")
@example("a $ b $ c")
@example(NASTY)
def test_figures_draw_titles_as_they_are(tmp_path_factory, text):
    """Matplotlib would set what stands between dollar signs as mathematics, or fail at it."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    folder = tmp_path_factory.mktemp("drawn")
    image = np.zeros((1, 1, 4, 4), dtype=np.uint8)
    drawing.save(grid([Column((text or "none", text), image)]), folder / "three.png")
    with rc_context(drawing._STYLE):
        drawn = Figure().text(0, 0, one_line(text))
    assert drawn._preprocess_math(drawn.get_text()) == (one_line(text), False)


NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))


@given(st.lists(st.tuples(TEXT, NUMBERS), min_size=1, max_size=5))
@example([("=HYPERLINK(1)", -0.05), ("+1 a", 1), ("@x", 2), ("'=1", 3), ("\rx", 4), ("a\rb", 5)])
def test_csv_reads_back_and_no_cell_is_a_formula(rows):
    text = sheets.text(rows)
    read = list(csv.reader(io.StringIO(text, newline="")))
    for (name, value), cells in zip(rows, read, strict=True):
        assert cells[1] == str(value) == repr(value)
        assert sheets.read_cell(cells[0]) == name or re.fullmatch(r"[-+.\deE]+", name)
        number = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", cells[0], re.ASCII)
        assert number or not cells[0].startswith(tuple("=+-@\t\r＝＋－＠"))


def test_every_table_is_guarded(tmp_path):
    files.write_rows(tmp_path / "rows.csv", [{"what": "=1+1", "much": -1.5}])
    assert (tmp_path / "rows.csv").read_text() == "what,much\n'=1+1,-1.5\n"
    made = pd.DataFrame({"dataset": ["=cmd", "orl"], "alpha": [-0.05, 0.1], "n": [-1, 2]})
    write_table(tmp_path / "table.csv", made)
    assert (tmp_path / "table.csv").read_text() == "dataset,alpha,n\n'=cmd,-0.05,-1\norl,0.1,2\n"
    numbers = pd.DataFrame({"steps": pd.array([1, None], "Int64"), "x": [-0.1, np.nan]})
    write_table(tmp_path / "numbers.csv", numbers)
    assert (tmp_path / "numbers.csv").read_text() == numbers.to_csv(index=False)
    pd.testing.assert_frame_equal(read_table(tmp_path / "table.csv"), made, check_dtype=False)


@pytest.mark.parametrize("name", ["=1.jpg", "-a/b.jpg", "'q.jpg", "a\rb.jpg", 'a,"b\n.jpg', "@"])
def test_an_index_keeps_odd_names(tmp_path, name):
    entry = Entry(0, name, name, 0, "train", 0, 1, 1, "ff")
    write_index(tmp_path / "index.csv", [entry, entry])
    assert read_index(tmp_path / "index.csv") == [entry, entry]
