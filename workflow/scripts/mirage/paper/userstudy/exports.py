"""What annotators saved: read as data of strangers, refused by name where it is not a page's own.

A digest inside an export finds damage and edits by hand, and its order is one that only the page
draws. Neither stops a forger who computes both anew: who hands the pages out must know from whom
they come back.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from mirage.building import build
from mirage.errors import MirageError
from mirage.marks import Count, Natural, spelled
from mirage.paper.userstudy.questionnaire import Digest, PictureName, StudyKey, digest_of, read_key
from mirage.paper.userstudy.recipe import NAME, OPTIONS
from mirage.paper.userstudy.shuffling import shuffled
from mirage.runtime.regular import opened
from mirage.visible import listed

MOST_BYTES = 8 << 20
"""Of one export: twenty thousand answers."""


@dataclass(frozen=True)
class Reply:
    """One answer.

    Attributes:
        task: its name.
        shown: the options' pictures as they stood.
        position: of the chosen one, from 1.
        ms: from when all pictures were there to the answer.
        at: UTC time of the answer.
        width: of the window, pixels.
    """

    task: PictureName
    shown: tuple[PictureName, ...]
    position: Count
    ms: Natural
    at: Annotated[
        str,
        spelled(
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z",
            "of a UTC time with milliseconds",
        ),
    ]
    width: Natural

    @property
    def chosen(self) -> str:
        """The picture chosen."""
        return self.shown[self.position - 1]


@dataclass(frozen=True)
class Export:
    """All that one annotator has answered so far.

    Attributes:
        format: what the file is.
        version: of the format.
        study: name of the study.
        page: digest of the page that was answered.
        key: digest of that page's key.
        annotator: a name that the page drew.
        answers: in their order.
        digest: of all the rest.
    """

    format: Literal["answers"]
    version: Literal[1]
    study: Annotated[str, spelled(NAME, "of letters and digits alone")]
    page: Digest
    key: Digest
    annotator: Annotated[str, spelled("[0-9a-f]{16}", "of 16 hexadecimal digits")]
    answers: tuple[Reply, ...]
    digest: Digest

    @property
    def true_digest(self) -> str:
        """What ``digest`` is in an export that nobody has changed."""
        lines = [
            " ".join(map(str, [one.task, *one.shown, one.position, one.ms, one.at, one.width]))
            for one in self.answers
        ]
        head = [self.format, self.version, self.study, self.page, self.key, self.annotator]
        return hashlib.sha256("\n".join(map(str, [*head, *lines])).encode()).hexdigest()


def read_exports(paths: Iterable[str | Path], keys: Mapping[str, str]) -> dict[str, list[Export]]:
    """Read all exports there are.

    Args:
        paths: the files.
        keys: name of a study -> path of its key.

    Returns:
        Name of a study -> its exports, by annotator.

    Raises:
        MirageError: files that are damaged, edited, of another page, or of one annotator twice;
            all are named, each with its reason.
    """
    known = {name: (read_key(path), digest_of(path)) for name, path in keys.items()}
    found: dict[str, list[Export]] = {name: [] for name in keys}
    first: dict[tuple[str, str], str] = {}
    refused = []
    for path in map(Path, paths):
        try:
            one = read_export(path)
            check(one, known)
            whose = one.study, one.annotator
            if whose in first:
                _refuse(
                    f"it is a second export of the annotator of {first[whose]}; keep the one with "
                    "more answers"
                )
            first[whose] = path.name
            found[one.study].append(one)
        except MirageError as reason:
            refused.append(f"{path.name}: {str(reason).rstrip('.')}")
    if refused:
        raise MirageError(
            f"{len(refused)} files of answers are refused: {listed(refused, joint='; ')}",
            "files as the page saved them, one of each annotator",
            "move them out of the folder of the answers, or put the right ones in their place",
        )
    return {name: sorted(own, key=lambda one: one.annotator) for name, own in found.items()}


def read_export(path: str | Path) -> Export:
    """Read one export as a file of a stranger.

    Raises:
        MirageError: it cannot be read, or is no export.
    """
    with opened(path) as file:
        content = file.read(MOST_BYTES + 1)
    return parsed(content)


def parsed(content: bytes) -> Export:
    """What an export holds.

    Raises:
        MirageError: it is no export.
    """
    if len(content) > MOST_BYTES:
        _refuse("it is larger than any export")
    try:
        held = json.loads(
            content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number
        )
    except (ValueError, RecursionError) as error:
        raise MirageError("it is no JSON, or not whole") from error
    if not isinstance(held, dict):
        _refuse("it is no export")
    return build(Export, held, "")


def check(one: Export, known: Mapping[str, tuple[StudyKey, str]]) -> None:
    """Refuse what a page of ours has not saved like this.

    Args:
        one: what a file holds.
        known: name of a study -> its key, and the key's digest.

    Raises:
        MirageError: why.
    """
    if one.digest != one.true_digest:
        _refuse("it was edited or damaged after it was saved: its digest is of something else")
    if one.study not in known:
        _refuse(f"it is of the study {one.study!r}, which is not among {listed(known)}")
    key, digest = known[one.study]
    if (one.page, one.key) != (key.page, digest):
        _refuse(
            f"it is of another page of {one.study}: {one.page[:12]}, while the page here is "
            f"{key.page[:12]}"
        )
    order = shuffled(key.tasks, one.page, one.annotator)
    if [reply.task for reply in one.answers] != order[: len(one.answers)]:
        _refuse("its tasks are not in the order in which the page asks them")
    for reply in one.answers:
        options = key.tasks[reply.task].options
        if list(reply.shown) != shuffled(options, one.page, one.annotator, reply.task):
            _refuse(f"the options of task {reply.task} stand as the page does not show them")
        if reply.position > OPTIONS:
            _refuse(f"the answer to task {reply.task} is {reply.position}")


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name stands twice")
    return made


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _refuse(reason: str) -> NoReturn:
    raise MirageError(reason)
