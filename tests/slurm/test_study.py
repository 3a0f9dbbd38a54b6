"""The study through ``snakemake --profile slurm`` on a real SLURM, held to a run without one.

By default with fewer seeds; with MIRAGE_TEST_SLURM=full the whole demo, which takes long.
"""

import hashlib
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml
from cluster import Cluster
from projects import ROOT, Checkout
from watching import Watch, most_gpus_at_once, rule_of

FULL = os.environ.get("MIRAGE_TEST_SLURM") == "full"
FEWER = Path(__file__).parent / "fewer.yaml"
GPU_RULES = {
    "train_target", "synthesise_pool", "run_stage", "embed_real", "embed_attack",
    "measure_attack", *(["measure_target"] if FULL else []),
}  # fmt: skip
CPU_RULES = {
    "prepare_store", "prepare_view", "check_data", "run_toy", "score_attack", "calibrate_faces",
    "fit_reference",
}  # fmt: skip
ITEMS = ("table1", "table2", "figure3", "spread", "toy", "interval")
"""What fewer cells are enough for."""
NODES, GPUS_PER_NODE = 2, 2
# What tells of time and machine; everything else must repeat to the byte.
TOLD = {"jobs", "logs", "state", ".snakemake", "report.html", ".report.html.xxh3"}


def _command(*arguments):
    command = [sys.executable, "-P", "-m", "snakemake", "all", *arguments]
    # A --configfile on the command line replaces the profile's, so this is the plain demo.
    command += ["--configfile", "config.yaml" if FULL else str(FEWER)]
    chunks = [] if FULL else ["classes_per_chunk=12"]
    return [*command, "--config", "scale=demo", "device=cpu", *chunks]


def _checkout(folder):
    """A copy of the project; with fewer seeds also with fewer items, which other cells make."""
    checkout = Checkout(folder)
    if not FULL:
        path = folder / "config.yaml"
        config = yaml.safe_load(path.read_text())
        demo = config["scales"]["demo"]
        demo["paper"] = {name: demo["paper"][name] for name in ITEMS}
        path.write_text(yaml.safe_dump(config))
    return checkout


def _run(checkout, command, environment):
    started = time.monotonic()
    log = checkout.folder / "snakemake.log"
    with log.open("w") as told:
        status = subprocess.call(
            command,
            cwd=checkout.folder,
            env={**checkout.environment(), **environment},
            stdout=told,
            stderr=told,
        )
    assert status == 0, log.read_text()[-6000:]
    return time.monotonic() - started


class Finished:
    """A checkout whose study ran on a cluster, and what was seen of the cluster meanwhile."""

    def __init__(self, folder):
        self.checkout = _checkout(folder)
        with Cluster.up(
            folder / "c",
            gpu_nodes=NODES,
            gpus_per_node=GPUS_PER_NODE,
            gpu_cpus=64,
            cpu_cpus=64,
            gpu_mem=2_000_000,
            cpu_mem=2_000_000,
        ) as cluster:
            command = _command(
                *("--profile", "slurm"),
                *("--slurm-init-seconds-before-status-checks", "5"),
                # The same number of threads as without a cluster: it is part of the arithmetic.
                *("--set-threads", "prepare_store=2"),
            )
            with Watch(cluster) as watch:
                self.wall_s = _run(self.checkout, command, cluster.variables)
        self.watch = watch
        self.jobs = list(watch.jobs.values())
        print(
            f"\n{len(self.jobs)} jobs through SLURM in {self.wall_s / 60:.1f} min, "
            f"at most {most_gpus_at_once(self.jobs)} of {NODES * GPUS_PER_NODE} GPUs at once"
        )


@pytest.fixture(scope="module")
def finished(short_module_folder):
    return Finished(short_module_folder)


def test_each_job_asks_for_what_it_needs_once(finished):
    asked = {(rule_of(job), job.partition, job.gres) for job in finished.jobs}
    assert asked == {(rule, "gpu", "gres:gpu:1") for rule in GPU_RULES} | {
        (rule, "cpu", "") for rule in CPU_RULES
    }
    assert {job.state for job in finished.jobs} == {"COMPLETED"}
    assert max(Counter(job.comment for job in finished.jobs).values()) == 1
    assert all(job.gpus == (job.partition == "gpu") for job in finished.jobs)


def test_never_more_gpu_jobs_than_gpus(finished):
    most = most_gpus_at_once(finished.jobs)
    assert finished.watch.most_gpus_seen <= most == NODES * GPUS_PER_NODE


def test_chunks_spread_over_the_nodes(finished):
    for result in ("optimised", "selected"):
        nodes = Counter(job.node for job in finished.jobs if f"_{result}_" in job.comment)
        assert set(nodes) == {"gpu1", "gpu2"}
        assert min(nodes.values()) > sum(nodes.values()) / 4
    assert {job.node for job in finished.jobs if rule_of(job) in CPU_RULES} == {"cpu1"}


def test_logs_lie_where_they_are_said_to_lie(finished):
    folder = finished.checkout.folder
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    told = (folder / "snakemake.log").read_text()
    for job in finished.jobs:
        log = folder / profile["slurm-logdir"] / f"rule_{rule_of(job)}"
        assert log in Path(job.log).parents
        assert Path(job.log).stat().st_size > 0
        assert f"(log: {job.log})" in told
    logs = folder / "results/demo/logs"
    for record in (folder / "results/demo/jobs").rglob("*.json"):
        name = record.relative_to(folder / "results/demo/jobs").with_suffix(".log")
        assert (logs / name).exists()


def test_the_bytes_are_those_of_a_run_without_a_cluster(finished, tmp_path):
    alone = _checkout(tmp_path)
    seconds = _run(alone, _command(), {})
    print(f"\nthe same without a cluster: {seconds / 60:.1f} min")
    expected, found = (_contents(c.folder / "results/demo") for c in (alone, finished.checkout))
    assert found == expected
    assert len(expected) > 100


def _contents(results):
    return {
        str(path.relative_to(results)): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in sorted(results.rglob("*"))
        if path.is_file() and path.relative_to(results).parts[0] not in TOLD
    }
