"""Which GPU a job gets on a machine whose scheduler counts GPUs but assigns none.

Snakemake lets at most ``gpu: N`` jobs run at once and leaves it to them which device each takes.
Here a job takes the first free one and holds a kernel lock (``flock``) on a file named for it, so
whatever ends the job, SIGKILL included, frees the device. The files lie in a folder of this user
on this machine, so two Snakemakes side by side share the devices. With fewer than two devices, as
in a job of SLURM, which assigns one itself, nothing happens.

All this must come before CUDA is first asked, which sees the devices that ``CUDA_VISIBLE_DEVICES``
names at that moment and no others.
"""

import fcntl
import logging
import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from mirage.errors import MirageError
from mirage.runtime import effort
from mirage.runtime.private import private_folder
from mirage.visible import listed

_log = logging.getLogger("mirage")
_VISIBLE = "CUDA_VISIBLE_DEVICES"
_ASK_S = 60.0  # nvidia-smi may take long on a machine with many devices


@dataclass(frozen=True)
class Slot:
    """A device this process holds for as long as the file stays open.

    Attributes:
        device: its name: an index, a GPU's UUID or that of a MIG instance.
        file: the open, locked file.
    """

    device: str
    file: IO[str]


_held: Slot | None = None


def settle(poll_s: float = 1.0) -> str | None:
    """Take a device for this process and hide the others from CUDA; wait while none is free.

    Args:
        poll_s: seconds between two looks for a free device.

    Returns:
        The device's name; None where there is nothing to choose.
    """
    global _held
    if _held is None:
        choice = devices(os.environ)
        if len(choice) < 2:
            return None
        _held = take(choice)
        if _held is None:
            _log.info("all %d GPUs are taken (%s): waiting", len(choice), _holders(choice))
            with effort.waiting():
                while (_held := take(choice)) is None:
                    time.sleep(poll_s)
        os.environ[_VISIBLE] = _held.device
        _log.info("GPU %s", _held.device)
    return _held.device


def held() -> str | None:
    """Name of the device this process holds; None if it holds none."""
    return _held.device if _held else None


def offer(names: Sequence[str] | None) -> None:
    """Restrict this process and its children to some devices, most preferred first.

    None restricts nothing; under SLURM the devices that SLURM assigned stand.
    """
    if names and "SLURM_JOB_ID" not in os.environ and held() is None:
        os.environ[_VISIBLE] = ",".join(map(str, names))


def devices(environment: Mapping[str, str]) -> list[str]:
    """List the devices a job may choose from, most preferred first.

    Args:
        environment: ``CUDA_VISIBLE_DEVICES`` in it restricts them, with CUDA's own meaning: names
            count up to the first negative or empty one. Without it, all of the machine's, but none
            in a job of SLURM, which names in it what the job may use.

    Returns:
        UUIDs where ``nvidia-smi`` can be asked, so that one device has one name however the user
        writes it (numbers are those of ``nvidia-smi``); otherwise the names as they stand.

    Raises:
        MirageError: a name is not one of the machine's devices, or stands twice.
    """
    told = environment.get(_VISIBLE)
    if told is None:
        return [] if "SLURM_JOB_ID" in environment else [uuid for _, uuid in inventory()]
    names = _named(told)
    if len(names) < 2:
        return names
    known = inventory()
    full = [_full_name(name, known) for name in names]
    if len(set(full)) < len(full):
        raise MirageError(
            f"{_VISIBLE} or gpu_ids names a GPU twice: {told}",
            remedy="name each device once; one job runs on each",
        )
    return full


def inventory() -> list[tuple[str, str]]:
    """Number and UUID of every device of this machine; empty without ``nvidia-smi``."""
    try:
        told = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=_ASK_S
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return read_inventory(told)


def read_inventory(told: str) -> list[tuple[str, str]]:
    """Read the answer of ``nvidia-smi -L``; a GPU split by MIG stands for its instances."""
    found: list[tuple[str, str]] = []
    for block in re.split(r"^(?=GPU \d+:)", told, flags=re.MULTILINE):
        uuids = re.findall(r"\(UUID: ([^)]+)\)", block)
        number = re.match(r"GPU (\d+):", block)
        if number:
            found += [(number[1], uuid) for uuid in uuids[1:] or uuids]
    return found


def take(choice: Sequence[str]) -> Slot | None:
    """Take the first free device of ``choice``; None if there is none."""
    for device in choice:
        path = _lock_file(device)
        file = _opened(path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A cleaner of old files may have removed the name while we were opening it.
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                file.truncate(0)
                file.write(f"{os.environ.get('MIRAGE_JOB', 'a job')}, process {os.getpid()}")
                file.flush()
                return Slot(device, file)
        except (BlockingIOError, FileNotFoundError):
            pass
        file.close()
    return None


def _opened(path: Path) -> IO[str]:
    """Open a lock's file.

    Raises:
        MirageError: something else lies at its place, or it cannot be written.
    """
    try:
        # Through no link, and no pipe: neither would be the lock that others see.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return open(os.open(path, flags, 0o600), "a+", encoding="utf-8")  # noqa: PTH123
    except OSError as error:
        raise MirageError(
            f"{path} cannot be used as the lock of a GPU: {error.strerror}",
            "a file of ours",
            "remove it, or set MIRAGE_SLOTS to another folder of your own",
        ) from error


def _named(told: str) -> list[str]:
    names = []
    for name in map(str.strip, told.split(",")):
        if not name or name.startswith("-") or name == "NoDevFiles":
            break
        names.append(name)
    return names


def _full_name(name: str, known: Sequence[tuple[str, str]]) -> str:
    """Return the UUID behind a number or the beginning of a UUID, both of which CUDA takes."""
    if not known:
        return name
    fits = [uuid for number, uuid in known if name == number or uuid.startswith(name)]
    exact = [uuid for uuid in fits if uuid == name]
    if len(exact or fits) != 1:
        raise MirageError(
            f"GPU {name} of {_VISIBLE} or gpu_ids is {'several' if fits else 'none'} of this "
            "machine's devices",
            expected=listed(f"{number} ({uuid})" for number, uuid in known),
            remedy="name devices by the numbers or UUIDs that nvidia-smi -L prints",
        )
    return (exact or fits)[0]


def _lock_file(device: str) -> Path:
    return _folder() / f"gpu-{quote(device, safe='')}.lock"


def _folder() -> Path:
    """Where the locks lie: the same for all jobs of this user on this machine.

    Not in TMPDIR, which may differ between two Snakemakes, and not in the session's runtime folder,
    which goes when its user logs out while jobs run on.

    Raises:
        MirageError: the folder that MIRAGE_SLOTS names cannot be used, or no other can.
    """
    named = os.environ.get("MIRAGE_SLOTS")
    if not named:
        return private_folder()
    folder = Path(named)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid == os.getuid():
            return folder
        why = "it belongs to another user"
    except OSError as error:
        why = error.strerror or type(error).__name__
    raise MirageError(
        f"{folder} cannot hold the locks of GPUs: {why}",
        "a folder of your own",
        "set MIRAGE_SLOTS to another one, or unset it",
    )


def _holders(choice: Sequence[str]) -> str:
    told = []
    for device in choice:
        with suppress(OSError):
            told.append(f"{device}: {_lock_file(device).read_text(encoding='utf-8')}")
    return listed(told, joint="; ")
