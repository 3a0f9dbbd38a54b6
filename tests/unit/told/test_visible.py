"""Held to Python's own table of characters, and to what a terminal would do with them."""

import io
import logging
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mirage.errors import MirageError
from mirage.runtime import job
from mirage.visible import listed, one_line, visible

# Any code point, halves of characters (bytes of file names that are no UTF-8) among them.
ANY = st.text(st.characters(codec=None), max_size=40)
ACTS = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


@given(ANY)
@example("a\x1b[31mred\x1b[0m")
@example("photo\u202egnp.exe")
@example("one\ntwo\rthree\tfour\x9b1A")
@example("caf\udce9.jpg")
def test_nothing_in_it_acts(text):
    shown = visible(text)
    assert not ACTS.search(shown)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    shown.encode("utf-8")
    assert visible(shown) == shown
    assert visible(one_line(text)) == one_line(text)
    assert not ACTS.search(one_line(text))


@given(st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126)))
def test_what_is_visible_stays(text):
    assert visible(text) == text


def test_what_acts_is_shown_as_python_writes_it():
    odd = "\x00\x07\x1b\x7f\x85\u200f\u202e\u2066\ufeff\U000e0001"
    assert visible(odd) == ascii(odd)[1:-1]
    assert visible("naïve Ω 顔 e\u0301") == "naïve Ω 顔 e\u0301"
    assert visible("caf\udce9") == r"caf\xe9"
    assert visible("a\nb\x1b", keep="\n") == "a\nb\\x1b"
    assert one_line("two\r\nlines\tand\u2028more\x1b") == r"two lines and more\x1b"


@pytest.mark.parametrize("count", [0, 1, 10, 11, 540])
def test_a_list_has_a_cap(count):
    names = [f"n{number}" for number in range(count)]
    told = listed(names)
    shown = re.findall(r"n\d+", told)
    more = re.search(r" and (\d+) more$", told)
    assert shown == names[:10]
    assert len(shown) + int(more[1] if more else 0) == count
    assert told or count
    assert listed([]) == "none"
    assert listed(iter(["a", "b\n", "c"]), most=2, joint="; ") == r"a; b\n and 1 more"


@given(ANY)
@example("face\n05:00:00 done in 3 s")
def test_errors_and_logs_are_lines(text):
    assert not ACTS.search(str(MirageError(f"{text} is missing", "a file", "make it")))
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(job._Formatter("%(message)s"))
    handler.handle(logging.makeLogRecord({"msg": "%s", "args": (text,)}))
    assert not ACTS.search(stream.getvalue().replace("\n", "").replace("\t", ""))
