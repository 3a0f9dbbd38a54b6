"""What a test cluster consists of, as SLURM's configuration files say it."""

import os
import pwd
import random
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "lab"
_SRUN_PORTS = 100
_FIRST_PORT, _LAST_PORT = 17000, 30000  # below the range the kernel hands out by itself


@dataclass(frozen=True)
class Settings:
    """Size and habits of a cluster. CPUs and memory are declared, not measured.

    Attributes:
        gpu_nodes: nodes gpu1, gpu2, ... in partition ``gpu``.
        gpus_per_node: fake GPUs on each of them.
        gpu_type: GRES type of the fake GPUs; empty for none.
        gpu_cpus: CPUs of a GPU node.
        gpu_mem: memory of a GPU node, MB.
        cpu_nodes: nodes cpu1, cpu2, ... in partition ``cpu``, the default one.
        cpu_cpus: CPUs of a CPU node.
        cpu_mem: memory of a CPU node, MB.
        max_time: longest time limit of both partitions, minutes; 0 for none.
        min_job_age: seconds for which finished jobs are remembered.
        urgent: add a partition ``urgent`` over the GPU nodes, whose jobs preempt (requeue) those
            of ``gpu``, half a minute after they were submitted.
    """

    gpu_nodes: int = 2
    gpus_per_node: int = 1
    gpu_type: str = ""
    gpu_cpus: int = 4
    gpu_mem: int = 16000
    cpu_nodes: int = 1
    cpu_cpus: int = 4
    cpu_mem: int = 16000
    max_time: int = 0
    min_job_age: int = 300
    urgent: bool = False

    @property
    def nodes(self) -> list[str]:
        """Names of all nodes."""
        return [f"gpu{i + 1}" for i in range(self.gpu_nodes)] + [
            f"cpu{i + 1}" for i in range(self.cpu_nodes)
        ]


def write(folder: Path, settings: Settings) -> None:
    """Write slurm.conf, gres.conf, fake devices and the srun wrapper below a folder."""
    for name in ("bin", "sbin", "etc", "run", "log", "state", "spool", "dev", "key"):
        (folder / name).mkdir(mode=0o700 if name in {"key", "state"} else 0o755, exist_ok=True)
    ports = free_ports(1 + len(settings.nodes) + _SRUN_PORTS)
    (folder / "etc/gres.conf").write_text(_gres(folder, settings))
    (folder / "etc/slurm.conf").write_text(
        _main(folder, ports, settings)
        + "".join(_node(settings, name, ports + 1 + i) for i, name in enumerate(settings.nodes))
        + _partitions(settings)
    )
    _write_srun(folder)
    _link_daemons(folder)


def free_ports(count: int) -> int:
    """First of a block of TCP ports of which none is taken; somewhere at random, so that two
    clusters that start at the same time do not choose the same one."""
    for _ in range(200):
        first = random.SystemRandom().randrange(_FIRST_PORT, _LAST_PORT - count)
        if all(_free(port) for port in range(first, first + count)):
            return first
    raise RuntimeError(f"no {count} free TCP ports in a row found")


def _free(port: int) -> bool:
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _main(folder: Path, ports: int, settings: Settings) -> str:
    host = socket.gethostname().split(".")[0]
    user = pwd.getpwuid(os.getuid()).pw_name
    srun = ports + 1 + len(settings.nodes)
    preemption = "PreemptType=preempt/partition_prio\nPreemptMode=REQUEUE\n"
    return f"""\
ClusterName=mirage
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports}
SrunPortRange={srun}-{srun + _SRUN_PORTS - 1}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/run/munge.sock
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
MailProg=/bin/true
AccountingStorageType=accounting_storage/none
# no cgroups, no affinity, no MPI
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
PropagateResourceLimits=NONE
# CPUs, memory and GPUs are consumed; this file is believed, not the hardware
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
DefMemPerCPU=500
# short reaction times
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=200000,sched_interval=5,bf_interval=5
SlurmdTimeout=10
KillWait=5
ReturnToService=2
MinJobAge={settings.min_job_age}
MaxJobCount=20000
JobRequeue=1
{preemption if settings.urgent else ""}"""


def _node(settings: Settings, name: str, port: int) -> str:
    host = socket.gethostname().split(".")[0]
    gpu = name.startswith("gpu")
    cpus, memory = (
        (settings.gpu_cpus, settings.gpu_mem) if gpu else (settings.cpu_cpus, settings.cpu_mem)
    )
    typed = f"{settings.gpu_type}:" if settings.gpu_type else ""
    gres = f" Gres=gpu:{typed}{settings.gpus_per_node}" if gpu and settings.gpus_per_node else ""
    return (
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} "
        f"CPUs={cpus} RealMemory={memory}{gres}\n"
    )


def _partitions(settings: Settings) -> str:
    limit = f"MaxTime={settings.max_time or 'INFINITE'}"
    text = ""
    if settings.cpu_nodes:
        text += f"PartitionName=cpu Nodes=cpu[1-{settings.cpu_nodes}] Default=YES {limit}\n"
    if settings.gpu_nodes:
        nodes = f"Nodes=gpu[1-{settings.gpu_nodes}]"
        default = "NO" if settings.cpu_nodes else "YES"
        text += f"PartitionName=gpu {nodes} Default={default} PriorityTier=1 {limit}\n"
        if settings.urgent:
            text += f"PartitionName=urgent {nodes} PriorityTier=9 PreemptMode=OFF {limit}\n"
    return text


def _gres(folder: Path, settings: Settings) -> str:
    """One line per node kind. Each GPU needs a file of its own, or its node becomes INVAL."""
    if not (settings.gpu_nodes and settings.gpus_per_node):
        return ""
    for i in range(settings.gpus_per_node):
        device = folder / f"dev/nvidia{i}"
        try:
            os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))  # a second /dev/null
        except OSError:
            device.touch()
    kind = f"Type={settings.gpu_type} " if settings.gpu_type else ""
    last = settings.gpus_per_node - 1
    files = f"{folder}/dev/nvidia" + (f"[0-{last}]" if last else "0")
    return f"AutoDetect=off\nNodeName=gpu[1-{settings.gpu_nodes}] Name=gpu {kind}File={files}\n"


def _write_srun(folder: Path) -> None:
    """Snakemake calls srun inside each job without SLURM_CONF; on a machine whose SLURM is not
    configured in /etc it would find no cluster."""
    wrapper = folder / "bin/srun"
    wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/etc/slurm.conf exec /usr/bin/srun "$@"\n')
    wrapper.chmod(0o755)


def _link_daemons(folder: Path) -> None:
    """The real daemons under their plain names: where Debian's emulator is installed too, the
    plain names in /usr/sbin mean the emulator, and a daemon looks at its own name."""
    for name in ("slurmctld", "slurmd", "slurmstepd"):
        real = Path(f"/usr/sbin/{name}-wlm")
        link = folder / "sbin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(real if real.exists() else f"/usr/sbin/{name}")
