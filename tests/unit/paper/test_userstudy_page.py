"""Pages of user studies: what they ask, and that they tell nothing."""

import base64
import hashlib
import io
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from mirage.data.views import View
from mirage.errors import MirageError
from mirage.evaluation.gallery import drawn
from mirage.paper.userstudy import questionnaire
from mirage.paper.userstudy.blinding import blinded, jpeg
from mirage.paper.userstudy.questions import OTHER, SAME
from mirage.paper.userstudy.shuffling import shuffled
from mirage.runtime import files
from PIL import Image
from userstudy_models import (
    EACH,
    PEOPLE,
    PX,
    TREATMENTS,
    VIEW,
    asked,
    gallery_of,
    write_pictures,
    write_study,
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pictures()
    return tmp_path


def owners(images):
    """Persons of photographs, and their rows in the view."""
    view = View(VIEW)
    held = view.pixels.numpy()
    rows = [int((held == image).all(axis=(1, 2, 3)).nonzero()[0][0]) for image in images]
    return [int(view.labels[row]) for row in rows], rows


def test_tasks_show_the_first_of_the_draw_by_every_attack():
    made = asked(10)
    tasks = made[:10]
    assert [task.person for task in tasks] == drawn(range(PEOPLE), 10)
    for task in tasks:
        people, rows = owners(task.examples)
        assert people == [task.person] * 5
        assert len(set(rows)) == 5
        assert [what for what, _ in task.options] == TREATMENTS
        for treatment, image in task.options:
            held = files.load_tensors(gallery_of(treatment))
            assert (held["images"][held["labels"].tolist().index(task.person)] == image).all()


def test_honeypots_are_two_further_photographs_and_a_stranger_of_the_same_group():
    groups = {"one": "0-11", "other": "12-23"}
    for tasks, expected in ((PEOPLE, 5), (8, 5)):
        traps = asked(tasks, groups)[tasks:]
        assert len(traps) == expected
        for trap in traps:
            _, examples = owners(trap.examples)
            people, further = owners([image for _, image in trap.options])
            assert [what for what, _ in trap.options] == [SAME, SAME, OTHER]
            assert people[:2] == [trap.person] * 2
            assert people[2] != trap.person
            assert (people[2] < 12) == (trap.person < 12)
            assert len({*examples, *further}) == 8


def test_a_honeypot_to_ten_tasks():
    many = asked(PEOPLE)
    assert len(many) == PEOPLE + 5
    assert EACH == 7  # as many as a honeypot takes


def test_galleries_of_too_few_people_are_told():
    write_pictures(range(20))
    with pytest.raises(MirageError, match=r"ls-0.05/n3/s1/ppa/gallery.* no images of the 21 "):
        asked(21)


def test_without_photographs_for_honeypots_it_is_told():
    with pytest.raises(MirageError, match="cannot have honeypots"):
        asked(4, {str(person): [person] for person in range(PEOPLE)})


def test_names_and_sizes_of_pictures_tell_nothing():
    made = asked()
    tasks, pictures = blinded(made)
    assert len({len(file) for file in pictures.values()}) == 1
    assert list(pictures) == sorted(pictures)
    assert [task.name for task in tasks] == sorted(task.name for task in tasks)
    first = Counter(next(iter(task.options.values())) for task in tasks if task.person >= 0)
    # By rising name each of the three is first of about a third of 24.
    assert all(2 <= first[treatment] <= 16 for treatment in TREATMENTS)
    every = [name for task in tasks for name in (*task.examples, *task.options)]
    assert sorted(every) == list(pictures)
    assert len({file.rstrip(b"\0")[-2:] for file in pictures.values()}) == 1  # all are whole


def test_each_picture_is_what_the_key_says():
    made = asked(6)
    tasks, pictures = blinded(made)
    sources = {what: files.load_tensors(gallery_of(what)) for what in TREATMENTS}
    for task in tasks:
        for name, what in task.options.items():
            if what in sources:
                held = sources[what]
                image = held["images"][held["labels"].tolist().index(task.person)]
                assert pictures[name].startswith(jpeg(image.numpy()))


def test_a_picture_survives_its_file():
    """Smooth, as faces are: noise no JPEG keeps."""
    across = np.linspace(20, 230, PX)
    smooth = np.stack([np.add.outer(across, s * across) / 2 for s in (1, 0.3, -0.1)]).clip(0, 255)
    again = np.asarray(Image.open(io.BytesIO(jpeg(smooth.astype(np.uint8)) + bytes(99))))
    assert np.abs(again.transpose(2, 0, 1) - smooth).max() < 8


class _Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs), ""))

    def handle_endtag(self, _):
        self.found.append(("", {}, ""))

    def handle_data(self, data):
        if self.found:
            tag, attrs, text = self.found[-1]
            self.found[-1] = (tag, attrs, text + data)


