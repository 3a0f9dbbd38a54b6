"""One file over HTTP, resumably.

What has arrived lies in a part file with a note of what it is a part of (URL, size, validator).
A new attempt asks for the rest under the condition that the file is still the same (``Range``
with ``If-Range``, RFC 9110, sections 13.1.5 and 14), and starts over where the server has another
one or knows no ranges. Nothing here decides whether the bytes are the right ones; the caller does.

The standard library does the talking. Libraries made for this were looked at: pooch verifies and
renames, but cannot resume.
"""

import errno
import http.client
import json
import logging
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mirage.assets.manifest import FileFacts
from mirage.errors import MirageError
from mirage.runtime import files
from mirage.runtime.progress import Progress

_log = logging.getLogger("mirage")
_BLOCK = 1 << 20
_MB = 1_000_000
_TRY_LATER = {408, 425, 429, 500, 502, 503, 504}
_SPARE_BYTES = 64 * _MB
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG}


@dataclass(frozen=True)
class Patience:
    """How long to bear with a server.

    Attributes:
        silence_s: seconds without a byte after which a connection counts as stalled.
        attempts: fruitless attempts in a row before giving up; one that got further than all
            before it is not fruitless.
        first_wait_s: seconds before the second attempt; doubled each time.
        longest_wait_s: most seconds between two attempts, whatever the server asks for.
    """

    silence_s: float = 30.0
    attempts: int = 6
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0


class _Later(Exception):  # noqa: N818 - a reason to try again, not an error yet
    """The attempt failed in a way that another may not."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class _Refused(Exception):  # noqa: N818 - the answer of a server
    """This URL will not give the file."""


def download(
    urls: tuple[str, ...], part: Path, facts: FileFacts, label: str, patience: Patience
) -> bool:
    """Bring a file's bytes into a part file.

    Args:
        urls: tried in turn.
        part: gathers the bytes; what an earlier attempt left there is used.
        facts: its exact size, if known, is compared with what the server announces.
        label: name of the file in progress lines.
        patience: when to try again and when to give up.

    Returns:
        Whether bytes of an earlier attempt were kept, so that wrong bytes may be a bad joint.

    Raises:
        MirageError: no URL gave the file, or the disk has no room for it.
    """
    problems = []
    for url in urls:
        try:
            return _persist(url, part, facts, label, patience)
        except (_Refused, _Later) as problem:
            problems.append(f"{url}: {problem}")
    raise MirageError(
        f"{label} could not be downloaded ({'; '.join(problems)})",
        remedy="check the connection (a proxy is taken from https_proxy) and run the same command "
        "again, it goes on where it was; or follow the manual steps and put the file in place by "
        "hand, after a look at its size",
    )


def note_of(part: Path) -> Path:
    """Path of the note beside a part file."""
    return part.with_name(f"{part.name}.json")


def discard(part: Path) -> None:
    """Forget a part file's bytes; the file itself stays, since a lock may be held on it."""
    note_of(part).unlink(missing_ok=True)
    with suppress(FileNotFoundError), part.open("r+b") as file:
        file.truncate(0)


def _persist(url: str, part: Path, facts: FileFacts, label: str, patience: Patience) -> bool:
    fruitless = 0
    # Held against the best attempt, not the last one: a server that knows no ranges starts over
    # every time and, breaking off at varying places, would seem to gain for ever.
    most, _ = _resumable(url, part)
    while True:
        try:
            return _attempt(url, part, facts, label, patience)
        except _Later as problem:
            held = _held(part)
            fruitless = 0 if held > most else fruitless + 1
            most = max(most, held)
            if fruitless >= patience.attempts:
                raise _Later(f"{problem}, {fruitless} times in a row") from None
            wait_s = max(patience.first_wait_s * 2.0 ** max(fruitless - 1, 0), problem.wait_s)
            wait_s = min(wait_s, patience.longest_wait_s)
            _log.info("%s: %s; trying again in %.0f s", label, problem, wait_s)
            time.sleep(wait_s)


def _attempt(url: str, part: Path, facts: FileFacts, label: str, patience: Patience) -> bool:
    """One request; returns whether it went on from earlier bytes."""
    held, note = _resumable(url, part)
    if held and held == note.get("total"):
        return True
    with _answer(url, held, note, patience, part) as answer:
        offered = _offered(answer, held, note, part)
        total = _total(answer, offered, facts)
        _refuse_what_it_is_not(answer, total, facts)
        if offered != held:
            discard(part)
        _make_room(part, (total or 0) - offered)
        _write_note(part, url, total, answer)
        _receive(answer, part, offered, total, label)
    return offered > 0


def _resumable(url: str, part: Path) -> tuple[int, dict[str, Any]]:
    """Bytes of this URL's file that are there already, and the note about them."""
    held = _held(part)
    note: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        note = json.loads(note_of(part).read_text(encoding="utf-8"))
    # Without a validator the rest could belong to another version: start over.
    if held and (note.get("url") != url or not note.get("validator")):
        discard(part)
        return 0, {}
    total = note.get("total")
    if total is not None and held > total:
        discard(part)
        return 0, {}
    return held, note


