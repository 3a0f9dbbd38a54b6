"""What readers see: tables, figures and the report."""

import base64
import contextlib
import io
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import report_models
from mirage.errors import MirageError
from mirage.paper import printed, render
from mirage.paper.drawing import save
from mirage.paper.effects import effects, seeds_needed
from mirage.paper.grid import Column, grid
from mirage.paper.items import ITEMS
from mirage.paper.items.spread import spread
from mirage.paper.judging import judge
from mirage.paper.like_for_like import Gate
from mirage.paper.metrics import METRICS
from mirage.paper.pictures import LARGEST, WIDEST, data_uri
from mirage.paper.presentation import Presentation
from mirage.paper.report import Material, write_report
from mirage.paper.ruling import HOLDS, NOT_RUN
from mirage.paper.shown import Exhibit, as_html
from mirage.paper.tables import make
from mirage.paper.toy_drawing import toy_figure
from mirage.paper.toy_result import toy_table
from mirage.study.cells import Attack, Target
from mirage.study.treatment import Treatment
from PIL import Image
from report_models import JOB, Now

COUNTERPARTS = {"dataset": {"orl_faces": "FaceScrub"}}
SHOWN = Presentation(
    "demo",
    comparable=False,
    description="Faces <small> & grey.",
    networks={"acc1": "a second net", "acc5": "a second net"},
    labels={"orl_faces": "ORL_faces 100%"},
    shared=("the people", "the prior"),
    interval=0.05,
    counterparts=COUNTERPARTS,
)
GATE = Gate([], SHOWN, {})
VOID = {"meta", "img", "br", "link", "hr", "input"}


class Reader(HTMLParser):
    """Checks nesting; keeps tags with attributes and the text."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read_html(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def cells():
    random = np.random.default_rng(0)
    rows = []
    for alpha in (0.1, 0.0, -0.05):
        for seed in range(4):
            treatment = Treatment.smoothing(alpha)
            target = Target("orl", "resnet152", treatment, None, seed)
            row = {
                "cell": Attack(target, "ppa").path, "dataset": "orl_faces",
                "architecture": "resnet152", "samples": "all", "treatment": str(treatment),
                "alpha": alpha, "seed": seed, "attack": "ppa", "fidelity": "paper", "note": "",
            }  # fmt: skip
            rows.append(row | {name: random.normal() + 50 + 100 * alpha for name in METRICS})
    return pd.DataFrame(rows)


def print_item(name, cells, shown=SHOWN):
    """The paper's columns of a table, rounded."""
    item = ITEMS[name]
    return printed.print_table(item, cells, make(item, cells, shown), shown)[0]


@pytest.fixture(scope="module")
def toy_result():
    return report_models.toy_result()


@pytest.mark.parametrize(
    ("values", "towards", "digits", "marks"),
    [
        ([1.0, 3.0, 2.0], 1, 1, [False, True, False]),
        ([1.0, 3.0, 2.0], -1, 1, [True, False, False]),
        ([1.04, 1.01, 0.5], 1, 1, [True, True, False]),  # equal as printed
        ([1.04, 1.01, 0.5], 1, 2, [True, False, False]),
        ([math.nan, 3.0, 2.0], 1, 1, [False, True, False]),
        ([math.nan, 3.0], 1, 1, [False, False]),  # nothing to compare with
        ([2.0, 2.0], 1, 1, [False, False]),
        ([1.0, 3.0], 0, 1, [False, False]),
    ],
)
def test_best_marking(values, towards, digits, marks):
    assert printed.best_of(values, towards, digits) == marks


@pytest.mark.parametrize(
    ("value", "options", "text"),
    [
        (-0.04, {"digits": 1}, "0.0"),
        (-0.04, {"digits": 1, "sign": True}, "0.0"),
        (0.26, {"digits": 1, "sign": True}, "+0.3"),
        (-80.0, {"digits": 1, "sign": True}, "−80.0"),
        (-0.050, {"digits": 3, "trim": True}, "−0.05"),
        (0.0, {"digits": 3, "trim": True}, "0"),
        (10.0, {"digits": 0, "trim": True}, "10"),
        (math.nan, {"digits": 1}, ""),
        (None, {"digits": 1}, ""),
    ],
)
def test_numbers_as_printed(value, options, text):
    assert printed.number(value, **options) == text


def test_html_table_is_well_formed_escaped_and_warns(cells):
    rounded = print_item("table2", cells)
    reader = read_html(render.html_fragment([rounded], SHOWN))
    text = "".join(reader.text)
    assert "not comparable" in text
    assert "Faces <small> & grey." in text  # as text, not as a tag
    assert "Acc@1, Acc@5: a second net." in text
    assert "95.20" in text
    assert "paper: FaceScrub, ResNet-152, all images" in text
    comparable = Presentation("paper", comparable=True)
    assert "not comparable" not in render.html_fragment([rounded], comparable)


