"""A user study from the page to the counted votes, answered in a real browser."""

import hashlib
import json
import time
from pathlib import Path

import chromium
import pytest
from mirage.errors import MirageError
from mirage.paper.userstudy.exports import read_exports
from mirage.paper.userstudy.poll import count
from mirage.paper.userstudy.questionnaire import read_key
from userstudy_models import TREATMENTS, write_pictures, write_study

TASKS = 3
IN_ALL = TASKS + 5
REST = ("position", "ms", "at", "width")
SHOWN = "document.getElementById('{}').checkVisibility()"


@pytest.fixture
def browser(tmp_path, monkeypatch):
    """A browser at a page of three tasks and five honeypots."""
    path = chromium.found()
    monkeypatch.chdir(tmp_path)
    write_pictures()
    page, _ = write_study(TASKS)
    Path("saved").mkdir()
    with chromium.Browser(path, tmp_path / "profile", tmp_path / "saved") as browser:
        browser.open(Path(page).resolve().as_uri())
        yield browser


def click(browser, name):
    browser.run(f"document.getElementById('{name}').click()")


def on_screen(browser):
    """Pictures of the options as they stand, by their files."""
    return browser.run(
        "Array.from(document.querySelectorAll('#options img'), (one) => one.src.split(',')[1])"
    )


def names_on_screen(browser):
    data = json.loads(browser.run("document.getElementById('questions').textContent"))
    names = {file: name for name, file in data["pictures"].items()}
    return [names[file] for file in on_screen(browser)]


def answer(browser, key, treatment):
    """Answer the task on the screen as a reliable annotator who prefers a treatment; its place."""
    options = names_on_screen(browser)
    (task,) = [task for task in key.tasks.values() if set(task.options) == set(options)]
    wanted = task.answer or next(n for n, what in task.options.items() if what == treatment)
    before = browser.run("document.getElementById('count').textContent")
    pressed = str(options.index(wanted) + 1)
    # Strokes of the first quarter of a second are not taken; so it is struck until it is.
    end = time.monotonic() + 60
    while True:
        browser.press(pressed)
        if browser.run(
            f"document.getElementById('count').textContent !== {json.dumps(before)} "
            f"|| {SHOWN.format('end')}"
        ):
            return options
        assert time.monotonic() < end
        time.sleep(0.05)


def saved(browser, known=()):
    """The file that a click on the button leaves."""
    click(browser, "save")
    end = time.monotonic() + 60
    while True:
        made = [path for path in Path("saved").glob("*.json") if path not in known]
        if made and made[0].stat().st_size:
            return made[0]
        assert time.monotonic() < end, "nothing was saved"
        browser.run("0")
        time.sleep(0.05)


def digest_of(held):
    """SHA-256 of an export's lines, whose own the page computes by itself."""
    lines = [
        " ".join([one["task"], *one["shown"], *(str(one[name]) for name in REST)])
        for one in held["answers"]
    ]
    head = ["answers", "1", "ORL", held["page"], held["key"], held["annotator"]]
    return hashlib.sha256("\n".join([*head, *lines]).encode()).hexdigest()


def test_a_study_is_answered_reloaded_saved_and_counted(browser):
    key_path = "study/ORL.key.json"
    key = read_key(key_path)
    browser.run("window.confirm = () => true")
    assert browser.run("document.getElementById('begin').textContent") == "Begin"
    known = []
    for annotator in range(3):
        click(browser, "begin")
        for number in range(IN_ALL):
            if annotator == 0 and number == 4:  # in the middle: closed and opened again
                options = on_screen(browser)
                browser.send("Page.reload")
                browser.wait(f"document.readyState === 'complete' && {SHOWN.format('start')}")
                told = browser.run("document.getElementById('so-far').textContent")
                assert told == f"4 of {IN_ALL} are answered"
                browser.run("window.confirm = () => true")
                part = saved(browser)
                held = json.loads(part.read_text())
                assert len(held["answers"]) == 4
                assert held["digest"] == digest_of(held)
                part.unlink()
                click(browser, "begin")
                assert on_screen(browser) == options
            assert browser.run("document.getElementById('count').textContent") == (
                f"{number + 1} of {IN_ALL}"
            )
            answer(browser, key, TREATMENTS[0] if annotator < 2 else TREATMENTS[2])
        assert browser.run(SHOWN.format("end"))
        known.append(saved(browser, known))
        held = json.loads(known[-1].read_text())
        assert held["digest"] == digest_of(held)
        click(browser, "next-person")

    found = read_exports(known, {"ORL": key_path})["ORL"]
    assert [len(one.answers) for one in found] == [IN_ALL] * 3
    assert [path.name for path in sorted(known)] == [f"ORL-{one.annotator}.json" for one in found]
    assert all(250 <= reply.ms < 60_000 for one in found for reply in one.answers)
    poll = count(found, key)
    assert (poll.kept, poll.wins, poll.ties) == (3, (TASKS, 0, 0), 0)

    edited = json.loads(known[0].read_text())
    edited["answers"][2]["ms"] += 1
    Path("edited.json").write_text(json.dumps(edited))
    with pytest.raises(MirageError, match=r"edited\.json: it was edited or damaged"):
        read_exports(["edited.json"], {"ORL": key_path})

    # Nothing left the machine, and nothing was refused by the page's own policy.
    asked = [event["request"]["url"] for event in browser.told("Network.requestWillBeSent")]
    assert {url.partition(":")[0] for url in asked} <= {"file", "data", "blob"}
    assert browser.told("Log.entryAdded") == []
    assert browser.told("Runtime.exceptionThrown") == []


def test_a_script_of_others_does_not_run_and_a_second_stroke_does_not_count(browser):
    browser.run(
        "(() => { const script = document.createElement('script');"
        "script.textContent = 'window.intruded = 1'; document.body.append(script); })()"
    )
    assert browser.run("window.intruded") is None
    click(browser, "begin")
    browser.wait("Array.from(document.images).every((one) => one.complete)")
    before = browser.run("document.getElementById('count').textContent")
    # Two strokes at once: within one task's quarter of a second they answer one task at most.
    browser.run(
        "(async () => { await new Promise((done) => setTimeout(done, 600));"
        "for (const key of ['1', '1'])"
        "document.dispatchEvent(new KeyboardEvent('keydown', {key})); })()"
    )
    after = browser.run("document.getElementById('count').textContent")
    assert (before, after) == (f"1 of {IN_ALL}", f"2 of {IN_ALL}")
