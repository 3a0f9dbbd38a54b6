"""Try mutants and print those that no test notices: ``make mutants``, opt-in and slow.

By default lines that differ from where the branch left ``main``. The working tree is not touched.
"""

import argparse
import difflib
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from mutants.operators import Mutant
from mutants.selection import base_of, changed_lines, draw, named, of_files, of_lines
from mutants.workshop import Verdict, Workshop

REPOSITORY = Path(__file__).resolve().parents[2]


def main() -> int:
    """Try what the command line asks for; 1 if a mutant survives."""
    asked = _arguments()
    gone: list[str] = []
    if asked.named is not None:
        bugs = named(REPOSITORY, asked.named or None)
        gone = [name for name, mutant in bugs.items() if mutant is None]
        titles = {mutant: name for name, mutant in bugs.items() if mutant is not None}
    else:
        held = of_files(REPOSITORY, asked.files) if asked.files else _changed(asked.base)
        titles = dict.fromkeys(draw(held, asked.count, asked.seed), "")
        print(f"{len(titles)} of {len(held)} possible mutants, drawn with seed {asked.seed}")
    survivors = []
    with Workshop(REPOSITORY) as workshop:
        for number, (mutant, title) in enumerate(titles.items(), start=1):
            verdict = workshop.try_out(mutant)
            print(f"{number}/{len(titles)} {_told(mutant, title, verdict)}", flush=True)
            if verdict.killed_by is None:
                survivors.append(mutant)
    for mutant in survivors:
        print(f"\nsurvived: {mutant.file}:{mutant.line}\n{_difference(mutant)}")
    for name in gone:
        print(f"no longer fits the code: {name}")
    print(f"\n{len(titles) - len(survivors)} of {len(titles)} mutants were noticed")
    return int(bool(survivors or gone))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--base", help="commit whose lines count as unchanged")
    parser.add_argument("--files", nargs="+", default=[], help="files or folders to take whole")
    parser.add_argument("--named", nargs="*", help="the bugs of named.toml, all or by name")
    parser.add_argument("--count", type=int, default=40, help="mutants at most (40)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (0)")
    return parser.parse_args()


def _changed(base: str | None) -> list[Mutant]:
    return of_lines(REPOSITORY, changed_lines(REPOSITORY, base or base_of(REPOSITORY)))


def _told(mutant: Mutant, title: str, verdict: Verdict) -> str:
    place = f"{mutant.file.removeprefix('workflow/scripts/mirage/')}:{mutant.line}"
    change = title or f"{_short(mutant.was)} -> {_short(mutant.becomes)}"
    fate = "SURVIVED" if verdict.killed_by is None else f"killed by {verdict.killed_by}"
    return f"{place} [{change}] {fate} ({verdict.seconds:.0f} s)"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."


def _difference(mutant: Mutant) -> str:
    source = (REPOSITORY / mutant.file).read_text()
    lines = difflib.unified_diff(
        source.splitlines(), mutant.apply(source).splitlines(), lineterm="", n=1
    )
    return "\n".join(list(lines)[2:])


if __name__ == "__main__":
    sys.exit(main())