def test_what_no_spread_counts_stands_beside_the_spreads(cells, report):
    told = "All seeds share the people, the prior: the luck of these is in no spread"
    rounded = print_item("table2", cells)
    assert told in "".join(read_html(render.html_fragment([rounded], SHOWN)).text)
    assert told in render.latex([rounded], SHOWN)
    assert told in report
    # No spread over seeds, nothing to say of it.
    single = print_item("table2", cells[cells["seed"] == 0])
    assert told not in "".join(read_html(render.html_fragment([single], SHOWN)).text)


def test_the_report_holds_its_intervals_against_the_one_wanted(cells, report):
    table = effects(cells, ["acc1"])
    widest = max(table.to_dict("records"), key=lambda row: row["margin"])
    needed = seeds_needed(widest["se"] * 2, 0.05)
    text = re.sub(r"\s+", " ", "".join(read_html(report).text))
    assert "0 of 2 are that narrow" in text
    assert f"± {widest['margin']:.1f} pp with 4 seeds and would take {needed}." in text


def test_a_metric_missing_in_some_seeds_says_so(cells):
    missing = cells.copy()
    missing.loc[(missing["alpha"] == 0.1) & (missing["seed"] == 2), "xi_train"] = math.nan
    rounded = print_item("table2", missing)
    row = rounded.blocks[0].rows[0]
    told = {metric.key: cell.seeds for metric, cell in zip(rounded.columns, row.cells, strict=True)}
    assert {name for name, seeds in told.items() if seeds} == {"xi_train"}
    assert "(3 of 4 seeds)" in "".join(read_html(render.html_fragment([rounded], SHOWN)).text)
    assert "(3 of 4 seeds)" in render.latex([rounded], SHOWN)


def test_html_colours_follow_the_attacker(cells):
    rounded = print_item("table1", cells)
    by_model = {row.label: row.cells for row in rounded.blocks[0].rows}
    columns = [metric.key for metric in rounded.columns]
    acc1, distance, utility = (columns.index(key) for key in ("acc1", "delta_face", "test_acc"))
    # All metrics rise with alpha in the made-up data.
    assert by_model["Pos. LS"][acc1].effect == "improvement"
    assert by_model["Pos. LS"][distance].effect == "defence"
    assert by_model["Neg. LS"][acc1].effect == "defence"
    assert by_model["Pos. LS"][utility].change == ""
    assert by_model["Pos. LS"][acc1].best
    assert by_model["Neg. LS"][distance].best
    assert all(cell.change == "" for cell in by_model["Standard"])


def test_latex_escapes():
    assert render.escape_latex(r"a_b & 5% $x$ #1 {y} ~ ^ \z") == (
        r"a\_b \& 5\% \$x\$ \#1 \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{}z"
    )


def test_latex_table_is_balanced_and_plain_ascii_but_names(cells):
    rounded = print_item("table1", cells)
    text = render.latex([rounded], SHOWN)
    assert r"ORL\_faces 100\%" in text
    body = re.sub(r"\\[{}]", "", text)
    assert body.count("{") == body.count("}")
    assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0
    assert text.isascii()
    for row in re.findall(r"^    (?:Standard|Pos|Neg|\\quad paper).*$", text, re.MULTILINE):
        assert len(re.findall(r"(?<!\\)&", row)) == len(rounded.columns) + 1
        assert row.endswith(r"\\")


@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_figures_are_the_same_bytes_twice(kind, tmp_path, cells, toy_result):
    columns = [
        Column(("real",), np.zeros((2, 1, 8, 8), np.uint8)),
        Column(("α = 0",), np.ones((2, 1, 8, 8)), [True, False]),
    ]
    for turn in "ab":
        save(toy_figure(toy_result, stopped=True), tmp_path / f"one-{turn}.{kind}")
        save(grid(columns), tmp_path / f"three-{turn}.{kind}")
        save(spread(cells, SHOWN), tmp_path / f"effect-{turn}.{kind}")
    for name in ("one", "three", "effect"):
        first = (tmp_path / f"{name}-a.{kind}").read_bytes()
        assert first == (tmp_path / f"{name}-b.{kind}").read_bytes()


def test_other_treatments_stand_in_the_spread_under_their_names(cells):
    stopped = cells[cells["alpha"] == 0.1].assign(treatment="ls0.1+stop@ls0", alpha=math.nan)
    axes = spread(pd.concat([stopped, cells]), SHOWN).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "−0.05", "0", "0.1", "ls0.1+stop@ls0",
    ]  # fmt: skip


