"""The warm start: what a job keeps of its own, and what becomes of it when the server does not."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from mirage.runtime import warm

ROOT = Path(__file__).resolve().parents[3]
LIBRARY = ROOT / "workflow/scripts"
START = ROOT / "workflow/start"
ASKER = """
import sys
from mirage.runtime import warm
if warm.wanted() and (status := warm.hand_over(0.0)) is not None:
    sys.exit(status)
exec(open(sys.argv[1] if len(sys.argv) > 1 else "work.py").read())
"""
SHOW = """
import json, os, resource
print(json.dumps({
    "pid": os.getpid(), "warm": "MIRAGE_WARM_FORK" in os.environ, "mask": os.umask(0),
    "processors": sorted(os.sched_getaffinity(0)), "nice": os.getpriority(os.PRIO_PROCESS, 0),
    "files": resource.getrlimit(resource.RLIMIT_NOFILE),
    "core": resource.getrlimit(resource.RLIMIT_CORE),
    "folder": os.getcwd(), "word": os.environ.get("WORD"),
}))
"""


STRANGER = """
import os, socket, sys
os.seteuid(65534)
connection = socket.socket(socket.AF_UNIX)
connection.settimeout(5)  # who merely says nothing is let be for longer
connection.connect(sys.argv[1])
print(connection.recv(10))
"""


class Place:
    """A folder in which scripts are run warm, with a temporary folder of its own."""

    def __init__(self, folder, temporary):
        self.folder, self.temporary = folder, temporary
        (folder / ".snakemake").mkdir()
        (folder / "asker.py").write_text(ASKER)
        self.write(SHOW)
        self.environment = {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(LIBRARY), "TMPDIR": str(temporary),
            "MIRAGE_WARM_IDLE_S": "3", "MIRAGE_RUN": "run-1", "HOME": str(folder),
        }  # fmt: skip

    def write(self, work):
        # The fork runs the asker again, finds that it is inside, and goes on to the work.
        (self.folder / "work.py").write_text(work)

    def start(self, **more):
        before = more.pop("before", None)
        return subprocess.Popen(
            [sys.executable, "-P", str(self.folder / "asker.py")], cwd=self.folder,
            env={**self.environment, **more}, preexec_fn=before, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, **more):
        run = self.start(**more)
        told, problem = run.communicate(timeout=100)
        return run.returncode, told, problem

    def shown(self, **more):
        code, told, problem = self.run(**more)
        assert code == 0, problem
        return json.loads(told)

    @property
    def sockets(self):
        return sorted(self.temporary.rglob("*.sock"))

    def server(self):
        """Process number of the one server."""
        found = subprocess.run(
            ["pgrep", "-f", f"warm_server {self.temporary}"],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(found.stdout.split()[0])


@pytest.fixture
def place(tmp_path):
    for name in ("work", "tmp"):
        (tmp_path / name).mkdir()
    return Place(tmp_path / "work", tmp_path / "tmp")


def test_jobs_share_a_server_and_keep_what_is_theirs(place):
    """Two runs with other masks, processors and limits, one server: each has its own."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    every = sorted(os.sched_getaffinity(0))

    def first():
        os.umask(0o077)
        os.sched_setaffinity(0, every[:1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, hard, 400), hard))

    def second():
        os.umask(0o002)

    one = place.shown(before=first, WORD="a")
    two = place.shown(before=second, WORD="b")
    assert (one["warm"], two["warm"]) == (True, True)
    assert len(place.sockets) == 1
    assert (one["mask"], two["mask"]) == (0o077, 0o002)
    assert (one["processors"], two["processors"]) == (every[:1], every)
    assert (one["files"][0], two["files"][0]) == (min(soft, hard, 400), soft)
    assert (one["word"], two["word"]) == ("a", "b")


def test_what_no_fork_could_undo_has_a_server_of_its_own(place):
    import resource

    def meek():
        os.nice(5)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    usual = place.shown()
    sockets = set(place.sockets)
    slow = place.shown(before=meek)
    sockets |= set(place.sockets)  # a server without work may have left by now
    again = place.shown()
    assert slow["nice"] == usual["nice"] + 5
    assert slow["core"] == [0, 0]
    assert again["nice"] == usual["nice"]
    assert again["core"] == usual["core"]
    assert len(sockets | set(place.sockets)) == 2


def test_a_deep_temporary_folder_is_no_matter(place, tmp_path):
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    began = time.monotonic()
    assert place.shown(TMPDIR=str(deep))["warm"]
    assert time.monotonic() - began < warm.START_S / 2


