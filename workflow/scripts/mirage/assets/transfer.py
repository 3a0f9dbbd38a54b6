"""Patience with web servers: one file, resumably, however often they break off.

What has arrived lies in a part file with a note of what it is a part of (URL, size, validator);
``exchange`` asks for the rest of it. Nothing here decides whether the bytes are the right ones; the
caller does.
"""

import json
import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from mirage.assets.exchange import Answer, Held, Later, ServerRefuses, Stale, ask
from mirage.assets.manifest import FileFacts
from mirage.errors import MirageError
from mirage.runtime import files
from mirage.runtime.progress import Progress
from mirage.visible import listed

_log = logging.getLogger("mirage")
_MB = 1_000_000
SILENCE_S = 30.0
"""Seconds without a byte after which a connection counts as stalled."""
ATTEMPTS = 6
"""Fruitless attempts in a row before giving up; one that got further than all before is none."""
FIRST_WAIT_S = 1.0
"""Seconds before the second attempt; doubled each time."""
LONGEST_WAIT_S = 60.0
"""Most seconds between two attempts, whatever the server asks for."""


def download(part: Path, facts: FileFacts, label: str) -> bool:
    """Bring a file's bytes into a part file.

    Args:
        part: gathers the bytes; what an earlier attempt left there is used.
        facts: its URLs are tried in turn; its exact size, if known, is compared with what the
            server announces.
        label: name of the file in progress lines.

    Returns:
        Whether bytes of an earlier attempt were kept, so that wrong bytes may be a bad joint.

    Raises:
        MirageError: no URL gave the file.
    """
    problems = []
    for url in facts.urls:
        try:
            return _persist(url, part, facts, label)
        except (ServerRefuses, Later) as problem:
            problems.append(f"{url}: {problem}")
    raise MirageError(
        f"{label} could not be downloaded ({listed(problems, joint='; ')})",
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


def _persist(url: str, part: Path, facts: FileFacts, label: str) -> bool:
    fruitless = 0
    # Held against the best attempt, not the last one: a server that knows no ranges starts over
    # every time and, breaking off at varying places, would seem to gain for ever.
    most = _resumable(url, part).bytes
    while True:
        try:
            return _attempt(url, part, facts, label)
        except Later as problem:
            held = _size(part)
            fruitless = 0 if held > most else fruitless + 1
            most = max(most, held)
            if fruitless >= ATTEMPTS:
                raise Later(f"{problem}, {fruitless} times in a row") from None
            wait_s = max(FIRST_WAIT_S * 2.0 ** max(fruitless - 1, 0), problem.wait_s)
            wait_s = min(wait_s, LONGEST_WAIT_S)
            _log.info("%s: %s; trying again in %.0f s", label, problem, wait_s)
            time.sleep(wait_s)


def _attempt(url: str, part: Path, facts: FileFacts, label: str) -> bool:
    """One request; returns whether it went on from earlier bytes."""
    held = _resumable(url, part)
    if held.bytes and held.bytes == held.total:
        return True
    try:
        with ask(url, held, SILENCE_S) as answer:
            total = facts.bytes if answer.total is None else answer.total
            _refuse_other_sizes(answer, total, facts)
            if answer.start != held.bytes:
                discard(part)
            note = {"url": url, "total": total, "validator": answer.validator}
            files.write_json(note_of(part), note, sealed=False)
            _receive(answer, part, total, label)
    except Stale:
        discard(part)
        raise
    return answer.start > 0


def _resumable(url: str, part: Path) -> Held:
    """What is there of this URL's file; anything else is discarded."""
    size = _size(part)
    note: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        note = json.loads(note_of(part).read_text(encoding="utf-8"))
    total, validator = note.get("total"), str(note.get("validator") or "")
    # Without a validator the rest could belong to another version: start over.
    fits = note.get("url") == url and validator and (total is None or size <= total)
    if size and not fits:
        discard(part)
    return Held(size, total, validator) if size and fits else Held()


def _refuse_other_sizes(answer: Answer, total: int | None, facts: FileFacts) -> None:
    if facts.bytes is not None and total != facts.bytes:
        raise ServerRefuses(f"the server has {total:,} bytes, expected {facts.bytes:,}")
    if total is None and not answer.marked and facts.checksum is None:
        # The connection's end would be the file's end, and nothing known of the file would
        # contradict half of it. It may be a proxy's doing, which another attempt may not meet.
        raise Later("the length is not told, so a file cut short would pass for whole")


def _receive(answer: Answer, part: Path, total: int | None, label: str) -> None:
    got, started = answer.start, time.monotonic()
    progress = Progress(f"{label} (MB)", -(-(total or 0) // _MB), got // _MB)
    with progress, part.open("r+b") as file:
        file.seek(got)
        for block in answer.blocks:
            file.write(block)
            # Unbuffered enough that a kill loses no more than the system has not written yet.
            file.flush()
            new = (got + len(block)) // _MB - got // _MB
            got += len(block)
            if new and total:
                pace = (got - answer.start) / _MB / max(time.monotonic() - started, 1e-3)
                progress.advance(new, f"{pace:.1f} MB/s")
    if total is not None and got < total:
        raise Later(f"cut short after {got:,} of {total:,} bytes")


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0
