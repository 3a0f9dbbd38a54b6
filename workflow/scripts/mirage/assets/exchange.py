"""One question to a web server for a file or its rest, and the answer.

The rest is asked for under the condition that the file is still the same (``Range`` with
``If-Range``, RFC 9110, sections 13.1.5 and 14). Whatever goes wrong becomes ``Later`` or
``ServerRefuses``; nothing here touches the disk.
"""

import http.client
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_BLOCK = 1 << 20
_TRY_LATER = {408, 425, 429, 500, 502, 503, 504}


class Later(Exception):  # noqa: N818 - a reason to try again, not an error yet
    """The attempt failed in a way that another may not."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        """Keep how many seconds the server asks to wait; 0 if it does not say."""
        super().__init__(reason)
        self.wait_s = wait_s


class Stale(Later):
    """What is held is no part of what the server has; the next attempt has to start over."""


class ServerRefuses(Exception):  # noqa: N818 - the answer of a server
    """This URL will not give the file."""


@dataclass(frozen=True)
class Held:
    """What is there of a file already.

    Attributes:
        bytes: from its beginning.
        total: size of the whole in bytes; None if unknown.
        validator: what tells its version from others.
    """

    bytes: int = 0
    total: int | None = None
    validator: str = ""


@dataclass(frozen=True)
class Answer:
    """A file's bytes, or the rest of them, on their way.

    Attributes:
        start: position in the file at which they begin.
        total: size of the whole file in bytes; None if the server does not tell.
        marked: whether their end can be told from the end of a broken connection.
        validator: what tells this version of the file from others, fit to stand in ``If-Range``.
        blocks: the bytes.
    """

    start: int
    total: int | None
    marked: bool
    validator: str | None
    blocks: Iterator[bytes]


@contextmanager
def ask(url: str, held: Held, silence_s: float) -> Iterator[Answer]:
    """Ask for a file or its rest.

    Args:
        url: where it lies.
        held: what need not be sent again.
        silence_s: seconds without a byte after which a connection counts as stalled.

    Raises:
        Later: no answer, or none that can be used; also out of ``Answer.blocks``.
        ServerRefuses: the server has something else, or nothing.
    """
    headers = {"User-Agent": "mirage", "Accept-Encoding": "identity"}
    if held.bytes:
        headers |= {"Range": f"bytes={held.bytes}-", "If-Range": held.validator}
    opener = urllib.request.build_opener(SafeRedirects)
    with _told(held, silence_s):
        response = opener.open(urllib.request.Request(url, headers=headers), timeout=silence_s)
    with response:
        start = _start(response, held)
        _refuse_what_is_no_file(response)
        length = response.headers.get("Content-Length", "")
        yield Answer(
            start=start,
            total=start + int(length) if length.isdigit() else None,
            marked=length.isdigit() or response.chunked,
            validator=_validator(response),
            blocks=_blocks(response, held, silence_s),
        )


def _blocks(response: http.client.HTTPResponse, held: Held, silence_s: float) -> Iterator[bytes]:
    with _told(held, silence_s):
        while block := response.read1(_BLOCK):
            yield block


@contextmanager
def _told(held: Held, silence_s: float) -> Iterator[None]:
    """Turn every way in which an exchange fails into ``Later`` or ``ServerRefuses``."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            raise Stale("the file has changed on the server") from None
        if error.code in _TRY_LATER:
            raise Later(f"the server answers {error.code}", _retry_after(error)) from None
        raise ServerRefuses(f"the server answers {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise ServerRefuses(f"its certificate is not trusted ({error.reason})") from None
        if isinstance(error.reason, socket.gaierror) and not held.bytes:
            raise ServerRefuses("its name is not known here; is this node offline?") from None
        raise Later(f"no connection ({error.reason})") from None
    except TimeoutError:
        raise Later(f"nothing came for {silence_s:.0f} s") from None
    except http.client.HTTPException as error:
        raise Later(f"the connection broke ({type(error).__name__})") from None
    except OSError as error:
        raise Later(f"the connection broke ({error.strerror or type(error).__name__})") from None


class SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from an encrypted connection to an open one."""

    def redirect_request(
        self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str
    ) -> Any:
        """Follow one redirect, or refuse it."""
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after != "https" and not before == after == "http":
            raise ServerRefuses(f"it redirects from {before} to {after} ({newurl})")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _retry_after(error: urllib.error.HTTPError) -> float:
    try:
        return float(error.headers.get("Retry-After", "0"))
    except ValueError:  # a date; our own waiting will do
        return 0.0


def _start(response: http.client.HTTPResponse, held: Held) -> int:
    """The position at which the answer's bytes begin."""
    if response.status == 200:
        return 0
    if response.status != 206 or not held.bytes:
        raise ServerRefuses(f"the server answers {response.status} {response.reason}")
    given = response.headers.get("Content-Range", "")
    span, _, total = given.removeprefix("bytes ").partition("/")
    fits = span.split("-")[0] == str(held.bytes) and total in ("*", str(held.total))
    # Some servers know ranges but no conditions: the tag they send along tells.
    fits = fits and _validator(response) in (None, held.validator)
    if not given.startswith("bytes ") or not fits:
        raise Stale("the server sent another part than the one asked for")
    return held.bytes


def _refuse_what_is_no_file(response: http.client.HTTPResponse) -> None:
    if response.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise ServerRefuses("the server sends a web page (a login or licence page?)")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise ServerRefuses("the server packs the file although asked not to")


def _validator(response: http.client.HTTPResponse) -> str | None:
    tag = response.headers.get("ETag", "")
    # A weak tag may not stand in `If-Range` (RFC 9110, section 13.1.5).
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")
