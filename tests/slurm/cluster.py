"""A real SLURM cluster on this machine: its daemons on loopback, its GPUs fake.

    python tests/slurm/cluster.py up FOLDER [--gpu-nodes 2 ...]
    eval "$(python tests/slurm/cluster.py env FOLDER)"       then sbatch, squeue, snakemake
    python tests/slurm/cluster.py status|down FOLDER
    python tests/slurm/cluster.py kill-node|start-node FOLDER NODE

In tests: ``with Cluster.up(folder, gpu_nodes=2) as cluster:``. Several clusters may run side by
side; everything of one lies in its folder. SLURM counts, hands out and numbers the GPUs as real
ones (CUDA_VISIBLE_DEVICES). There is no accounting: no sacct. The command exits with status 77
where SLURM is not installed and cannot be installed.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

sys.path.insert(0, str(Path(__file__).resolve().parent))  # as a command in safe-path mode

import packages
import slurm_config
from slurm_config import Settings

_MARK = "MIRAGE_TEST_CLUSTER"  # in each daemon's environment: no other process is ever signalled
_PATIENCE_S = 60.0
_TIMES = ("StartTime", "EndTime", "TimeLimit")
_GRES = ("tres-per-job", "tres-per-node", "tres-per-task")
_FIELDS = ("JobID", "Name", "Partition", "State", "NodeList", *_TIMES, *_GRES, "STDOUT", "Comment")


@dataclass(frozen=True)
class Job:
    """A job as squeue shows it; finished ones stay for ``min_job_age`` seconds.

    Times are SLURM's text (ISO 8601, local, whole seconds) or ``N/A``; ``gres`` is what was asked
    for, such as ``gres:gpu:1``, and ``gpus`` the number in it; ``comment`` is the rule and the
    wildcards of a Snakemake job.
    """

    id: int
    name: str
    partition: str
    state: str
    node: str
    start: str
    end: str
    limit: str
    gres: str
    gpus: int
    log: str
    comment: str


class Cluster:
    """A running cluster; leaving its ``with`` block takes it down and removes its folder."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings

    @classmethod
    def up(cls, folder: Path | str, **settings: int | str | bool) -> Self:
        """Start a cluster in a folder, made if need be; one that is damaged is repaired.

        Args:
            folder: 50 characters at most, since UNIX sockets lie below it; no blanks.
            **settings: see :class:`slurm_config.Settings`; ignored if the folder has a cluster.

        Raises:
            packages.UnavailableError: no SLURM here.
        """
        folder = Path(folder).absolute()
        if len(str(folder)) > 50 or not re.fullmatch(r"[\w./+-]+", str(folder)):
            raise ValueError(f"want a path of 50 characters at most, no blanks: {folder}")
        packages.ensure()
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        if (folder / "etc/settings.json").exists():
            cluster = cls.at(folder)
        else:
            cluster = cls(folder, Settings(**settings))  # type: ignore[arg-type]
            slurm_config.write(folder, cluster.settings)
            saved = json.dumps(dataclasses.asdict(cluster.settings))
            (folder / "etc/settings.json").write_text(saved)
        try:
            cluster._start()
        except TimeoutError as late:
            cluster._stop_daemons()
            raise RuntimeError(f"{late}; the daemons' logs are in {folder}/log") from None
        return cluster

    @classmethod
    def at(cls, folder: Path | str) -> Self:
        """The cluster that was started in a folder, by whatever process."""
        folder = Path(folder).absolute()
        saved = folder / "etc/settings.json"
        if not saved.exists():
            raise FileNotFoundError(f"no cluster was brought up in {folder}")
        return cls(folder, Settings(**json.loads(saved.read_text())))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    @property
    def variables(self) -> dict[str, str]:
        """What the environment of a user of this cluster needs, apart from the rest of it."""
        path = [part for part in os.environ["PATH"].split(":") if part != f"{self.folder}/bin"]
        return {
            "SLURM_CONF": f"{self.folder}/etc/slurm.conf",
            "PATH": ":".join([f"{self.folder}/bin", *path]),
        }

    def environment(self) -> dict[str, str]:
        """This process's environment, pointed at the cluster."""
        return {**os.environ, **self.variables}

    def run(self, *command: str, check: bool = True, timeout: float = 30.0) -> str:
        """Run a command (squeue, scancel, ...) on the cluster and return what it printed."""
        return subprocess.run(
            command,
            env=self.environment(),
            check=check,
            capture_output=True,
            text=True,
            timeout=timeout,
        ).stdout

    def jobs(self) -> list[Job]:
        """All jobs SLURM still knows, finished ones too, oldest first."""
        fields = ",".join(f"{field}:600@@" for field in _FIELDS)
        told = self.run("squeue", "--noheader", "--states=all", "--sort=i", "-O", fields)
        return [_job(line) for line in told.splitlines() if line.strip()]

    def node_states(self) -> dict[str, str]:
        """State of each node, such as idle, mixed, allocated, down*."""
        told = self.run("sinfo", "--noheader", "--Node", "-o", "%N %T")
        return dict(line.split() for line in told.splitlines())

    def kill_node(self, name: str) -> None:
        """Let a node die as by power failure: its slurmd and all processes of its jobs vanish."""
        daemon = self._pid(f"slurmd-{name}")
        if daemon is None:
            raise RuntimeError(f"no slurmd of {name} is running")
        os.kill(daemon, signal.SIGKILL)
        self._kill_job_processes(name)
        (self.folder / f"run/slurmd-{name}.pid").unlink(missing_ok=True)
        for leftover in (self.folder / "spool" / name).glob(f"{name}_*"):
            leftover.unlink()

    def start_node(self, name: str) -> None:
        """Bring a dead node back and wait until it takes work."""
        self._start_slurmd(name)
        _await(f"node {name}", lambda: _ready(self.node_states().get(name, "")))

    def stop_controller(self) -> None:
        """Stop slurmctld: sbatch, squeue and scancel fail (after some ten seconds each) until it
        is started again; running jobs go on."""
        self._stop("slurmctld")

    def start_controller(self) -> None:
        """Start slurmctld (again), with the jobs it had."""
        if self._pid("slurmctld") is None:
            self._launch(f"{self.folder}/sbin/slurmctld")
        _await("slurmctld", lambda: "UP" in self.run("scontrol", "ping", check=False))

    def down(self, keep: bool = False) -> None:
        """Cancel all jobs, stop the daemons; remove the folder unless ``keep``."""
        if self._pid("slurmctld") is not None:
            with contextlib.suppress(subprocess.SubprocessError, TimeoutError):
                self._cancel_all()
        self._stop_daemons()
        self._kill_job_processes()
        if keep:
            (self.folder / "etc/settings.json").unlink(missing_ok=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    # ------------------------------------------------------------------------- daemons

    def _start(self) -> None:
        self._start_munged()
        self.start_controller()
        for name in self.settings.nodes:
            self._start_slurmd(name)
        _await(
            "nodes",
            lambda: (
                set(states := self.node_states()) == set(self.settings.nodes)
                and all(map(_ready, states.values()))
            ),
        )

    def _start_munged(self) -> None:
        if self._pid("munged") is not None:
            return
        key, run = self.folder / "key", self.folder / "run"
        if not (key / "munge.key").exists():
            (key / "munge.key").write_bytes(os.urandom(128))
            (key / "munge.key").chmod(0o600)
        for stale in run.glob("munge.sock*"):
            stale.unlink()
        self._launch(
            "/usr/sbin/munged",
            "--force",  # also below a folder that only its owner may enter, as pytest's
            f"--key-file={key}/munge.key",
            f"--seed-file={key}/munged.seed",
            f"--socket={run}/munge.sock",
            f"--pid-file={run}/munged.pid",
            f"--log-file={self.folder}/log/munged.log",
        )
        _await("munged", lambda: (run / "munge.sock").exists())

    def _start_slurmd(self, name: str) -> None:
        if self._pid(f"slurmd-{name}") is not None:
            return
        (self.folder / "spool" / name).mkdir(exist_ok=True)
        stepd = f"{self.folder}/sbin/slurmstepd"
        self._launch(f"{self.folder}/sbin/slurmd", "-N", name, "-d", stepd)

    def _launch(self, *command: str) -> None:
        """Run a program that leaves a daemon behind; what it says goes to a file, since a pipe
        would stay open as long as the daemon."""
        said = self.folder / "log/start.log"
        with said.open("a") as log:
            status = subprocess.call(
                command,
                env={**self.environment(), _MARK: str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        if status:
            raise RuntimeError(f"{command[0]} did not start: {said.read_text()[-500:]}")

    def _pid(self, name: str) -> int | None:
        """A daemon's process, if it lives and was started for this cluster."""
        try:
            pid = int((self.folder / f"run/{name}.pid").read_text())
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if f"{_MARK}={self.folder}".encode() in environment else None

    def _stop_daemons(self) -> None:
        nodes = [path.stem for path in (self.folder / "run").glob("slurmd-*.pid")]
        for name in [*nodes, "slurmctld", "munged"]:
            self._stop(name)

    def _stop(self, name: str) -> None:
        pid = self._pid(name)
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        try:
            _await(f"end of {name}", lambda: self._pid(name) is None, 15)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)

    def _cancel_all(self) -> None:
        unfinished = ("squeue", "--noheader", "--states=PD,R,CG,S,CF")
        self.run("scancel", "--quiet", f"--user={os.getuid()}")
        with contextlib.suppress(TimeoutError):
            _await("end of the jobs", lambda: not self.run(*unfinished).strip(), 10)

    # -------------------------------------------------------------------- jobs' processes

    def _kill_job_processes(self, node: str | None = None) -> None:
        for pid, its_node in self._job_processes():
            if node in {None, its_node}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _job_processes(self) -> Iterator[tuple[int, str]]:
        """Processes of this cluster's jobs, each with its node.

        What a job started has the node's name and our slurm.conf in its environment. A slurmstepd
        overwrites its environment with its title, but keeps its node's log open.
        """
        ours = f"SLURM_CONF={self.folder}/etc/slurm.conf".encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "comm").read_text().startswith("slurmstepd"):
                    opened = [link.readlink() for link in (process / "fd").iterdir()]
                    logs = [path for path in opened if path.parent == self.folder / "log"]
                    if logs:
                        yield int(process.name), logs[0].stem.removeprefix("slurmd-")
                    continue
                environment = (process / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            nodes = [e for e in environment if e.startswith(b"SLURMD_NODENAME=")]
            if ours in environment and nodes:
                yield int(process.name), nodes[0].split(b"=", 1)[1].decode()


def _job(line: str) -> Job:
    fields = [field.strip() for field in line.split("@@")]
    number, name, partition, state, node, start, end, limit, *tres, log, comment, _ = fields
    gres = ",".join(request for request in tres if request != "N/A")
    return Job(
        id=int(number),
        name=name,
        partition=partition,
        state=state,
        node=node,
        start=start,
        end=end,
        limit=limit,
        gres=gres,
        gpus=sum(map(int, re.findall(r"gpu(?::[a-z]\w*)?:(\d+)", gres))),
        log=log.replace("%j", number),
        comment=comment,
    )


def _ready(state: str) -> bool:
    return state in {"idle", "mixed", "allocated", "completing"}


def _await(what: str, condition: Callable[[], bool], patience_s: float = _PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while True:
        with contextlib.suppress(subprocess.SubprocessError):
            if condition():
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not seen within {patience_s:.0f} s")
        time.sleep(0.1)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up")
    up.add_argument("folder", type=Path)
    for field in dataclasses.fields(Settings):
        flag = f"--{field.name.replace('_', '-')}"
        if isinstance(field.default, bool):
            up.add_argument(flag, action="store_true")
        else:
            up.add_argument(flag, type=type(field.default), default=field.default)
    for name in ("env", "status", "down", "kill-node", "start-node"):
        command = commands.add_parser(name)
        command.add_argument("folder", type=Path)
        if name.endswith("node"):
            command.add_argument("node")
    options = vars(parser.parse_args())
    command, folder = options.pop("command"), options.pop("folder")
    if command == "up":
        try:
            Cluster.up(folder, **options)
        except packages.UnavailableError as reason:
            print(f"no SLURM: {reason}", file=sys.stderr)
            return packages.SKIPPED
        return 0
    cluster = Cluster.at(folder)
    if command == "env":
        for name, value in cluster.variables.items():
            print(f"export {name}={shlex.quote(value)}")
    elif command == "status":
        print(cluster.run("sinfo", "-N", "-o", "%N %P %T %c %m %G"), end="")
        print(cluster.run("squeue", "-o", "%i %P %T %M %N %k"), end="")
    elif command == "down":
        cluster.down()
    elif command == "kill-node":
        cluster.kill_node(options["node"])
    else:
        cluster.start_node(options["node"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
