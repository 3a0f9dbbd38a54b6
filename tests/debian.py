"""Packages of Debian that tests need: found, or installed where that is possible."""

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_POLICY = Path("/usr/sbin/policy-rc.d")


class UnavailableError(RuntimeError):
    """A package is not installed and cannot be installed; the message says why."""


def ensure(programs: Mapping[str, Sequence[str]]) -> None:
    """Install what is missing; the packages' own services are kept from starting.

    Args:
        programs: package -> paths of the programs that are wanted of it.

    Raises:
        UnavailableError: not root, no apt-get, or apt-get failed.
    """
    with _alone():
        missing = [
            package
            for package, paths in programs.items()
            if not all(Path(path).exists() for path in paths)
        ]
        if missing:
            _install(missing)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One installation at a time, where several tests want one at once."""
    with (Path("/tmp") / f"mirage-debian-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(packages: list[str]) -> None:
    names = " and ".join(packages)
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        wanted = " ".join(packages)
        raise UnavailableError(f"{names} not installed; on Debian: sudo apt-get install {wanted}")
    ours = not _POLICY.exists()
    if ours:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            done = subprocess.run(
                ["apt-get", "-q", *arguments],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise UnavailableError(f"apt-get could not install {names}: {done.stderr.strip()}")
    finally:
        if ours:
            _POLICY.unlink()
