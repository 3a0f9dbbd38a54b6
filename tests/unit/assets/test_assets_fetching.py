"""Downloads from a server that truncates, stalls, redirects and lies."""

import errno
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import namedtuple
from dataclasses import replace

import assets_server as web
import pytest
from mirage.assets import exchange, fetching, transfer
from mirage.assets.fetching import fetch, fetch_all, part_of
from mirage.assets.manifest import Asset, Checksum, FileFacts, Manifest, Member
from mirage.assets.remembered import Remembered
from mirage.assets.transfer import note_of
from mirage.errors import MirageError

CONTENT = random.Random(5).randbytes(3_000_000)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Seconds are too long for a test."""
    monkeypatch.setattr(transfer, "SILENCE_S", 0.3)
    monkeypatch.setattr(transfer, "ATTEMPTS", 3)
    monkeypatch.setattr(transfer, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(transfer, "LONGEST_WAIT_S", 0.01)


@pytest.fixture
def server():
    with web.serving(CONTENT) as server:
        yield server


@pytest.fixture
def place(tmp_path):
    return tmp_path / "deep/weights.pth"


def facts(server, *urls, **changes):
    known = FileFacts(
        bytes=len(CONTENT),
        checksum=Checksum("sha256", hashlib.sha256(CONTENT).hexdigest()[:8]),
        urls=urls or (f"{server.url}/weights.pth",),
    )
    return replace(known, **changes)


def asset(file):
    return Asset("weights", "a test", "none", "assets/weights.pth", ("ask",), file=file)


def get(server, place, *urls, **changes):
    fetch(asset(facts(server, *urls, **changes)), place, Remembered())


def is_whole(place):
    left = sorted(p.name for p in place.parent.iterdir())
    return place.read_bytes() == CONTENT and left == [place.name]


def nothing_under(place):
    return not place.exists() and not part_of(place).exists() and not note_of(place).exists()


def test_plain(server, place):
    get(server, place)
    assert is_whole(place)
    assert server.asked == [("/weights.pth", None, None)]


@pytest.mark.parametrize(
    "behaviours",
    [
        [web.cut(1_000_000), web.cut(700_000)],
        [web.stall(2_000_000)],
        [web.status(500), web.status(503, Retry_After="0"), web.cut(1)],
        [web.cut(0), web.cut(1_234_567), web.status(502), web.stall(5)],
    ],
    ids=["truncates", "stalls", "fails for a while", "all of it"],
)
def test_goes_on_where_it_was(server, place, behaviours):
    server.behaviours = behaviours
    get(server, place)
    assert is_whole(place)
    held = [int(span.removeprefix("bytes=").rstrip("-")) for _, span, _ in server.asked if span]
    assert held == sorted(held)
    assert all(condition == web.tag(CONTENT) for _, span, condition in server.asked if span)


def test_only_the_rest_is_asked_for(server, place):
    server.behaviours = [web.cut(1_000_000)]
    get(server, place)
    assert server.asked[1][1] == "bytes=1000000-"


def test_attempts_that_gain_bytes_are_not_counted(server, place):
    server.behaviours = [web.cut(250_000)] * 11
    get(server, place)
    assert is_whole(place)


def test_a_server_that_ignores_ranges(server, place):
    server.behaviours = [web.cut(1_000_000), web.without_ranges]
    get(server, place)
    assert is_whole(place)


def test_a_server_that_ignores_ranges_and_breaks_off_here_and_there(server, place):
    def broken_off(most):
        return lambda handler: web.whole(handler, most, ranges=False)

    server.behaviours = [broken_off(1000), broken_off(2000)] * 20
    with pytest.raises(MirageError, match="3 times in a row"):
        get(server, place)
    assert len(server.asked) == 5  # two got further than any before, three did not


def test_a_server_that_sends_another_part(server, place):
    server.behaviours = [web.cut(1_000_000), web.other_part]
    get(server, place)
    assert is_whole(place)


def test_without_a_validator_nothing_is_joined(server, place):
    server.behaviours = [
        lambda handler: web.whole(handler, 1_000_000, validator=False),
        web.whole,
    ]
    get(server, place)
    assert is_whole(place)
    assert [span for _, span, _ in server.asked] == [None, None]


def test_the_file_changes_between_attempts(server, place):
    server.content = bytes(len(CONTENT))
    server.behaviours = [web.cut(1_000_000)]

    def change(handler):
        server.content = CONTENT
        web.status(503)(handler)

    server.behaviours.append(change)
    get(server, place)
    assert is_whole(place)  # not a joint of the old and the new file


def test_nothing_of_a_longer_old_version_stays(server, place):
    server.content = bytes(2 * len(CONTENT))
    server.behaviours = [web.cut(len(CONTENT) + 1000)]

    def change(handler):
        server.content = CONTENT
        web.whole(handler)

    server.behaviours.append(change)
    get(server, place, bytes=None, checksum=None)  # nothing but the transfer could notice
    assert is_whole(place)


def test_a_joint_of_two_versions_is_noticed(server, place):
    """A server that knows no conditions: the checksum tells, and one fresh attempt mends it."""
    server.content = bytes(len(CONTENT))
    server.behaviours = [web.cut(1_000_000)]

    def change(handler):
        server.content = CONTENT
        web.unconditional_rest(handler)

    server.behaviours.append(change)
    get(server, place)
    assert is_whole(place)
    assert [span for _, span, _ in server.asked] == [None, "bytes=1000000-", None]


UNKNOWN = {"bytes": None, "checksum": None, "about_bytes": len(CONTENT)}


@pytest.mark.parametrize(
    "changes", [{}, {"checksum": None}, {"bytes": None}], ids=["both", "size", "checksum"]
)
def test_no_announced_length(server, place, changes):
    server.behaviours = [web.unannounced()]
    get(server, place, **changes)
    assert is_whole(place)


def test_a_published_size_stands_in_for_the_announced_one(server, place):
    server.behaviours = [web.unannounced(1_000_000)]
    get(server, place)
    assert is_whole(place)
    assert [span for _, span, _ in server.asked] == [None, "bytes=1000000-"]


@pytest.mark.parametrize("most", [2_000_000, None])
def test_a_file_that_could_be_cut_short_unnoticed_is_not_taken(server, place, most):
    server.behaviours = [web.unannounced(most)] * 3
    with pytest.raises(MirageError, match=r"not told.*3 times in a row.*by hand"):
        get(server, place, **UNKNOWN)
    assert nothing_under(place)


def test_a_proxy_that_hides_the_length_for_once(server, place):
    server.behaviours = [web.cut(1_000_000), web.unannounced(500_000)]
    get(server, place, **UNKNOWN)
    assert is_whole(place)
    assert server.asked[-1][1] == "bytes=1000000-"  # what was there has been kept


@pytest.mark.parametrize("behaviours", [[web.chunked()], [web.chunked(2_000_000), web.chunked()]])
def test_a_marked_end_is_as_good_as_a_length(server, place, behaviours):
    server.behaviours = behaviours
    get(server, place, **UNKNOWN)
    assert is_whole(place)


@pytest.mark.parametrize(
    ("behaviour", "changes", "message"),
    [
        (web.other_bytes, {}, "not the published file"),
        (web.other_bytes, {"bytes": None}, "not the published file"),
        (web.whole, {"bytes": 17}, "expected 17"),
        (web.page, {}, "web page"),
        (web.page, {"bytes": None, "checksum": None}, "web page"),
        (web.unmarked_page, {"bytes": None, "checksum": None}, "web page"),
        (web.status(404), {}, "404"),
        (web.status(403), {}, "403"),
    ],
)
def test_wrong_bytes_are_refused(server, place, behaviour, changes, message):
    server.behaviours = [behaviour] * 3
    with pytest.raises(MirageError, match=message):
        get(server, place, **changes)
    assert nothing_under(place)


def test_a_second_address_helps(server, place):
    server.behaviours = [web.status(404)]
    get(server, place, f"{server.url}/old", f"{server.url}/new")
    assert is_whole(place)


def test_follows_redirects(server, place):
    server.behaviours = [web.cut(500_000), web.redirect("/signed?key=1", 307)]
    get(server, place)
    assert is_whole(place)
    assert server.asked[-1][:2] == ("/signed?key=1", "bytes=500000-")


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "file:///etc/hostname"])
def test_refuses_strange_redirects(server, place, target):
    server.behaviours = [web.redirect(target)]
    with pytest.raises(MirageError, match=r"redirects|302"):
        get(server, place)
    assert nothing_under(place)


def test_never_from_https_to_http():
    handler = exchange.SafeRedirects()
    request = namedtuple("Request", "full_url")("https://a/x")
    with pytest.raises(exchange.ServerRefuses, match="from https to http"):
        handler.redirect_request(request, None, 302, "", {}, "http://a/x")


def test_gives_up_on_a_dead_server(server, place):
    server.behaviours = [web.status(500)] * 9
    with pytest.raises(MirageError, match="500, 3 times in a row"):
        get(server, place)
    assert len(server.asked) == 3
    assert nothing_under(place)


def test_offline(place, server):
    with pytest.raises(MirageError, match="offline"):
        get(server, place, "https://no-such-host.invalid/x")
    assert nothing_under(place)


def test_gives_up_but_keeps_what_came(server, place):
    server.behaviours = [web.cut(1_000_000), *[web.status(503)] * 3]
    with pytest.raises(MirageError, match="goes on where it was"):
        get(server, place)
    assert part_of(place).stat().st_size == 1_000_000
    get(server, place)
    assert is_whole(place)
    assert server.asked[-1][1] == "bytes=1000000-"


def test_whole_but_not_yet_renamed_needs_no_network(server, place):
    get(server, place)
    place.rename(part_of(place))
    transfer.files.write_json(
        note_of(part_of(place)),
        {"url": f"{server.url}/weights.pth", "total": len(CONTENT), "validator": '"x"'},
        sealed=False,
    )
    server.asked.clear()
    get(server, place)
    assert is_whole(place)
    assert server.asked == []


def test_a_disk_that_fills_up_is_no_broken_connection(server, place, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(transfer, "_receive", fail)
    with pytest.raises(MirageError, match=r"cannot write .*No space left on device"):
        get(server, place)
    assert len(server.asked) == 1


def test_two_at_once(server, place):
    place.parent.mkdir()
    part = part_of(place)
    with (
        fetching._sole_writer(part),
        pytest.raises(MirageError, match="another fetch"),
    ):
        get(server, place)


KILLED = """
import sys
from pathlib import Path
from mirage.assets.fetching import fetch
from mirage.assets.manifest import Asset, FileFacts
from mirage.assets.remembered import Remembered
url, place = sys.argv[1:]
file = FileFacts(bytes=3_000_000, urls=(url,))
fetch(Asset("w", "w", "w", "w", ("w",), file=file), Path(place), Remembered())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_and_resumed(server, place, number):
    server.behaviours = [web.drip(50_000, 0.02)]
    command = [sys.executable, "-c", KILLED, f"{server.url}/weights.pth", str(place)]
    run = subprocess.Popen(command, env={"PYTHONPATH": ":".join(sys.path)}, stderr=-3)
    deadline = time.monotonic() + 20
    while not (part_of(place).exists() and part_of(place).stat().st_size > 200_000):
        assert run.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    run.send_signal(number)
    run.wait(10)
    assert not place.exists()
    held = part_of(place).stat().st_size
    assert 0 < held < len(CONTENT)
    get(server, place)
    assert is_whole(place)
    assert server.asked[-1][1] == f"bytes={held}-"