def test_stopping_rule_makes_the_difference_of_figures_1_and_8(tmp_path, toy_result):
    for name, stopped in (("1.png", True), ("8.png", False)):
        save(toy_figure(toy_result, stopped), tmp_path / name)
    with Image.open(tmp_path / "1.png") as one, Image.open(tmp_path / "8.png") as eight:
        assert one.size == eight.size == (1320, 630)  # two panels of 3.3 x 3.15 inch at 200 dpi
        yellow = [
            (np.asarray(i.convert("RGB")) == [255, 255, 0]).all(-1).sum() for i in (one, eight)
        ]
    assert yellow[1] > 2 * yellow[0]


@pytest.mark.parametrize("channels", [1, 3])
def test_grid_shows_each_pixel_as_a_square(tmp_path, channels):
    random = np.random.default_rng(0)
    real = random.integers(0, 256, (3, channels, 32, 32), dtype=np.uint8)
    ours = random.uniform(-1.2, 1.2, (3, channels, 32, 32)).astype(np.float32)
    save(grid([Column(("real",), real), Column(("ours",), ours)]), tmp_path / "grid.png")
    zoom = gap = 5
    with Image.open(tmp_path / "grid.png") as file:
        assert file.size == (2 * (160 + gap) + 4 * gap, 64 + 3 * (160 + gap))
        drawn = np.asarray(file.convert("RGB"))
    middle = slice(zoom // 2, 160, zoom)
    second = drawn[64 + 160 + gap :][:160][middle][:, middle]
    expected = np.broadcast_to(real[1], (3, 32, 32)).transpose(1, 2, 0)
    np.testing.assert_array_equal(second, expected)
    right = drawn[64:][:160][middle][:, 160 + gap + 4 * gap :][:, middle]
    expected = np.broadcast_to(ours[0], (3, 32, 32)).transpose(1, 2, 0).clip(-1, 1)
    np.testing.assert_allclose(right, (expected + 1) * 127.5, atol=0.51)


@pytest.fixture(scope="module")
def report(tmp_path_factory, cells, toy_result):
    folder = tmp_path_factory.mktemp("report")
    (folder / "figures").mkdir()
    save(toy_figure(toy_result, stopped=True), folder / "figures/figure1.png")
    with contextlib.chdir(folder):
        return written(cells, toy_result)


def written(cells, toy_result):
    """The text of the report, whose files lie in the current folder."""
    figure1 = as_html("figure1", ITEMS["figure1"], GATE)
    tables = [
        Exhibit(
            name, ITEMS[name], render.html_fragment([print_item(name, cells)], SHOWN),
            "Made of 12 attacks.", {"CSV": f"tables/{name}.csv"},
        )
        for name in ("table1", "table2")
    ]  # fmt: skip
    material = Material(
        SHOWN,
        cells,
        [*tables, Exhibit("figure1", ITEMS["figure1"], figure1)],
        judge([], SHOWN, {}, GATE),
        toy_table(toy_result),
        [JOB, JOB | {"code": "old", "wall_s": 2.0}],
        Now(),
        extra="Extra: some cell.",
        missing={"Table 3": "4 of 9 files it needs"},
        unfinished="A preview of what is finished: 3 of 4 attacks.",
    )
    write_report("report.html", material)
    return Path("report.html").read_text(encoding="utf-8")


def test_report_is_well_formed_and_needs_nothing_else(report):
    reader = read_html(report)
    for tag, attributes in reader.seen:
        assert tag not in {"script", "link", "iframe", "base"}
        for name in ("src", "srcset", "data", "poster", "action"):
            assert attributes.get(name, "data:").startswith("data:")
        assert "//" not in attributes.get("href", "")
    outside = re.sub(r'src="data:[^"]*"', "", report)
    assert "http" not in outside.replace("http-equiv", "")
    assert "url(" not in outside
    assert "@import" not in outside
    identifiers = {attributes["id"] for _, attributes in reader.seen if "id" in attributes}
    inner = {a["href"][1:] for _, a in reader.seen if a.get("href", "").startswith("#")}
    assert inner <= identifiers
    pictures = [a["src"] for tag, a in reader.seen if tag == "img"]
    assert [uri.split(";")[0] for uri in pictures] == ["data:image/png"]


def test_report_begins_with_verdicts_and_the_headline(report):
    told = [
        report.index(text)
        for text in ('id="verdicts"', 'id="table1"', "<nav", 'id="results"', 'id="table2"',
                     'id="figure1"', 'id="claims"', 'id="cells"', 'id="cost"')
    ]  # fmt: skip
    assert told == sorted(told)
    assert report.count('id="table1"') == 1  # in its chapter stands a link
    assert "Extra: some cell." in report
    assert "Made of 12 attacks." in report


def test_every_claim_has_two_marks_and_a_row_that_they_lead_to(report):
    reader = read_html(report)
    chips = [a for tag, a in reader.seen if tag == "a" and a.get("class", "").startswith("chip")]
    assert [a["href"] for a in chips].count("#claim-5") == 2
    assert len(chips) == 2 * 65
    assert "claim 5, paper: holds" in [a["aria-label"] for a in chips]
    assert f"claim 5, ours: {NOT_RUN}" in [a["aria-label"] for a in chips]
    assert f"claim 63, ours: {HOLDS}" in [a["aria-label"] for a in chips]


def test_what_is_missing_is_named_and_counted(report):
    text = re.sub(r"\s+", " ", "".join(read_html(report).text))
    assert "A preview of what is finished: 3 of 4 attacks. 1 items lack something" in text
    assert "4 of 9 files it needs" in text


def test_a_cell_is_found_by_its_path(report):
    path = "attacks/orl/resnet152/ls-0.05/all/s2/ppa"
    assert f'<tr id="{path}">' in report
    assert f"<code>{path}</code>" in report


def test_readers_without_eyes_or_mouse(report):
    reader = read_html(report)
    assert all(a.get("alt") for tag, a in reader.seen if tag == "img")
    regions = [a for tag, a in reader.seen if a.get("tabindex") == "0"]
    assert regions
    assert all(a.get("role") == "region" and a.get("aria-label") for a in regions)
    heads = [a for tag, a in reader.seen if tag == "th"]
    assert all(a.get("scope") for a in heads)


@pytest.mark.parametrize("mode", [0, 1, 2])
@pytest.mark.parametrize("ground", ["--paper", "--panel", "--warn-panel"])
def test_colours_of_text_have_contrast_aa(mode, ground):
    """WCAG 2.1: relative luminance, (L1 + 0.05) / (L2 + 0.05) of 4.5 at least; print comes last."""
    style = (render.TEMPLATES / "style.css").read_text()
    colours = dict(re.findall(r"(--[a-z-]+): (#[0-9a-f]{6})", style.split(":root")[mode + 1]))

    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for name in ("--text", "--muted", "--link", "--good", "--bad", "--warn"):
        low, high = sorted(luminance(colours[one]) for one in (name, ground))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (name, ground)


def test_report_computes_its_findings_and_costs(report):
    text = re.sub(r"\s+", " ", "".join(read_html(report).text))
    # Acc@1 rises with alpha in the made-up data as the paper claims, the face distance, too, and
    # there the paper claims a fall.
    assert "12 comparisons: 8 show what the paper claims, 4 show the opposite." in text
    assert "4 of 4 seeds" in text
    assert "not comparable" in text
    assert "1 of 2 made by code that has changed since (now new)" in text
    assert "17 %" in text  # 4 s of start-up beside 20 s of work
    assert "torch 2.14" in text
    assert "scipy" not in text
    assert "α = 0: 0 of 1; α = −0.05: 0 of 1" in text


def test_report_links_logs_relatively(report):
    links = [a["href"] for tag, a in read_html(report).seen if tag == "a"]
    assert "logs/train_target/orl/resnet152/ls-0.05/all/s2.log" in links
    assert "logs/score_attack/orl/resnet152/ls-0.05/all/s2/ppa.log" in links
    assert len([link for link in links if not link.startswith("#")]) == 12 * 6 + 2


def picture(path, width, noisy):
    shape = (200, width, 3)
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, shape) if noisy else np.full(shape, 128)
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def content_of(uri):
    head, data = uri.split(",")
    return head, base64.b64decode(data)


def test_small_pictures_become_data_as_they_are(tmp_path):
    path = picture(tmp_path / "small.png", 300, noisy=True)
    head, content = content_of(data_uri(path))
    assert (head, content) == ("data:image/png;base64", path.read_bytes())
    with pytest.raises(MirageError, match=r"none\.png"):
        data_uri(tmp_path / "none.png")


@pytest.mark.parametrize(("noisy", "kind"), [(True, "jpeg"), (False, "png")])
def test_large_pictures_are_scaled_down(tmp_path, noisy, kind):
    head, content = content_of(data_uri(picture(tmp_path / "wide.png", 2 * WIDEST, noisy)))
    assert head == f"data:image/{kind};base64"
    assert len(content) <= LARGEST
    with Image.open(io.BytesIO(content)) as file:
        assert file.size == (WIDEST, 100)
