"""Debian's SLURM: found, or installed where that is possible.

As a command: status 0 if SLURM is there now, 77 if the tests on it must be skipped.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SKIPPED = 77

_PROGRAMS = {
    "slurm-wlm": ("/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/bin/sbatch", "/usr/bin/srun"),
    "munge": ("/usr/sbin/munged", "/usr/bin/munge"),
}
_POLICY = Path("/usr/sbin/policy-rc.d")


class UnavailableError(RuntimeError):
    """SLURM is not installed and cannot be installed; the message says why."""


def missing() -> list[str]:
    """Packages of which a program is not there."""
    return [
        package
        for package, programs in _PROGRAMS.items()
        if not all(Path(program).exists() for program in programs)
    ]


def ensure() -> None:
    """Install what is missing; the packages' own services are kept from starting.

    Raises:
        UnavailableError: not root, no apt-get, or apt-get failed.
    """
    wanted = missing()
    if not wanted:
        return
    names = " and ".join(wanted)
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        raise UnavailableError(f"{names} not installed; on Debian: sudo apt-get install {names}")
    ours = not _POLICY.exists()
    if ours:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", *wanted]):
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


def main() -> int:
    """The command."""
    try:
        ensure()
    except UnavailableError as reason:
        print(f"SKIPPED: the tests on a SLURM cluster ({reason})", file=sys.stderr)
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
