"""Make the locks anew: requirements.lock and mirage.yaml, from requirements.in and mirage.in.

    python envs/lock.py              # keeps what is locked, adds and drops what the .in files say
    python envs/lock.py --upgrade    # newest versions that fit

Run it with the Python of .venv, 3.11 on Linux x86-64: mirage.yaml holds the checksums of that
platform's files, requirements.lock those of every platform.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ENVS = Path(__file__).resolve().parent
LOCK = ENVS / "requirements.lock"
HEAD = """\
# One environment for every rule, for --sdm conda. Made by envs/lock.py from mirage.in: versions
# are those of requirements.lock, checksums those of the files for Linux x86-64. pip refuses
# anything else. No pin file beside it: Snakemake would take it instead of this whole file, and it
# can hold no packages of pip.
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python =3.11
  - pip
  - pip:
"""


def main() -> None:
    """Write both locks."""
    compile_lock(ENVS / "requirements.in", LOCK, *sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        jobs = Path(folder) / "mirage.lock"
        compile_lock(ENVS / "mirage.in", jobs, "--constraints", str(LOCK))
        lines = [f"      - {name}\n" for name in files_for_this_platform(jobs)]
    (ENVS / "mirage.yaml").write_text(HEAD + "".join(lines))


def compile_lock(source: Path, lock: Path, *options: str) -> None:
    """Resolve ``source`` into exact versions with the checksums of all their files."""
    fixed = ["--python-version=3.11", "--generate-hashes", "--no-annotate", "--quiet"]
    header = "--custom-compile-command=python envs/lock.py"
    subprocess.run(
        ["uv", "pip", "compile", *fixed, header, *options, str(source), "-o", str(lock)],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def files_for_this_platform(lock: Path) -> list[str]:
    """Return ``name==version --hash=...`` of each file pip would install here."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    asked = subprocess.run(
        [*pip, "--require-hashes", "--report=-", f"--requirement={lock}"],
        check=True,
        capture_output=True,
        text=True,
    )
    chosen = []
    for item in json.loads(asked.stdout)["install"]:
        name = item["metadata"]["name"].lower().replace("_", "-")
        digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
        chosen.append(f"{name}=={item['metadata']['version']} --hash=sha256:{digest}")
    return sorted(chosen)


if __name__ == "__main__":
    main()
