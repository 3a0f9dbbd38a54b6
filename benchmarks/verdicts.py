"""What of the demo's table of verdicts survives another processor.

    python benchmarks/verdicts.py run FOLDER [SET ...] [--cores N]
    python benchmarks/verdicts.py

The first form runs the demo once per instruction set, each in a copy of the project below FOLDER
(an interrupted one goes on), and writes ``benchmarks/verdicts.csv``, in which measurements of other
machines stay; it takes the demo's time for each, and twice that for ``sse41``. A set is called by
what the processor then does, so ``native`` is another one on another machine. The second form reads
that file: it compares the sets, prints what shows under all of them, and says how many seeds the
wanted interval takes. Exit status 1 if a verdict turns into its opposite or fewer than nine of ten
intervals overlap.

Another instruction set adds in another order, so it rounds differently, and training amplifies that
until the weights are other weights. What is left of a verdict then was not luck of the rounding.
"""

import argparse
import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow/scripts"), str(ROOT / "tests/workflow")]

from mirage.paper import effects, presentation  # noqa: E402 - found through the line above
from mirage.paper.metrics import METRICS  # noqa: E402
from mirage.paper.numbers import BLOCK, collect, select  # noqa: E402
from mirage.study.study import Study  # noqa: E402

from benchmarks.table import markdown  # noqa: E402

RESULT = ROOT / "benchmarks/verdicts.csv"
SETS = {
    "native": {},
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "sse41": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
}
KEYS = [*BLOCK, "alpha", "metric"]
LEAST_OVERLAP = 0.9


def demo():
    """The demo scale of the configuration."""
    return yaml.safe_load((ROOT / "config.yaml").read_text())["scales"]["demo"]


def run(folder: Path, names: list[str], cores: str) -> None:
    """Run the demo under each instruction set and write what came out."""
    from projects import Checkout

    found = {}
    for name in names:
        place = folder / name
        if not place.exists():
            place.mkdir(parents=True)
            Checkout(place)
        environment = {**os.environ, **SETS[name]}
        command = [sys.executable, "-m", "snakemake", "--cores", cores, "tables/table2.csv"]
        subprocess.run(command, cwd=place, env=environment, check=True)
        known = name if name != "native" else _own_set()
        found[known] = verdicts(place / "results/demo").assign(set=known)
    if RESULT.exists():
        before = pd.read_csv(RESULT, dtype={"samples": str})
        found = {**dict(iter(before.groupby("set"))), **found}
    table = pd.concat(found[name] for name in sorted(found))
    table.insert(0, "set", table.pop("set"))
    table.to_csv(RESULT, index=False, lineterminator="\n")


def _own_set() -> str:
    import torch

    return torch.backends.cpu.get_cpu_capability().lower()


def verdicts(results: Path) -> pd.DataFrame:
    """Effects of a finished demo in the fidelity its tables print; only those with an interval."""
    study = Study(demo())
    cells = collect(study.attacks, results)
    table = effects.effects(select(cells, fidelity=study.scale["fidelity"]))
    return table[table["margin"].notna()].drop(columns="treatment").reset_index(drop=True)


def compared(table: pd.DataFrame) -> pd.DataFrame:
    """Each verdict under each pair of sets: do the intervals overlap, do the verdicts oppose?"""
    pairs = []
    for one, other in combinations(table["set"].unique(), 2):
        both = table[table["set"] == one].merge(
            table[table["set"] == other], on=KEYS, suffixes=("", "_other")
        )
        both["overlap"] = (both["mean"] - both["mean_other"]).abs() <= (
            both["margin"] + both["margin_other"]
        )
        findings = both[["finding", "finding_other"]].apply(frozenset, axis=1)
        both["opposite"] = findings == frozenset((effects.SHOWS, effects.OPPOSITE))
        pairs.append(both)
    return pd.concat(pairs, ignore_index=True)


def survivors(table: pd.DataFrame) -> pd.DataFrame:
    """What has one verdict under all sets, other than that nothing can be told."""
    wide = table.pivot(index=KEYS, columns="set", values="finding")
    told = wide.iloc[:, 0].isin((effects.SHOWS, effects.OPPOSITE))
    same = wide.eq(wide.iloc[:, 0], axis=0).all(axis=1) & told
    return table.set_index(KEYS).loc[wide.index[same]].reset_index()


def seeds_wanted(table: pd.DataFrame) -> tuple[float, int]:
    """Spread of the paired differences of Acc@1, pooled over all, and the seeds it takes."""
    own = table[table["metric"] == "acc1"]
    spread = float(((own["se"] ** 2 * own["n_seeds"]).mean()) ** 0.5)
    return spread, effects.seeds_needed(spread, demo()["paper"]["interval"])


def quoted(table: pd.DataFrame) -> str:
    """Markdown table of what survives, for docs/demo.md."""
    shown = presentation.describe(Study(demo()), "demo")
    rows = []
    for key, group in survivors(table).groupby(KEYS, sort=False):
        named = dict(zip(KEYS, key, strict=True))
        samples = "all" if named["samples"] == "all" else f"{named['samples']} per person"
        ranges = [f"{row.mean:+.2f} ± {row.margin:.2f}" for row in group.itertuples()]
        if named["metric"].startswith("delta"):
            ranges = [f"{row.mean:+.3f} ± {row.margin:.3f}" for row in group.itertuples()]
        rows.append(
            (
                samples,
                shown.label(named["attack"]),
                f"{named['alpha']:g}",
                METRICS[named["metric"]].title,
                *ranges,
                group["finding"].iloc[0],
            )
        )
    header = ("training images", "attack", "α", "metric", *table["set"].unique(), "verdict")
    return markdown(header, rows)


def show() -> int:
    """Print the comparison; 1 if it fails."""
    table = pd.read_csv(RESULT, dtype={"samples": str})
    spread, seeds = seeds_wanted(table)
    wanted = demo()["paper"]["interval"]
    print(
        f"spread of the differences of Acc@1: {spread:.1f} pp; ± {wanted:g} pp take {seeds} seeds"
    )
    print(f"{quoted(table)}\n")
    if table["set"].nunique() < 2:
        print("one instruction set only: nothing is compared yet", file=sys.stderr)
        return 1
    pairs = compared(table)
    overlap, opposite = pairs["overlap"].mean(), int(pairs["opposite"].sum())
    print(f"{len(pairs)} verdicts under {', '.join(table['set'].unique())}:")
    print(
        f"{pairs['overlap'].sum()} intervals overlap, {opposite} verdicts turn into their opposite"
    )
    print(f"{(pairs['finding'] == pairs['finding_other']).sum()} verdicts are the same\n")
    return 0 if opposite == 0 and overlap >= LEAST_OVERLAP else 1


def main(arguments: list[str]) -> int:
    """Run or compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(dest="action")
    running = actions.add_parser("run")
    running.add_argument("folder", type=Path)
    running.add_argument("sets", nargs="*", choices=list(SETS), default=["native", "sse41"])
    running.add_argument("--cores", default="all")
    asked = parser.parse_args(arguments)
    if asked.action == "run":
        run(asked.folder.resolve(), asked.sets, asked.cores)
    return show()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