def elements(page):
    parser = _Elements()
    parser.feed(Path(page).read_text())
    return parser.found


def test_the_page_tells_no_defense_and_fetches_nothing():
    page, key = write_study(8)
    text = Path(page).read_text()
    words = re.sub(r'"[A-Za-z0-9+/=]{100,}"', "", text).lower()  # pictures may spell anything
    for secret in (*TREATMENTS, "bido", SAME, OTHER, "honeypot", "attack", "defen", "resnet"):
        assert secret not in words
    assert not re.search(r"\bmid\b", words)
    found = elements(page)
    assert not [attrs for _, attrs, _ in found if {"src", "href"} & attrs.keys()]
    data = questionnaire.read_questions(page)
    assert set(data) == {"study", "tasks", "pictures"}
    assert all(set(task) == {"name", "examples", "options"} for task in data["tasks"])
    assert all(base64.b64decode(file)[:2] == b"\xff\xd8" for file in data["pictures"].values())
    assert len(questionnaire.read_key(key).tasks) == 8 + 5


def test_the_content_policy_lets_the_pages_own_script_run_and_no_other():
    page, _ = write_study(4)
    found = elements(page)
    (policy,) = [attrs["content"] for _, attrs, _ in found if "http-equiv" in attrs]
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        texts = [text for name, attrs, text in found if name == tag and "type" not in attrs]
        digests = [hashlib.sha256(text.encode()).digest() for text in texts]
        assert [rules[rule]] == [f"'sha256-{base64.b64encode(one).decode()}'" for one in digests]


def test_page_and_key_hold_each_others_digest():
    page, key = write_study(4)
    text = Path(page).read_text()
    (body,) = [attrs for tag, attrs, _ in elements(page) if tag == "body"]
    assert body["data-key"] == hashlib.sha256(Path(key).read_bytes()).hexdigest()
    blank = text.replace(body["data-key"], "", 1).replace(body["data-page"], "", 1)
    assert body["data-page"] == hashlib.sha256(blank.encode()).hexdigest()
    assert json.loads(Path(key).read_text())["page"] == body["data-page"]


def test_equal_pictures_make_equal_bytes():
    first = [Path(path).read_bytes() for path in write_study(6)]
    write_pictures()
    assert [Path(path).read_bytes() for path in write_study(6)] == first


def test_other_files_are_no_page_and_no_key():
    Path("other.html").write_text("<p>")
    with pytest.raises(MirageError, match=r"other\.html is no page"):
        questionnaire.read_questions("other.html")
    files.write_json("other.json", [])
    with pytest.raises(MirageError, match=r"other\.json is no key"):
        questionnaire.read_key("other.json")


def test_every_annotator_has_an_order_of_its_own_and_places_are_even():
    """Written out for one; and over many each option stands at each place a third of the time."""
    words = ["p a t x", "p a t y", "p a t z"]
    by_hash = sorted(words, key=lambda word: hashlib.sha256(word.encode()).hexdigest())
    assert shuffled(["z", "x", "y"], "p", "a", "t") == [word[-1] for word in by_hash]
    orders = [tuple(shuffled("xyz", "p", str(annotator))) for annotator in range(1200)]
    counts = Counter(orders)
    assert len(counts) == 6
    assert all(abs(count - 200) < 60 for count in counts.values())
