"""Running Snakemake as a user does, in a checkout of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "tests/workflow/tiny.yaml"
PARTS = ("Snakefile", "config.yaml", "workflow", "profiles", "envs")


class Checkout:
    """A copy of the project in which a test may do what it likes."""

    def __init__(self, folder):
        self.folder = folder
        for part in PARTS:
            source = ROOT / part
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / part)
        for profile in ("slurm", "workstation"):
            (folder / profile).symlink_to(f"profiles/{profile}")
        self.results = folder / "results/tiny"

    def fake_assets(self):
        """Put something at the place of every asset; enough for a plan, not for a run."""
        manifest = yaml.safe_load((self.folder / "workflow/presets/assets.yaml").read_text())
        for asset in manifest.values():
            path = self.folder / asset["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch() if "file" in asset else path.mkdir(exist_ok=True)

    def describe_asset(self, name, **facts):
        """Add an entry to the manifest of assets."""
        path = self.folder / "workflow/presets/assets.yaml"
        entry = {"what": f"the {name}", "licence": "none", "manual": ["ask around"], **facts}
        path.write_text(path.read_text() + yaml.safe_dump({name: entry}))

    def command(self, *arguments, tiny=True):
        snakemake = [sys.executable, "-P", "-m", "snakemake"]
        return [*snakemake, *arguments, *(["--configfile", str(TINY)] if tiny else [])]

    def environment(self):
        return {**os.environ, "OMP_NUM_THREADS": "1", "MIRAGE_TMP": str(self.folder)}

    def snakemake(self, *arguments, tiny=True, check=True):
        done = subprocess.run(
            self.command(*arguments, tiny=tiny),
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        done.told = done.stdout + done.stderr
        if check:
            assert done.returncode == 0, done.told[-6000:]
        return done
