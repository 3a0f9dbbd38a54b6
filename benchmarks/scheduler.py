"""What choosing the next jobs costs the controller.

    python benchmarks/run.py scheduler

First the profile's scheduler against the default, with a chain of three empty jobs run 400 times;
then rounds only where something has changed (``workflow/cluster/rounds.py``) against Snakemake's
own timers, with jobs that sleep. Counted are the CPU seconds of the controller and its shells, each
variant in turn.
"""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.paired import ratio_of

ROOT = Path(__file__).resolve().parents[1]
CHAINS, SLEEPERS, TURNS = 400, 150, 3
_CHAINS = f"""
rule all:
    input: expand("c/{{i}}", i=range({CHAINS}))
rule a:
    output: touch("a/{{i}}")
rule b:
    input: "a/{{i}}"
    output: touch("b/{{i}}")
    resources: mem_mb=1000, runtime=10, gpu=1
rule c:
    input: "b/{{i}}"
    output: touch("c/{{i}}")
"""
_SLEEPERS = f"""
rule all:
    input: expand("a/{{i}}", i=range({SLEEPERS}))
rule a:
    output: touch("a/{{i}}")
    shell: "sleep 0.3"
"""
_ROUNDS = f"""
import sys
sys.path.insert(0, {str(ROOT / "workflow/cluster")!r})
import rounds
rounds.only_with_reason()
"""


def main(_: list[str]) -> int:
    """Print the ratios."""
    import yaml

    ours = yaml.safe_load((ROOT / "profiles/default/config.yaml").read_text())["scheduler"]
    _compare(
        f"{3 * CHAINS} empty jobs",
        (ours, lambda: _cpu_s(_ROUNDS + _CHAINS, ours)),
        ("ilp", lambda: _cpu_s(_ROUNDS + _CHAINS, "ilp")),
    )
    _compare(
        f"{SLEEPERS} jobs of 0.3 s",
        ("rounds with a reason", lambda: _cpu_s(_ROUNDS + _SLEEPERS, ours)),
        ("timers", lambda: _cpu_s(_SLEEPERS, ours)),
    )
    return 0


def _compare(
    what: str, ours: tuple[str, Callable[[], float]], other: tuple[str, Callable[[], float]]
) -> None:
    taken: tuple[list[float], list[float]] = ([], [])
    for _turn in range(TURNS):
        for times, (_name, measure) in zip(taken, (ours, other), strict=True):
            times.append(measure())
    ratio = ratio_of(*taken)
    print(
        f"{what}: {ours[0]} {ratio.ours:.1f} CPU s, {other[0]} {ratio.reference:.1f} CPU s, "
        f"ratio {ratio.median:.2f} ({ratio.low:.2f}..{ratio.high:.2f})",
        flush=True,
    )


def _cpu_s(snakefile: str, scheduler: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Snakefile").write_text(snakefile)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-P", "-m", "snakemake", "-c2", "--scheduler", scheduler]
        subprocess.run([*command, "--quiet", "all"], cwd=folder, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