def test_several_files_of_one_folder(server, tmp_path):
    holds = tuple(
        Member(name, facts(server, f"{server.url}/{name}")) for name in ("a.txt", "deeper/b.txt")
    )
    folder = Asset("lists", "lists", "none", "assets/lists", ("ask",), holds=holds)
    place = tmp_path / "lists"
    server.behaviours = [web.whole, web.status(404)]
    with pytest.raises(MirageError):
        fetch(folder, place, Remembered())
    assert not place.exists()
    fetch(folder, place, Remembered())
    assert (place / "a.txt").read_bytes() == (place / "deeper/b.txt").read_bytes() == CONTENT
    assert [path for path, *_ in server.asked] == ["/a.txt", "/deeper/b.txt", "/deeper/b.txt"]
    assert [p.name for p in tmp_path.iterdir()] == ["lists"]


@pytest.mark.parametrize(
    "left", [b"", CONTENT[:100], bytes(len(CONTENT))], ids=["empty", "cut short", "other bytes"]
)
def test_a_wrong_file_of_a_folder_is_fetched_again(server, tmp_path, left):
    """As a crash or an older manifest may leave one behind."""
    holds = tuple(
        Member(name, facts(server, f"{server.url}/{name}")) for name in ("a.txt", "b.txt")
    )
    folder = Asset("lists", "lists", "none", "assets/lists", ("ask",), holds=holds)
    (tmp_path / ".lists.gathering").mkdir()
    (tmp_path / ".lists.gathering/a.txt").write_bytes(left)
    (tmp_path / ".lists.gathering/b.txt").write_bytes(CONTENT)
    fetch(folder, tmp_path / "lists", Remembered())
    assert [path for path, *_ in server.asked] == ["/a.txt"]
    assert (tmp_path / "lists/a.txt").read_bytes() == CONTENT
    assert [p.name for p in tmp_path.iterdir()] == ["lists"]


