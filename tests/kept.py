"""What git keeps, or would."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def kept_files():
    """Paths from the repository's folder of all files that are tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    return [path for path in listed if (ROOT / path).is_file()]
