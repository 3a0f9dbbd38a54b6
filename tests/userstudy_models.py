"""A user study of made-up pictures, and annotators that answer it."""

import hashlib
from pathlib import Path

import torch
from mirage.data.views import FORMAT, VERSION
from mirage.paper.userstudy import questionnaire
from mirage.paper.userstudy.blinding import blinded
from mirage.paper.userstudy.exports import Export, Reply
from mirage.paper.userstudy.questions import questions
from mirage.paper.userstudy.shuffling import shuffled
from mirage.runtime import files

PEOPLE, EACH, PX = 24, 7, 16
TREATMENTS = ["ls-0.05", "mid0.005", "bido0.05_2.5"]
VIEW = "data/orl/views/square32.safetensors"


def gallery_of(treatment):
    return f"attacks/orl/resnet-mini/{treatment}/n3/s1/ppa/gallery.safetensors"


def write_pictures(people=range(PEOPLE)):
    """Photographs and galleries, below the current folder: noise, so that no two are equal."""
    noise = torch.Generator().manual_seed(1)

    def drawn(count):
        shape = (count, 1, PX, PX)
        return torch.randint(256, shape, generator=noise, dtype=torch.uint8)

    labels = torch.arange(PEOPLE).repeat(EACH)
    rows = torch.arange(len(labels))
    files.save_tensors(
        VIEW,
        {"pixels": drawn(len(labels)), "labels": labels, "train": rows, "test": rows[:0]},
        {"format": FORMAT, "version": VERSION, "identities": [], "dataset": {"split": None}},
    )
    for treatment in TREATMENTS:
        kept = torch.tensor(sorted(people))
        files.save_tensors(gallery_of(treatment), {"images": drawn(len(kept)), "labels": kept})


def asked(tasks=PEOPLE, groups=None):
    """The questions of these pictures."""
    galleries = {treatment: gallery_of(treatment) for treatment in TREATMENTS}
    return questions(galleries, VIEW, tasks, 1, groups or {})


def write_study(tasks=PEOPLE, name="ORL"):
    """Page and key; their paths."""
    page, key = f"study/{name}.html", f"study/{name}.key.json"
    questionnaire.write(page, key, name, "orl", TREATMENTS, blinded(asked(tasks)))
    return page, key


def export(key_path, annotator, choose, count=None):
    """What a page saves of an annotator.

    Args:
        key_path: of the study.
        annotator: its number.
        choose: of (task's name, its entry in the key) what is chosen: a picture's name.
        count: of answers, from the first; None for all.
    """
    key = questionnaire.read_key(key_path)
    name = hashlib.sha256(str(annotator).encode()).hexdigest()[:16]
    replies = []
    for task in shuffled(key.tasks, key.page, name)[:count]:
        options = shuffled(key.tasks[task].options, key.page, name, task)
        position = options.index(choose(task, key.tasks[task])) + 1
        at = "2026-01-02T03:04:05.678Z"
        replies.append(Reply(task, tuple(options), position, 1000 + position, at, 1280))
    made = Export(
        "answers", 1, key.study, key.page, questionnaire.digest_of(key_path), name,
        tuple(replies), "0" * 64,
    )  # fmt: skip
    return sealed(made)


def sealed(made):
    """An export with its digest."""
    return Export(**{**vars(made), "digest": made.true_digest})


def as_json(made):
    """An export as a page writes it."""
    return {**vars(made), "answers": [vars(reply) for reply in made.answers]}


def save(made, path):
    files.write_json(path, as_json(made), sealed=False)
    return str(Path(path))


def reliable(votes):
    """An annotator who answers honeypots right, and tasks with what ``votes(person)`` says."""

    def choose(_, task):
        if task.answer is not None:
            return task.answer
        wanted = votes(task.person)
        return next(name for name, what in task.options.items() if what == wanted)

    return choose


def careless(_, task):
    """An annotator who always takes the same picture by name, and no honeypot right."""
    return next(name for name in task.options if name != task.answer)
