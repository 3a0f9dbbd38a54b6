"""The report and the user study's page in a real browser: alone, for everybody, on paper."""

import base64
import json
import re
from pathlib import Path

import axe
import chromium
import pytest
from mirage.paper import gathering
from mirage.paper.drawing import save
from mirage.paper.items import ITEMS
from mirage.paper.like_for_like import Gate
from mirage.paper.presentation import describe
from mirage.paper.report import write_report
from mirage.paper.shown import Exhibit, as_html
from mirage.paper.toy_drawing import toy_figure
from mirage.paper.toy_result import toy_table
from report_models import JOB, Now, finished_part, toy_result
from userstudy_models import write_pictures, write_study


@pytest.fixture(scope="module")
def axe_code(tmp_path_factory):
    return axe.installed(tmp_path_factory.mktemp("axe"))


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Address of a report that has of everything: verdicts, tables, a picture, cells, costs."""
    path = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        write()
    return (path / "report.html").as_uri()


def write():
    """The report, in the current folder."""
    part = finished_part()
    shown = describe(part.whole, "demo")
    toy = toy_result()
    Path("figures").mkdir()
    Path("toy").mkdir()
    toy_table(toy).to_csv("toy/toy.csv", index=False)
    save(toy_figure(toy, stopped=True), "figures/figure1.png")
    jobs = [JOB | {"wildcards": {}}]
    material = gathering.of_part(part, shown, jobs, digests=Now())
    picture = as_html("figure1", ITEMS["figure1"], Gate([], shown, {}))
    links = {"PNG": "figures/figure1.png"}
    material.exhibits.append(Exhibit("figure1", ITEMS["figure1"], picture, links=links))
    write_report("report.html", material)


@pytest.fixture
def browser(tmp_path):
    path = chromium.found()
    with chromium.Browser(path, tmp_path / "profile", tmp_path / "saved") as browser:
        yield browser


def test_the_report_is_alone_and_its_links_lead_somewhere(browser, report):
    browser.open(report)
    browser.run(
        "Promise.all(Array.from(document.images, (one) => {"
        " one.loading = 'eager'; return one.decode(); })).then(() => 0)"
    )
    asked = [event["request"]["url"] for event in browser.told("Network.requestWillBeSent")]
    assert report in asked
    assert {url.partition(":")[0] for url in asked} == {"file", "data"}
    for event in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
        assert browser.told(event) == []
    anchors = browser.run(
        "Array.from(document.querySelectorAll('nav a'), (one) => one.getAttribute('href'))"
    )
    assert {"#verdicts", "#table1", "#figure1", "#claims", "#cells", "#missing"} <= set(anchors)
    lost = "(names) => names.filter((one) => !document.getElementById(one.slice(1)))"
    assert browser.run(f"({lost})({json.dumps(anchors)})") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_is_for_everybody(browser, report, axe_code, scheme):
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.send("Emulation.setEmulatedMedia", features=[feature])
    browser.open(report)
    ground = "getComputedStyle(document.body).backgroundColor"
    assert browser.run(ground) == {"light": "rgb(255, 255, 255)", "dark": "rgb(23, 24, 27)"}[scheme]
    # Where all stands side by side, no head of a row covers what scrolls below it.
    wide = {"width": 4000, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    browser.send("Emulation.setDeviceMetricsOverride", **wide)
    browser.run("document.querySelector('main').style.maxWidth = 'none'")
    opened = browser.run(
        "Array.from(document.querySelectorAll('details'), (one) => one.open = true).length"
    )
    assert opened > 3
    assert axe.violations(browser, axe_code) == []


def test_the_report_is_read_with_the_keyboard(browser, report):
    """The first strokes of Tab lead to what is first on the page, and the place is seen."""
    browser.open(report)
    browser.send("Page.bringToFront")
    place = "document.activeElement"
    reached = []
    for _ in range(4):
        browser.press("Tab")
        assert browser.run(f"getComputedStyle({place}).outlineStyle") == "solid"
        reached.append(
            browser.run(f"{place}.getAttribute('href') || {place}.getAttribute('aria-label')")
        )
    assert reached == ["#contents", "#missing", "Verdicts on the paper’s claims", "#claims-A"]


def test_the_report_is_printed_with_what_is_folded(browser, report):
    def pages():
        printed = base64.b64decode(browser.send("Page.printToPDF")["data"])
        assert printed.startswith(b"%PDF")
        return len(re.findall(rb"/Type\s*/Page\b", printed))

    browser.open(report)
    folded = pages()
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert folded == pages()
    assert folded > 1


def test_the_user_study_is_for_everybody(browser, tmp_path, monkeypatch, axe_code):
    monkeypatch.chdir(tmp_path)
    write_pictures()
    page, _ = write_study(3)
    browser.open(Path(page).resolve().as_uri())
    assert axe.violations(browser, axe_code) == []
    browser.run("document.getElementById('begin').click()")
    assert browser.run("document.querySelectorAll('#asking img').length") > 3
    assert axe.violations(browser, axe_code) == []
