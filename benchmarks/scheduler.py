"""What choosing the next jobs costs the controller: the profile's scheduler against the default.

    python benchmarks/run.py scheduler

A chain of three empty jobs is run 400 times by each in turn; counted are the CPU seconds of the
controller and of nothing else, since empty jobs run no process.
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.paired import ratio_of

ROOT = Path(__file__).resolve().parents[1]
CHAINS, TURNS = 400, 3
_SNAKEFILE = """
rule all:
    input: expand("c/{{i}}", i=range({chains}))
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


def main(_: list[str]) -> int:
    """Print the ratio."""
    import yaml

    ours = yaml.safe_load((ROOT / "profiles/default/config.yaml").read_text())["scheduler"]
    times: dict[str, list[float]] = {ours: [], "ilp": []}
    for _turn in range(TURNS):
        for scheduler, taken in times.items():
            taken.append(_cpu_s(scheduler))
    ratio = ratio_of(times[ours], times["ilp"])
    print(
        f"{3 * CHAINS} empty jobs: {ours} {ratio.ours:.1f} CPU s, ilp {ratio.reference:.1f} CPU s, "
        f"ratio {ratio.median:.2f} ({ratio.low:.2f}..{ratio.high:.2f})"
    )
    return 0


def _cpu_s(scheduler: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Snakefile").write_text(_SNAKEFILE.format(chains=CHAINS))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-P", "-m", "snakemake", "-c2", "--scheduler", scheduler]
        subprocess.run([*command, "--quiet", "all"], cwd=folder, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
