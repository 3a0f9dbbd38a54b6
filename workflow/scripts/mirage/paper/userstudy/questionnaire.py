"""The page of a user study, one file that opens from disk, and its key, which is kept apart."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from mirage.building import build
from mirage.errors import MirageError
from mirage.marks import FILLED, spelled
from mirage.paper import render
from mirage.paper.userstudy.blinding import BlindTask
from mirage.paper.userstudy.questions import OTHER
from mirage.runtime import files

_DATA = '<script type="application/json" id="questions">'

Digest: TypeAlias = Annotated[str, spelled("[0-9a-f]{64}", "of 64 hexadecimal digits")]
PictureName: TypeAlias = Annotated[str, spelled("[0-9a-f]{12}", "of 12 hexadecimal digits")]


@dataclass(frozen=True)
class KeyTask:
    """What the options of a task are.

    Attributes:
        person: class that is asked about.
        options: name of a picture -> a treatment, or what it is of a honeypot.
    """

    person: int
    options: Annotated[Mapping[PictureName, str], FILLED]

    @property
    def answer(self) -> str | None:
        """The one right option of a honeypot; None of a task."""
        return next((name for name, what in self.options.items() if what == OTHER), None)


@dataclass(frozen=True)
class StudyKey:
    """What tells which picture is whose; nobody who answers may see it.

    Attributes:
        format: what the file is.
        study: name of the study.
        dataset: whose people are shown.
        treatments: compared ones.
        page: digest of the page.
        tasks: name of a task -> what its options are.
    """

    format: Literal["userstudy key"]
    study: str
    dataset: str
    treatments: tuple[str, ...]
    page: Digest
    tasks: Annotated[Mapping[PictureName, KeyTask], FILLED]


def write(
    page: str | Path,
    key: str | Path,
    study: str,
    dataset: str,
    treatments: Sequence[str],
    blind: tuple[Sequence[BlindTask], Mapping[str, bytes]],
) -> None:
    """Write page and key, each with the digest of the other.

    The digest of the page is that of its text with both digests left out, so the key can hold it
    and the page the key's.

    Args:
        page: path of the page.
        key: path of the key.
        study: its name.
        dataset: whose people are shown.
        treatments: compared ones.
        blind: tasks and pictures, from ``blinding.blinded``.
    """
    tasks, pictures = blind
    data = _script_data(
        {
            "study": study,
            "tasks": [
                {"name": one.name, "examples": one.examples, "options": list(one.options)}
                for one in tasks
            ],
            "pictures": {name: base64.b64encode(file).decode() for name, file in pictures.items()},
        }
    )
    own = hashlib.sha256(_html(data, "", "").encode()).hexdigest()
    record = StudyKey(
        "userstudy key",
        study,
        dataset,
        tuple(treatments),
        own,
        {one.name: KeyTask(one.person, one.options) for one in tasks},
    )
    files.write_json(key, asdict(record))
    files.write_text(page, _html(data, own, digest_of(key)))


def digest_of(path: str | Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(files.sound(path).read_bytes()).hexdigest()


def read_key(path: str | Path) -> StudyKey:
    """Read a key.

    Raises:
        MirageError: missing, damaged, or no key.
    """
    held = files.read_json(path)
    if not isinstance(held, dict):
        raise MirageError(f"{path} is no key of a user study", remedy="make it anew")
    return build(StudyKey, held, str(path))


def read_questions(path: str | Path) -> dict[str, Any]:
    """What a page shows: ``study``, ``tasks``, ``pictures``.

    Raises:
        MirageError: missing, damaged, or no such page.
    """
    _, found, rest = files.sound(path).read_text(encoding="utf-8").partition(_DATA)
    if not found:
        raise MirageError(f"{path} is no page of a user study", remedy="make it anew")
    held: dict[str, Any] = json.loads(rest.partition("</script>")[0])
    return held


def _script_data(value: Any) -> str:
    """JSON that cannot end the element it stands in."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).replace("<", r"\u003c")


def _html(data: str, page: str, key: str) -> str:
    """The page; only its own script and style may run, which their hashes name."""
    script = (render.TEMPLATES / "userstudy.js").read_text(encoding="utf-8")
    style = (render.TEMPLATES / "userstudy.css").read_text(encoding="utf-8")
    template = render.environment().get_template("userstudy.html")
    return template.render(
        data=_DATA + data,
        script=script,
        style=style,
        script_hash=_csp_hash(script),
        style_hash=_csp_hash(style),
        page=page,
        key=key,
    )


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
