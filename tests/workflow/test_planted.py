"""Files among the results, the data or in the current folder are never run, whatever their name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from projects import TINY

MODULES = (
    "torch", "numpy", "json", "yaml", "pandas", "xxhash", "PIL", "safetensors", "snakemake",
    "mirage", "errors", "quoting", "recovery", "sitecustomize", "usercustomize", "matplotlib",
    "conftest",
)  # fmt: skip
FOLDERS = (
    ".", "results", "results/tiny", "data", "assets", "workflow", "results/tiny/.snakemake",
    "results/tiny/.snakemake/scripts", "results/tiny/.snakemake/pip-deployments",
    "results/tiny/data", "results/tiny/data/orl", "results/tiny/data/orl/views",
    "results/tiny/figures", "results/tiny/toy", "results/tiny/logs", "results/tiny/state",
    "results/tiny/jobs",
)  # fmt: skip
TARGETS = ("data/orl/views/square16.safetensors", "figures/figure1.png")


def _plant(checkout):
    """Lay programs that tell on themselves, and settings that would change a figure."""
    told = checkout.folder / "run.txt"
    program = f"open({str(told)!r}, 'a').write(__file__ + '\\n')\n"
    for folder in FOLDERS:
        place = checkout.folder / folder
        place.mkdir(parents=True, exist_ok=True)
        for name in MODULES:
            if not (place / name).exists():  # the real ones stay
                (place / f"{name}.py").write_text(program)
        (place / "planted.pth").write_text(f"import sys; exec({program!r})\n")
        (place / "matplotlibrc").write_text("figure.facecolor: red\nsavefig.dpi: 11\n")
    return told


@pytest.mark.parametrize("warm", ["0", "1"])
def test_nothing_that_lies_about_is_run(checkout, warm):
    told = _plant(checkout)
    # As typed: the program of the environment, which looks where it lies itself, not here.
    program = Path(sys.executable).parent / "snakemake"
    done = subprocess.run(
        [program, *TARGETS, "--configfile", str(TINY)], cwd=checkout.folder,
        env={**checkout.environment(), "MIRAGE_WARM": warm}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert not told.exists(), told.read_text()
    from PIL import Image

    with Image.open(checkout.results / "figures/figure1.png") as picture:
        assert picture.size == (1980, 630)  # three panels at 200 dpi, as in tests/unit/paper


def test_the_traps_would_tell(checkout):
    told = _plant(checkout)
    plain = {k: v for k, v in os.environ.items() if k not in ("PYTHONSAFEPATH", "PYTHONPATH")}
    subprocess.run(
        [sys.executable, "-c", "import xxhash"], cwd=checkout.results, env=plain, check=True
    )
    assert told.read_text().endswith("results/tiny/xxhash.py\n")
