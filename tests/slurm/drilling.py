"""A tiny attack on a cluster, to be disturbed: two chunks of stage 2 and their merging."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "workflow"))

from projects import Checkout  # noqa: E402 - found through the line above

CELL = "orl/resnet-mini/ls-0.05/n3/s1/ppa"
TARGET = f"attacks/{CELL}/optimised.safetensors"
CHUNKS = ("0-1", "2-3")
# What tells of time, machine and attempts; everything else must repeat to the byte.
TOLD = ("jobs", "logs", "state", ".snakemake")
UNFINISHED = ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING")


def undisturbed(folder):
    """Run the attack once on this machine, without SLURM."""
    checkout = Checkout(folder)
    command = [*checkout.command(TARGET), str(HERE / "drills.yaml")]
    subprocess.run(command, cwd=folder, env=checkout.environment(), check=True, capture_output=True)
    return checkout


def contents(results):
    """Checksum of every file that must repeat."""
    return {
        str(path.relative_to(results)): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in sorted(results.rglob("*"))
        if path.is_file() and path.relative_to(results).parts[0] not in TOLD
    }


def until(condition, what, patience_s=240.0, pause_s=0.1):
    """Wait for a condition and return its value."""
    deadline = time.monotonic() + patience_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not seen within {patience_s:.0f} s: {what}"
        time.sleep(pause_s)
    return value


class Drill:
    """A checkout in which all is done but stage 2, and controllers that finish it on a cluster."""

    def __init__(self, folder, cluster, base):
        self.cluster = cluster
        self.checkout = Checkout(folder)
        self.results = self.checkout.results
        shutil.copytree(base.results, self.results, dirs_exist_ok=True)
        for path in (f"attacks/{CELL}/optimised", f"jobs/run_stage/{CELL}/optimised"):
            shutil.rmtree(self.results / path)
        for path in (TARGET, f"jobs/merge_chunks/{CELL}/optimised.json"):
            (self.results / path).unlink()
        shutil.rmtree(self.results / "state", ignore_errors=True)
        self.expected = contents(base.results)
        self.runs = []
        self.output = self.checkout.folder / "controller.log"

    def start(self, *arguments, resources=(), **variables):
        """Start a controller; its output goes to a file, since it may be killed."""
        rule = "run_stage"
        asked = {"slurm_partition": "gpu", "mem_mb": 700, "runtime": 10, **dict(resources)}
        command = [
            *self.checkout.command(TARGET, "--profile", "slurm", "--config", "scale=tiny"),
            str(HERE / "drills.yaml"),
            *("--set-resources", *(f"{rule}:{key}={value}" for key, value in asked.items())),
            *("--set-threads", f"{rule}=1"),
            *("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "20"),
            *arguments,
        ]
        environment = {
            **self.checkout.environment(),
            **self.cluster.variables,
            "MIRAGE_CHECKPOINT_S": "0.5",
            "MIRAGE_KEEP_S": "0",
            "MIRAGE_PROGRESS_S": "0.2",
            **variables,
        }
        with self.output.open("a") as output:
            run = subprocess.Popen(
                command,
                cwd=self.checkout.folder,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.runs.append(run)
        return run

    def end(self):
        """Leave nothing running."""
        for run in self.runs:
            if run.poll() is None:
                self.kill(run)
        for job in self.jobs():
            if job.state in UNFINISHED:
                self.cluster.run("scancel", str(job.id))

    def finish(self, run, patience_s=600):
        """Wait for a controller's good end and compare every byte."""
        status = run.wait(timeout=patience_s)
        assert status == 0, self.told()[-8000:]
        ours = contents(self.results)
        assert ours == self.expected
        assert not list((self.results / "state").rglob("*.safetensors"))
        assert not list((self.results / "state").rglob("*.claim"))

    def told(self):
        """What the controllers said."""
        return self.output.read_text()

    def jobs(self, chunk=None):
        """SLURM jobs of this drill."""
        home = str(self.checkout.folder)
        ours = [job for job in self.cluster.jobs() if job.log.startswith(home)]
        return [job for job in ours if chunk is None or job.comment.endswith(f"_{chunk}")]

    def log(self, chunk):
        """The log of a chunk's job, so far."""
        path = self.results / f"logs/run_stage/{CELL}/optimised/{chunk}.log"
        return path.read_text() if path.exists() else ""

    def record(self, chunk):
        """The record of a chunk's job."""
        path = self.results / f"jobs/run_stage/{CELL}/optimised/{chunk}.json"
        return json.loads(path.read_text())

    def state(self, chunk):
        """The file in which a chunk's job keeps its state."""
        return self.results / f"state/run_stage/{CELL}/optimised/{chunk}.safetensors"

    def holder(self, chunk):
        """Process number of the job that works on a chunk, read from its claim."""
        path = self.results / f"state/claims/run_stage/{CELL}/optimised/{chunk}.claim"
        with suppress(OSError, ValueError):
            return json.loads(path.read_text())["pid"]

    def under_way(self, *chunks):
        """Wait until chunks are being worked on and have saved state."""
        for chunk in chunks:
            until(lambda c=chunk: self.holder(c) and self.state(c).exists(), f"state of {chunk}")

    def said(self, job):
        """The SLURM log of a job."""
        return Path(job.log.replace("%j", str(job.id))).read_text()

    def submitted(self):
        """Arguments with which the controllers called sbatch, one after another."""
        path = self.checkout.folder / "submitted"
        return path.read_text().splitlines() if path.exists() else []

    @contextmanager
    def standing_still(self, chunk):
        """Stop the process that works on a chunk, as slow as a large one, until SLURM warns it."""
        pid = self.holder(chunk)
        os.kill(pid, signal.SIGSTOP)
        until(lambda: _stands(pid), f"the job of {chunk} stands still")
        yield
        until(lambda: not _stands(pid) or _warned(pid), f"a warning to the job of {chunk}")
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def watch_resumption(self, chunk):
        """Assert that the job which was warned saved all it had, and the next did only the rest."""
        told = "".join(self.said(job) for job in self.jobs(chunk))
        before, warned, after = told.partition("told to stop; the state is saved")
        assert warned
        assert "resuming from" in after
        assert _steps(before)
        assert _steps(after)[0] >= _steps(before)[-1]

    def kill(self, run):
        """SIGKILL a controller and what it runs on this machine, but no job of the cluster."""
        children = psutil.Process(run.pid).children(recursive=True)
        os.killpg(run.pid, signal.SIGKILL)
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        run.wait()

    @contextmanager
    def watching(self):
        """Fail if two jobs for the same chunk are ever seen running at the same time."""
        seen, twins, done = set(), set(), threading.Event()

        def watch():
            while not done.wait(0.5):
                with suppress(subprocess.SubprocessError):
                    running = Counter(j.comment for j in self.jobs() if j.state == "RUNNING")
                    seen.update(running)
                    twins.update(comment for comment, n in running.items() if n > 1)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
        assert len(seen) >= len(CHUNKS)
        assert not twins


def _steps(told):
    """Numbers of done steps that a log tells, in order."""
    return [int(done) for done in re.findall(r"\] [^\n]*: (\d+)/\d+ \(", told)]


def _stands(pid):
    """Whether a process is stopped."""
    return re.search(r"^State:\tT", _status(pid), re.MULTILINE) is not None


def _warned(pid):
    """Whether a SIGTERM waits for a process."""
    pending = re.search(r"^ShdPnd:\t(\w+)", _status(pid), re.MULTILINE)
    return pending is not None and int(pending[1], 16) >> (signal.SIGTERM - 1) & 1


def _status(pid):
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return ""