def test_a_server_that_cannot_start_is_noticed_at_once_and_told_once(place):
    asker = place.folder / "asker.py"
    broken = "import subprocess\nwarm._start = lambda _: subprocess.Popen(['sh', '-c', 'exit 7'])\n"
    asker.write_text(ASKER.replace("if warm.wanted", f"{broken}if warm.wanted"))
    began = time.monotonic()
    outcomes = [place.run() for _ in range(3)]
    assert time.monotonic() - began < warm.START_S / 2
    assert all(code == 0 and not json.loads(told)["warm"] for code, told, _ in outcomes)
    first, *others = [problem for _, _, problem in outcomes]
    assert "jobs start cold, each some seconds later" in first
    assert "the warm server ended at its start, with status 7" in first
    assert first.count("\n") == 1
    assert others == ["", ""]
    # Another run tries again, and tells again.
    assert "jobs start cold" in place.run(MIRAGE_RUN="run-2")[2]


def test_a_server_killed_in_the_middle_of_a_job_leaves_one_line_and_the_job_is_done(place):
    place.write(
        "import os, time, pathlib\n"
        "pathlib.Path(f'begun.{os.getpid()}').touch()\n"
        "time.sleep(600 if 'MIRAGE_WARM_FORK' in os.environ else 0)\n"
        "print('done')\n"
    )
    run = place.start()
    deadline = time.monotonic() + 60
    while not list(place.folder.glob("begun.*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    fork = int(next(place.folder.glob("begun.*")).suffix[1:])
    os.kill(place.server(), signal.SIGKILL)
    told, problem = run.communicate(timeout=60)
    assert (run.returncode, told) == (0, "done\n")
    assert problem.count("\n") == 1
    assert "the warm server ended while this job was at work" in problem
    with pytest.raises(ProcessLookupError):
        os.kill(fork, 0)


def _connected(place):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(place.sockets[0]))
    return connection


def test_who_says_nothing_keeps_nobody_waiting(place):
    place.shown()
    with _connected(place), _connected(place) as other:
        other.sendall(b'{"script": ')  # and no more
        began = time.monotonic()
        assert place.shown()["warm"]
        assert time.monotonic() - began < 9  # less than what a request may take to arrive


@pytest.mark.parametrize(
    "request_", [b"\n", b"nonsense\n", b"[]\n", b'{"script": "x"}\n', b"\xff\xfe\n", b"null\n"]
)
def test_a_wrong_request_harms_nothing(place, request_):
    place.shown()
    before = place.server()
    with _connected(place) as connection:
        connection.sendall(request_)
        assert connection.recv(100) == b""
    assert place.shown()["warm"]
    assert place.server() == before


def test_a_request_without_its_streams_does_not_take_the_socket_away(place):
    place.shown()
    request = {"script": str(place.folder / "asker.py"), "cwd": str(place.folder), "env": {},
               "umask": 0, "processors": [0], "limits": {}}  # fmt: skip
    with _connected(place) as connection:
        connection.sendall(json.dumps(request).encode() + b"\n")
        assert connection.recv(100) == b""
    assert len(place.sockets) == 1
    assert place.shown()["warm"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_other_users_are_not_served(place):
    place.shown()
    assert warm.peer(_connected(place)) == os.getuid()
    # A way to the socket that a stranger may go: the folders of the tests are closed to others.
    way = Path(tempfile.gettempdir()) / f"test-warm-{os.getpid()}.sock"
    os.link(place.sockets[0], way)
    try:
        way.chmod(0o666)
        done = subprocess.run(
            [sys.executable, "-P", "-c", STRANGER, str(way)],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
    finally:
        way.unlink()
    assert done.stdout == "b''\n", done.stderr
    assert place.shown()["warm"]


@pytest.mark.parametrize(
    ("path", "warm"),
    [
        (".snakemake/scripts/tmp0.work.py", True),
        ("scripts/tmp0.work.py", False),  # a program that merely runs beside the workflow
        (".snakemake/scripts/tmp0.verify.py", False),  # needs nothing that a server has loaded
    ],
)
def test_a_job_of_the_workflow_is_handed_over_before_its_first_line(place, path, warm):
    """The first line of a script is run once, by the fork where there is one."""
    script = place.folder / path
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text("import os\nprint(os.getpid())\nraise SystemExit(7)\n")
    searched = f"{LIBRARY}{os.pathsep}{START}"
    run = subprocess.Popen(
        [sys.executable, "-P", str(script)], cwd=place.folder, text=True,
        env={**place.environment, "PYTHONPATH": searched}, stdout=subprocess.PIPE,
    )  # fmt: skip
    told, _ = run.communicate(timeout=100)
    assert run.returncode == 7
    (worker,) = map(int, told.split())
    assert (worker != run.pid) == warm
    assert bool(place.sockets) == warm
