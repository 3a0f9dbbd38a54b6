"""Which mutants are tried: changed lines or whole files, drawn by a seed; or the named ones."""

import random
import subprocess
import tomllib
from collections.abc import Container, Iterable
from pathlib import Path

from mutants.operators import Mutant, mutants_of

LIBRARY = "workflow/scripts/mirage"
PACKAGES = ("attacks", "targets", "evaluation", "priors", "paper")
NAMED = Path(__file__).with_name("named.toml")
"""Bugs that the tests once let through, or that are easily made; TOML."""


def in_scope(file: str) -> bool:
    """Whether a file belongs to the packages that are tried."""
    return file.endswith(".py") and file.startswith(tuple(f"{LIBRARY}/{p}/" for p in PACKAGES))


def changed_lines(repository: Path, base: str) -> dict[str, set[int]]:
    """Lines of the working tree that ``base`` does not have, by file in scope."""
    command = ("diff", "--unified=0", "--no-color", "--no-ext-diff", "--no-renames", base)
    lines: dict[str, set[int]] = {}
    held: set[int] = set()
    for line in _git(repository, *command, "--", LIBRARY).splitlines():
        if line.startswith("+++ "):
            held = set()
            if in_scope(file := line.removeprefix("+++ b/")):
                lines[file] = held
        elif line.startswith("@@"):
            start, _, count = line.split()[2].removeprefix("+").partition(",")
            held.update(range(int(start), int(start) + int(count or 1)))
    return lines


def base_of(repository: Path) -> str:
    """Where the present branch left ``main``; on ``main`` itself, the commit before."""
    head = _git(repository, "rev-parse", "HEAD").strip()
    found = subprocess.run(
        ("git", "merge-base", "HEAD", "main"), cwd=repository, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    base = found.stdout.strip()
    return base if base and base != head else "HEAD~1"


def of_lines(repository: Path, lines: dict[str, set[int]]) -> list[Mutant]:
    """All mutants that begin on the given lines."""
    return [
        mutant
        for file, held in sorted(lines.items())
        for mutant in _of_file(repository, file)
        if mutant.line in held
    ]


def of_files(repository: Path, files: Iterable[str]) -> list[Mutant]:
    """All mutants of files, and of all files in folders."""
    paths = sorted(
        path
        for name in files
        for path in (
            [repository / name] if name.endswith(".py") else (repository / name).rglob("*.py")
        )
    )
    if not paths:
        raise SystemExit("no Python file is there; expected paths like " + LIBRARY + "/attacks")
    names = [path.relative_to(repository).as_posix() for path in paths]
    return [mutant for name in names for mutant in _of_file(repository, name)]


def _of_file(repository: Path, file: str) -> list[Mutant]:
    return mutants_of(file, (repository / file).read_text())


def draw(mutants: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """Draw at most ``count`` mutants, at most one per line, in the order of their places."""
    order = list(mutants)
    random.Random(seed).shuffle(order)
    by_line: dict[tuple[str, int], Mutant] = {}
    for mutant in order:
        by_line.setdefault((mutant.file, mutant.line), mutant)
    chosen = list(by_line.values())[:count]
    return sorted(chosen, key=lambda mutant: (mutant.file, mutant.start))


def named(repository: Path, wanted: Container[str] | None = None) -> dict[str, Mutant | None]:
    """The named bugs; None for one whose place has changed since.

    Args:
        repository: whose files they are put into.
        wanted: names of some of them; None for all.
    """
    bugs: dict[str, Mutant | None] = {}
    for entry in tomllib.loads(NAMED.read_text())["bug"]:
        if wanted is not None and entry["name"] not in wanted:
            continue
        file = f"{LIBRARY}/{entry['file']}"
        path = repository / file
        source = path.read_text() if path.is_file() else ""
        start = source.find(entry["was"])
        bugs[entry["name"]] = None
        if source.count(entry["was"]) == 1:
            line = source.count("\n", 0, start) + 1
            bugs[entry["name"]] = Mutant(file, line, entry["was"], entry["becomes"], start)
    return bugs


def _git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(
        ("git", *arguments), cwd=repository, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
