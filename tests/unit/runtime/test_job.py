"""A job's log, record and exit status; cold and as a fork of the warm server."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

WORKFLOW = Path(__file__).resolve().parents[3] / "workflow"
LIBRARY, START = WORKFLOW / "scripts", WORKFLOW / "start"
SCRIPT = """
import sys, time, types
from pathlib import Path
from mirage.errors import Interrupted, MirageError
from mirage.runtime import job

class Named(list):
    def __init__(self, **named):
        super().__init__(named.values())
        self.named = named
    def keys(self): return self.named.keys()
    def items(self): return self.named.items()
    def __getitem__(self, key):
        return self.named[key] if isinstance(key, str) else super().__getitem__(key)

class Code:
    def of(self, rule, settings):
        return f"{{rule}}: {{settings}}"

task = types.SimpleNamespace(
    rule="try", input=Named(), output=Named(job="job.json"), params=Named(alpha=0.1),
    wildcards=Named(cell="x"), log=Named(log="try.log"), threads=1,
    config={{"code": Code()}},
)

def work(task):
    {body}

job.run(work, task)
"""


@pytest.fixture(scope="module")
def at_work(tmp_path_factory):
    """The folder of all jobs here: a server is that of a folder, and takes seconds to start."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(params=["cold", "warm"])
def run(request, at_work, monkeypatch):
    """Start a job whose work is the given line, in an empty folder."""
    monkeypatch.setenv("MIRAGE_WARM", "1" if request.param == "warm" else "0")
    monkeypatch.setenv("MIRAGE_WARM_IDLE_S", "5")
    monkeypatch.setenv("PYTHONPATH", f"{LIBRARY}{os.pathsep}{START}")
    shutil.rmtree(at_work)
    scripts = at_work / ".snakemake/scripts"
    scripts.mkdir(parents=True)

    def start(body):
        script = scripts / "tmp0.try.py"
        script.write_text(SCRIPT.format(body=body))
        return subprocess.Popen(
            [sys.executable, str(script)],
            cwd=at_work,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    start.folder, start.warm = at_work, request.param == "warm"
    return start


def test_a_record_is_left(run):
    process = run("return {'figure': 0.5}")
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "[try x] done in" in told
    assert "figure 0.5" in told
    record = json.loads((run.folder / "job.json").read_text())
    assert record["params"] == {"alpha": 0.1}
    assert record["code"] == "try: {'alpha': 0.1}"
    assert record["wall_s"] >= 0
    assert record["startup_s"] > 0
    assert record["versions"]["torch"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("raise MirageError('x.pt is missing', 'a file', 'make it')", 1,
         "x.pt is missing. Expected: a file. Make it."),
        ("raise Interrupted", 143, "the state is saved"),
        ("raise KeyboardInterrupt", 143, "nothing half-written is left"),
        ("raise ZeroDivisionError", 1, "unexpected error"),
    ],
)  # fmt: skip
def test_endings(run, body, status, message):
    process = run(body)
    _, told = process.communicate(timeout=120)
    assert process.returncode == status
    assert message in told
    assert message in (run.folder / "try.log").read_text()
    assert not (run.folder / "job.json").exists()
    assert ("Traceback" in told) == ("unexpected" in message)


def test_a_signal_reaches_the_work(run):
    process = run("Path('begun').touch(); time.sleep(60)")
    while not (run.folder / "begun").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 143


def test_the_work_dies_with_its_face(run):
    process = run(
        "import os; Path('t').write_text(str(os.getpid())); Path('t').rename('pid'); time.sleep(60)"
    )
    while not (run.folder / "pid").exists():
        time.sleep(0.02)
    worker = int((run.folder / "pid").read_text())
    assert (worker != process.pid) == run.warm
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while psutil.pid_exists(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(worker)


def test_the_server_leaves_when_idle(run):
    process = run("import os; Path('parent').write_text(str(os.getppid()))")
    process.communicate(timeout=120)
    server = int((run.folder / "parent").read_text())
    if run.warm:
        assert server != os.getpid()
        deadline = time.monotonic() + 15
        while psutil.pid_exists(server) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not psutil.pid_exists(server)
    else:
        assert server == os.getpid()


def test_a_second_job_takes_over_what_the_first_finished(run, monkeypatch):
    monkeypatch.setenv("MIRAGE_KEEP_S", "0")
    work = "Path('made').touch()"
    process = run(work)
    process.communicate(timeout=120)
    first = (run.folder / "job.json").read_text()
    (run.folder / "job.json").unlink()  # as Snakemake does before it starts a job
    (run.folder / "made").unlink()
    process = run(work)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "its outputs are taken over" in told
    assert (run.folder / "job.json").read_text() == first
    assert not (run.folder / "made").exists()  # the work itself was not done again


def test_short_work_is_not_kept(run):
    run("pass").communicate(timeout=120)
    assert not (run.folder / "state/finished").exists()


def test_a_second_job_waits_for_the_first(run):
    first = run("Path('begun').touch(); time.sleep(3)")
    while not (run.folder / "begun").exists():
        time.sleep(0.02)
    second = run("pass")
    _, told = second.communicate(timeout=120)
    assert first.wait(timeout=30) == second.returncode == 0
    assert "is at the same work" in told
