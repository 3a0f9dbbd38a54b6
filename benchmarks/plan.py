"""What a plan costs, as CPU seconds and in starts of Snakemake.

    python benchmarks/run.py plan

Plans of the demo and of the paper (with empty assets) in a copy of the checkout without results.
Beside each stands a dry run of one empty rule, taken right after it, since seconds alone depend on
the machine and its load.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests/workflow"))

from projects import Checkout  # noqa: E402 - found through the line above

_EMPTY = "rule all:\n    output: touch('made')\n"
_PLANS = (
    ("demo, code read for the first time", ()),
    ("demo", ()),
    ("paper", ("--profile", "slurm")),
)


def main(_: list[str]) -> int:
    """Print one line for each plan."""
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as empty:
        checkout = Checkout(Path(made))
        checkout.fake_assets()
        Path(empty, "Snakefile").write_text(_EMPTY)
        cpu_s(Path(empty), "-c1")  # imports from the disk, once
        for name, arguments in _PLANS:
            taken = cpu_s(checkout.folder, "all", *arguments)
            start = cpu_s(Path(empty), "-c1")
            print(f"plan of the {name}: {taken:.1f} CPU s, {taken / start:.1f} starts", flush=True)
    return 0


def cpu_s(folder: Path, *arguments: str) -> float:
    """Processor time of a dry run in a folder."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-P", "-m", "snakemake", "-n", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=dict(os.environ))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
