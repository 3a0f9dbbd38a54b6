"""What planning the paper costs, and what the controlling Snakemake costs with 5,000 jobs.

    python benchmarks/controller.py [--classes-per-chunk 14]

The paper scale's own graph is planned and then run through ``--profile slurm`` on a test cluster
(tests/slurm/cluster.py), with empty assets and empty work: every script is replaced by one that
only touches its outputs, and what reaches SLURM is not the job's two further Snakemakes (some 3 CPU
seconds each, which two cores could not give 5,000 times) but ``touch`` alone. Graph, profile,
Snakemake, its SLURM plugin, sbatch, squeue and SLURM itself are real. CPU seconds are the
controller's own, without those of the commands it starts.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / room) for room in ("slurm", "workflow")]

from cluster import Cluster  # noqa: E402 - found through the line above
from projects import Checkout  # noqa: E402 - the same

_EMPTY = "from pathlib import Path\nfor path in snakemake.output:\n    Path(path).touch()\n"
_SBATCH = """\
#!{python} -SE
import json, os, re, shlex, sys
whole = " ".join(sys.argv)
name = re.search(r"--target-jobs '([^']+)'", whole)[1]
rule, _, wildcards = name.partition(":")
key = " ".join([rule, *sorted(wildcards.split(","))])
paths = json.load(open("{folder}/outputs/" + rule + ".json"))[key]
folders = sorted({{os.path.dirname(path) for path in paths}})
work = f"mkdir -p {{shlex.join(folders)}} && touch {{shlex.join(paths)}}"
rest = [part for part in sys.argv[1:] if not part.startswith("--wrap=")]
os.execv("/usr/bin/sbatch", ["sbatch", *rest, "--wrap=" + work])
"""


def make_project(folder: Path) -> None:
    """Copy the workflow and put something empty at the place of every asset."""
    Checkout(folder).fake_assets()


def measure(command: list[str], folder: Path, environment: dict[str, str]) -> dict[str, float]:
    """Run a command and report wall seconds, its own CPU seconds and its peak memory in MB."""
    started = time.monotonic()
    with (folder / "told.log").open("w") as told:
        process = psutil.Popen(command, cwd=folder, env=environment, stdout=told, stderr=told)
        cpu = peak = 0.0
        while process.poll() is None:
            try:
                times = process.cpu_times()
                status = Path(f"/proc/{process.pid}/status").read_text()
            except (psutil.Error, OSError):
                break
            cpu = times.user + times.system
            if found := re.search(r"VmHWM:\s+(\d+) kB", status):
                peak = max(peak, int(found[1]) / 1000)
            time.sleep(0.2)
        if process.wait() != 0:
            sys.exit((folder / "told.log").read_text()[-4000:])
    return {"wall_s": time.monotonic() - started, "cpu_s": cpu, "peak_mb": peak}


def outputs_of(plan: str, results: Path) -> dict[str, dict[str, list[str]]]:
    """Rule -> "rule wildcards" -> output files, from a dry run's words."""
    found: dict[str, dict[str, list[str]]] = {}
    for block in re.split(r"\n(?=(?:local)?rule )", plan):
        rule = re.match(r"(?:local)?rule (\w+):", block)
        written = re.search(r"^    output: (.*)$", block, re.MULTILINE)
        if rule and written:
            wildcards = re.search(r"^    wildcards: (.*)$", block, re.MULTILINE)
            key = " ".join([rule[1], *sorted(wildcards[1].split(", ") if wildcards else [""])])
            paths = [str(results / path) for path in written[1].split(", ")]
            found.setdefault(rule[1], {})[key] = paths
    return found


def main() -> None:
    """Plan, run, tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classes-per-chunk", type=int, default=14)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp") as made:
        folder = Path(made)
        make_project(folder)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        snakemake = [sys.executable, "-P", "-m", "snakemake", "--profile", "slurm", "all"]
        plan = measure([*snakemake, "-n", "--quiet", "all"], folder, environment)
        tell("plan of the paper as configured", plan)

        snakemake += ["--config", f"classes_per_chunk={chosen.classes_per_chunk}"]
        plan = measure([*snakemake, "-n"], folder, environment)
        told = (folder / "told.log").read_text()
        jobs = int(re.findall(r"^total\s+(\d+)", told, re.MULTILINE)[-1])
        tell(f"plan of {jobs} jobs", plan)

        (folder / "outputs").mkdir()
        for rule, outputs in outputs_of(told, folder / "results/paper").items():
            (folder / f"outputs/{rule}.json").write_text(json.dumps(outputs))
            (folder / f"workflow/scripts/{rule}.py").write_text(_EMPTY)
        with Cluster.up(
            folder / "c",
            **{"gpu_nodes": 16, "gpus_per_node": 8, "gpu_cpus": 256, "gpu_mem": 4_000_000},
            **{"cpu_cpus": 256, "cpu_mem": 4_000_000},
        ) as cluster:
            sbatch = folder / "c/bin/sbatch"
            sbatch.write_text(_SBATCH.format(python=sys.executable, folder=folder))
            sbatch.chmod(0o755)
            # No hooks: the check before the first job refuses empty assets.
            run = measure([*snakemake, "--no-hooks"], folder, {**environment, **cluster.variables})
            submitted = len(re.findall("has been submitted", (folder / "told.log").read_text()))
        tell(f"run of {jobs} jobs, {submitted} of them through SLURM", run)
        rate, each = jobs / run["wall_s"] * 60, run["cpu_s"] / jobs * 1000
        print(f"{rate:.0f} jobs/min; {each:.1f} CPU ms of the controller each")


def tell(what: str, figures: dict[str, float]) -> None:
    """Print one measured line."""
    load = os.getloadavg()[0]
    print(
        f"{what}: {figures['wall_s']:.1f} s, {figures['cpu_s']:.1f} CPU s, "
        f"peak {figures['peak_mb']:.0f} MB (load of the machine {load:.1f})",
        flush=True,
    )


if __name__ == "__main__":
    main()