@contextmanager
def _answer(
    url: str, held: int, note: dict[str, Any], patience: Patience, part: Path
) -> Iterator[http.client.HTTPResponse]:
    """Ask for the file or its rest; every way this fails becomes ``_Later`` or ``_Refused``."""
    headers = {"User-Agent": "mirage", "Accept-Encoding": "identity"}
    if held:
        headers |= {"Range": f"bytes={held}-", "If-Range": str(note["validator"])}
    opener = urllib.request.build_opener(_SafeRedirects)
    request = urllib.request.Request(url, headers=headers)
    try:
        with opener.open(request, timeout=patience.silence_s) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # what is held is no part of what the server has now
            discard(part)
            raise _Later("the file has changed on the server") from None
        if error.code in _TRY_LATER:
            raise _Later(f"the server answers {error.code}", _retry_after(error)) from None
        raise _Refused(f"the server answers {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise _Refused(f"its certificate is not trusted ({error.reason})") from None
        if isinstance(error.reason, socket.gaierror) and not held:
            raise _Refused("its name is not known here; is this node offline?") from None
        raise _Later(f"no connection ({error.reason})") from None
    except TimeoutError:
        raise _Later(f"nothing came for {patience.silence_s:.0f} s") from None
    except http.client.HTTPException as error:
        raise _Later(f"the connection broke ({type(error).__name__})") from None
    except OSError as error:
        if error.errno in _DISK:
            raise MirageError(
                f"cannot write {part}: {error.strerror}",
                remedy="free some space or mend the folder's permissions; the same command goes on",
            ) from error
        raise _Later(f"the connection broke ({error.strerror or type(error).__name__})") from None


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from an encrypted connection to an open one."""

    def redirect_request(
        self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str
    ) -> Any:
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after != "https" and not before == after == "http":
            raise _Refused(f"it redirects from {before} to {after} ({newurl})")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _retry_after(error: urllib.error.HTTPError) -> float:
    try:
        return float(error.headers.get("Retry-After", "0"))
    except ValueError:  # a date; our own waiting will do
        return 0.0


def _offered(answer: http.client.HTTPResponse, held: int, note: dict[str, Any], part: Path) -> int:
    """The position at which the answer's bytes begin."""
    if answer.status == 200:
        return 0
    if answer.status != 206 or not held:
        raise _Refused(f"the server answers {answer.status} {answer.reason}")
    given = answer.headers.get("Content-Range", "")
    span, _, total = given.removeprefix("bytes ").partition("/")
    fits = span.split("-")[0] == str(held) and total in ("*", str(note.get("total")))
    # Some servers know ranges but no conditions: the tag they send along tells.
    fits = fits and _validator(answer) in (None, note["validator"])
    if not given.startswith("bytes ") or not fits:
        discard(part)
        raise _Later("the server sent another part than the one asked for")
    return held


def _total(answer: http.client.HTTPResponse, offered: int, facts: FileFacts) -> int | None:
    """Size of the whole file in bytes, if the server tells or it is published."""
    length = answer.headers.get("Content-Length", "")
    return offered + int(length) if length.isdigit() else facts.bytes


def _refuse_what_it_is_not(
    answer: http.client.HTTPResponse, total: int | None, facts: FileFacts
) -> None:
    if answer.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise _Refused("the server sends a web page (a login or licence page?)")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise _Refused("the server packs the file although asked not to")
    if facts.bytes is not None and total is not None and total != facts.bytes:
        raise _Refused(f"the server has {total:,} bytes, expected {facts.bytes:,}")
    if total is None and not answer.chunked and facts.checksum is None:
        # The connection's end would be the file's end, and nothing known of the file would
        # contradict half of it. It may be a proxy's doing, which another attempt may not meet.
        raise _Later("the length is not told, so a file cut short would pass for whole")


def _make_room(part: Path, coming: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if coming + _SPARE_BYTES > free:
        raise MirageError(
            f"{part.parent} has {free // _MB:,} MB free, {part.name} needs {coming // _MB:,} MB",
            remedy="free some space, or name another place under asset_paths",
        )


def _write_note(part: Path, url: str, total: int | None, answer: http.client.HTTPResponse) -> None:
    note = {"url": url, "total": total, "validator": _validator(answer)}
    files.write_json(note_of(part), note)


def _validator(answer: http.client.HTTPResponse) -> str | None:
    """What tells this version of the file from others, fit to stand in ``If-Range``."""
    tag = answer.headers.get("ETag", "")
    # A weak tag may not stand there (RFC 9110, section 13.1.5).
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified")


def _receive(
    answer: http.client.HTTPResponse, part: Path, offered: int, total: int | None, label: str
) -> None:
    got, started = offered, time.monotonic()
    progress = Progress(f"{label} (MB)", -(-(total or 0) // _MB), offered // _MB)
    with progress, part.open("r+b") as file:
        file.seek(offered)
        while block := answer.read1(_BLOCK):
            file.write(block)
            # Unbuffered enough that a kill loses no more than the system has not written yet.
            file.flush()
            new = (got + len(block)) // _MB - got // _MB
            got += len(block)
            if new and total:
                pace = (got - offered) / _MB / max(time.monotonic() - started, 1e-3)
                progress.advance(new, f"{pace:.1f} MB/s")
    if total is not None and got < total:
        raise _Later(f"cut short after {got:,} of {total:,} bytes")


def _held(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0