def _manifest(tmp_path, *assets):
    return Manifest({a.name: a for a in assets}, tmp_path)


def test_fetch_all_does_what_it_can(server, tmp_path):
    good = asset(facts(server))
    bad = replace(good, name="bad", path="assets/bad", file=facts(server, f"{server.url}/no"))
    manual = replace(good, name="manual", path="assets/manual", file=FileFacts())
    there = replace(good, name="there", path="assets/there", file=FileFacts(bytes=3))
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets/there").write_bytes(b"abcd")
    server.behaviours = [web.status(404)]
    manifest = _manifest(tmp_path, bad, good, manual, there)
    found = {f.asset.name: f for f in fetch_all(manifest, manifest, Remembered())}
    states = {name: finding.state for name, finding in found.items()}
    assert states == {
        "bad": "missing",
        "weights": "verified",
        "manual": "missing",
        "there": "wrong",
    }
    assert "404" in found["bad"].detail
    assert (tmp_path / "assets/there").read_bytes() == b"abcd"  # a person's file is not replaced


def test_room_is_looked_for_beforehand(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: namedtuple("U", "free")(10))
    manifest = _manifest(tmp_path, asset(facts(server)))
    with pytest.raises(MirageError, match="the assets need about 3 MB"):
        fetch_all(manifest, manifest, Remembered())
    assert server.asked == []
