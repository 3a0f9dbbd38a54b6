"""Data sets of several assets through Snakemake, on small trees of the real layout."""

import json
import os

import numpy as np
import pytest
import yaml
from PIL import Image
from projects import TINY

POINTS = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])


def _photo(path, size, rng):
    path.parent.mkdir(parents=True, exist_ok=True)
    small = rng.integers(0, 256, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(path)


def _strew(faces):
    """What lies about in people's copies: systems' folders, links, a pipe, the same file twice."""
    for place in ("@eaDir", "actors_0/@eaDir", "__MACOSX"):
        (faces / place).mkdir()
        (faces / place / "x.jpeg").write_bytes((faces / "actors_0/0.jpeg").read_bytes())
    (faces / "actors_0/all").symlink_to("../../..")
    (faces / "alias").symlink_to("actors_0")
    os.mkfifo(faces / "actors_0/pipe.jpeg")
    (faces / "actors_2/copy.jpeg").write_bytes((faces / "actors_2/1.jpeg").read_bytes())


def _forget_facts(path):
    """Let trees in little pass for the assets: no counts, sizes or checksums."""
    manifest = yaml.safe_load(path.read_text())
    for entry in manifest.values():
        entry.pop("holds", None)
        if "file" in entry:
            entry["file"] = {}
    path.write_text(yaml.safe_dump(manifest))


@pytest.fixture
def published(checkout):
    """The paper's data sets in little, and a configuration that fits them."""
    rng = np.random.default_rng(0)
    assets = checkout.folder / "assets"
    for group in ("actors", "actresses"):
        for person in range(3):
            for n in range(4):
                _photo(assets / f"facescrub/{group}/faces/{group}_{person}/{n}.jpeg", (40, 40), rng)
    (assets / "facescrub/actors/faces/actors_1/0.jpeg").write_text("<html>gone</html>")
    _strew(assets / "facescrub/actors/faces")
    owners = rng.permutation(np.repeat([7, 5, 11, 2, 3, 8], [6, 5, 5, 5, 5, 4]))
    names = [f"{i:06d}.jpg" for i in range(1, 31)]
    marks, far = [], names[list(owners).index(7)]
    for name in names:
        _photo(assets / "celeba/img_celeba" / name, (120, 160), rng)
        _photo(assets / "celeba/img_align_celeba" / name, (178, 218), rng)
        where = (POINTS * [120, 160] + rng.normal(0, 2, (5, 2))).round(1)
        where += [9_000, -9_000] if name == far else 0
        marks.append(f"{name} {' '.join(map(str, where.ravel()))}\n")
    celeba = assets / "celeba"
    rows = [f"{name} {owner}\n" for name, owner in zip(names, owners, strict=True)]
    (celeba / "identity_CelebA.txt").write_text("".join(rows))
    (celeba / "list_landmarks_celeba.txt").write_text("30\nlefteye_x ...\n" + "".join(marks))
    lists = {"trainset": "", "testset": "", "ganset": ""}
    for label, owner in enumerate([5, 7]):
        own = [name for name, o in zip(names, owners, strict=True) if o == owner]
        lists["testset"] += f"{own[0]} {label}\n"
        lists["trainset"] += "".join(f"{name} {label}\n" for name in own[1:])
    lists["ganset"] = "".join(f"{n}\n" for n, o in zip(names, owners, strict=True) if o in (2, 8))
    (celeba / "lists64").mkdir()
    for name, text in lists.items():
        (celeba / f"lists64/{name}.txt").write_text(text)
    for part in ("train", "val"):
        for wnid in ("n01440764", "n02102040"):
            _photo(assets / f"imagenette/{part}/{wnid}/{wnid}_1.JPEG", (64, 48), rng)

    _forget_facts(checkout.folder / "workflow/presets/assets.yaml")
    paper = yaml.safe_load((checkout.folder / "config.yaml").read_text())["scales"]["paper"]
    config = yaml.safe_load(TINY.read_text())
    tiny = config["scales"]["tiny"]
    tiny["assets"] = paper["assets"]
    classes = {"facescrub": 6, "celeba": 3, "celeba64": 2, "celeba64-public": 2, "imagenette": 2}
    for name, count in classes.items():
        tiny["datasets"][name] = paper["datasets"][name] | {"classes": count}
    tiny["datasets"]["facescrub"]["groups"] = {"actors": "0-2", "actresses": "3-5"}
    celeba = tiny["datasets"]["celeba"]
    celeba["asset"]["landmarks"] = "celeba-landmarks"
    celeba["recipe"]["identities"]["count"] = 3
    celeba["recipe"]["face_crop"] |= {"points": 5}
    (checkout.folder / "published.yaml").write_text(yaml.safe_dump(config))
    checkout.classes, checkout.far = classes, far
    return checkout


def test_every_published_data_set_is_prepared_and_checked(published):
    wanted = [f"data/{name}/acceptance.json" for name in published.classes]
    views = ["data/celeba64/views/square64.safetensors", "data/celeba/views/short224.safetensors"]
    given = ("--configfile", "published.yaml")
    told = published.snakemake(*wanted, *views, *given, tiny=False).told
    assert "Nothing to be done" in published.snakemake(*wanted, *views, *given, tiny=False).told
    assert "assets are missing" not in told  # what no cell needs is not asked for
    results = published.results
    for name, count in published.classes.items():
        manifest = json.loads((results / f"data/{name}/manifest.json").read_text())
        assert len(manifest["identities"]) == count
        job = json.loads((results / f"jobs/prepare_store/{name}.json").read_text())
        assert job["figures"]["images"] == manifest["images"]
        assert {"images_per_s", "outside_share"} <= set(job["figures"])
    facescrub = json.loads((results / "data/facescrub/acceptance.json").read_text())
    texts = [finding["text"] for finding in facescrub["findings"]]
    assert not facescrub["passed"]  # a photograph twice counts, and stops nothing
    assert any("same pixels within identity" in text for text in texts)
    assert sum("left alone" in text for text in texts) == 4
    assert any("24 images, the paper's authors had 37,871 to 37,880" in text for text in texts)
    assert any("actors_1/0.jpeg (a web page, no image)" in text for text in texts)
    celeba = json.loads((results / "data/celeba/acceptance.json").read_text())
    assert not celeba["passed"]
    assert f"({published.far}: " in " ".join(finding["text"] for finding in celeba["findings"])
    assert (results / "data/celeba/doubtful.png").exists()
    log = (results / "logs/check_dataset/celeba.log").read_text()
    assert "landmarks outside the photograph" in log
    celeba = json.loads((results / "data/celeba/manifest.json").read_text())
    assert celeba["identities"][0] == "7"  # six photographs; then five each, by appearance
    assert celeba["pixel_bytes"] == 16 * 3 * 224 * 224

    wrong = published.folder / "assets/facescrub/actors/faces/actors_2"
    wrong.rename(wrong.with_name(".gone"))
    (results / "data/facescrub/manifest.json").unlink()
    target = "data/facescrub/manifest.json"
    failed = published.snakemake(target, *given, tiny=False, check=False)
    assert failed.returncode != 0
    assert "5 identities. Expected: 6 (classes)" in failed.told
