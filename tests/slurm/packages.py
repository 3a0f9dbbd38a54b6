"""Debian's SLURM: found, or installed where that is possible.

As a command: status 0 if SLURM is there now, 77 if the tests on it must be skipped.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a command in safe-path mode

import debian
from debian import UnavailableError

SKIPPED = 77

_PROGRAMS = {
    "slurm-wlm": ("/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/bin/sbatch", "/usr/bin/srun"),
    "munge": ("/usr/sbin/munged", "/usr/bin/munge"),
}


def ensure() -> None:
    """Install what is missing.

    Raises:
        UnavailableError: not root, no apt-get, or apt-get failed.
    """
    debian.ensure(_PROGRAMS)


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
