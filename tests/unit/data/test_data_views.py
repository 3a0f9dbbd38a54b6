"""Views against Pillow and torchvision."""

import resource
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from mirage.data.dataset import DatasetRecipe
from mirage.data.splits import SplitRecipe, first_per_class, split_indices
from mirage.data.store import Store, prepare_store
from mirage.data.stream import PixelStream
from mirage.data.views import View, ViewRecipe, prepare_view, resize_pixels
from mirage.errors import MirageError
from mirage.imaging import draw_boxes
from mirage.runtime import files
from PIL import Image
from torchvision import transforms

ROOT = Path(__file__).resolve().parents[3]
STATM = Path("/proc/self/statm")


def _store(folder, target, **changes):
    values = {"reader": "folders", "source": str(folder), "channels": 3} | changes
    prepare_store(DatasetRecipe.of(values), target)
    return Store(target)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("crop", [None, [1, 2, 6, 5]])
def test_square_view_is_pillows_resize(photo_folder, tmp_path, channels, crop):
    store = _store(photo_folder, tmp_path / "store", channels=channels)
    prepare_view(store, ViewRecipe.of({"image_px": 7, "crop": crop}), tmp_path / "view")
    view = View(tmp_path / "view")
    assert view.pixels.shape == (15, channels, 7, 7)
    assert view.pixels.dtype == torch.uint8
    for entry in store.index:
        image = Image.open(photo_folder / entry.name).convert("L" if channels == 1 else "RGB")
        box = None if crop is None else (1, 2, 7, 7)
        expected = np.asarray(image.crop(box).resize((7, 7), Image.Resampling.BILINEAR))
        planes = expected[None] if channels == 1 else expected.transpose(2, 0, 1)
        np.testing.assert_array_equal(view.pixels[entry.index].numpy(), planes)


@pytest.mark.parametrize("size", [(20, 30), (31, 18), (16, 16), (17, 40), (9, 10)])
def test_short_side_is_torchvisions_resize_and_centre_crop(size):
    from torchvision.transforms.v2.functional import InterpolationMode, center_crop, resize

    pixels = np.random.default_rng(1).integers(0, 256, (3, *size), dtype=np.uint8)
    image = Image.fromarray(pixels.transpose(1, 2, 0).copy())
    expected = center_crop(resize(image, [16], InterpolationMode.BILINEAR), [16])
    ours = resize_pixels(pixels, ViewRecipe(16, resize="short_side"))
    np.testing.assert_array_equal(ours, np.asarray(expected).transpose(2, 0, 1))


def test_labels_splits_and_selection(photo_folder, tmp_path):
    split = {"rule": "per_identity", "seed": 1, "train": 3}
    store = _store(photo_folder, tmp_path / "store", split=split)
    prepare_view(store, ViewRecipe(8), tmp_path / "view")
    view = View(tmp_path / "view")
    assert view.classes == 3
    assert view.labels.tolist() == store.labels.tolist()
    assert view.train.tolist() == store.members("train").tolist()
    assert view.test.tolist() == store.members("test").tolist()
    chosen = view.select(view.test)
    assert torch.equal(chosen.pixels, torch.stack([view.pixels[i] for i in view.test.tolist()]))
    assert chosen.labels.tolist() == [view.labels[i] for i in view.test]
    assert chosen.classes == 3
    few = view.select(first_per_class(view.labels, view.train, 2))
    assert few.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert view.metadata["recipe"]["image_px"] == 8
    assert view.identities == store.identities


def test_a_split_of_its_own_for_every_cell(photo_folder, tmp_path):
    split = {"rule": "per_identity", "seed": "cell", "train": 3}
    store = _store(photo_folder, tmp_path / "store", split=split)
    prepare_view(store, ViewRecipe(8), tmp_path / "view")
    drawn = []
    for seed in range(6):
        view = View(tmp_path / "view", seed)
        expected = split_indices(store.labels, SplitRecipe("per_identity", seed=seed, train=3))
        assert view.train.tolist() == expected.train.tolist()
        assert view.test.tolist() == expected.test.tolist()
        assert View(tmp_path / "view", seed).train.tolist() == view.train.tolist()
        drawn.append(tuple(view.train.tolist()))
    assert len(set(drawn)) > 1
    # The numbers of images are those of every draw; no draw is anybody's in the store.
    assert (store.manifest["train"], store.manifest["test"]) == (len(view.train), len(view.test))
    assert store.members("train").tolist() == []
    # The pixels belong to all; a split belongs to a cell, and is refused without one.
    whole = View(tmp_path / "view")
    assert len(whole.pixels) == len(store)
    with pytest.raises(MirageError, match="every cell draws another"):
        _ = whole.train


def test_a_shared_split_is_the_same_for_all_cells(photo_folder, tmp_path):
    split = {"rule": "per_identity", "seed": 1, "train": 3}
    prepare_view(
        _store(photo_folder, tmp_path / "store", split=split), ViewRecipe(8), tmp_path / "view"
    )
    assert View(tmp_path / "view", 5).train.tolist() == View(tmp_path / "view").train.tolist()


def test_same_view_for_any_number_of_workers(photo_folder, tmp_path):
    store = _store(photo_folder, tmp_path / "store")
    for workers in (1, 4):
        prepare_view(store, ViewRecipe(8), tmp_path / str(workers), workers)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "4").read_bytes()


def test_everything_for_training(photo_folder, tmp_path):
    prepare_view(_store(photo_folder, tmp_path / "store"), ViewRecipe(8), tmp_path / "view")
    view = View(tmp_path / "view")
    assert view.train.tolist() == list(range(15))
    assert view.test.shape == (0,)
    assert view.test.dtype == torch.int64


@pytest.mark.skipif(not STATM.exists(), reason="memory is read from Linux' /proc")
def test_pixels_are_mapped_not_read(tmp_path):
    row = np.zeros((64, 1024, 1024), dtype=np.uint8)
    empty = np.empty(0, dtype=np.int64)
    indices = {"labels": empty, "train": empty, "test": empty}
    metadata = {"format": "mirage-view", "version": 1, "identities": []}
    with (tmp_path / "view").open("wb") as file:
        pixels = PixelStream(file, (1024, 1024), indices, metadata)
        pixels.append(row)
        pixels.finish()
    before = _resident_bytes()
    view = View(tmp_path / "view")
    assert view.pixels[5, 5, 5] == 0
    assert _resident_bytes() - before < row.nbytes // 4


def _resident_bytes():
    return int(STATM.read_text().split()[1]) * resource.getpagesize()


def test_crop_outside_an_image_is_refused(photo_folder, tmp_path):
    store = _store(photo_folder, tmp_path / "store")
    with pytest.raises(MirageError, match=r"ann/0.png is \d+ x \d+ pixels, too small"):
        prepare_view(store, ViewRecipe(8, crop=(0, 0, 20, 20)), tmp_path / "view")
    assert not (tmp_path / "view").exists()


def test_truncated_or_foreign_files_are_refused(photo_folder, tmp_path):
    store = _store(photo_folder, tmp_path / "store")
    prepare_view(store, ViewRecipe(8), tmp_path / "view")
    content = (tmp_path / "view").read_bytes()
    (tmp_path / "view").write_bytes(content[:-1])
    with pytest.raises(MirageError, match=r"view is damaged: its content is not what was written"):
        View(tmp_path / "view")
    files.save_tensors(tmp_path / "other", {"pixels": torch.zeros(1)})
    with pytest.raises(MirageError, match="Expected: mirage-view version 1"):
        View(tmp_path / "other")


@pytest.mark.parametrize(
    "values",
    [{"image_px": 0}, {"image_px": 8, "crop": [0, 0, 0, 4]}, {"image_px": 8, "resize": "fit"}],
)
def test_impossible_views(values):
    with pytest.raises(MirageError):
        ViewRecipe.of(values)


@pytest.mark.parametrize("size", [(2, 6000), (6000, 2), (3, 901)])
def test_of_a_long_picture_only_the_cut_is_resized(size, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (3, *size), dtype=np.uint8)
    sizes, resize = [], Image.Image.resize

    def recording(image, wanted, *arguments, **options):
        sizes.append(wanted)
        return resize(image, wanted, *arguments, **options)

    monkeypatch.setattr(Image.Image, "resize", recording)
    cut = resize_pixels(pixels, ViewRecipe(8, resize="short_side"))
    assert sizes == [(8, 8)]
    monkeypatch.setattr("mirage.data.views._LONGEST", 10_000)
    whole = resize_pixels(pixels, ViewRecipe(8, resize="short_side"))
    assert max(sizes[-1]) > 2_000
    assert np.abs(cut.astype(int) - whole).max() <= 1


def _tall():
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 6, 3), dtype=np.uint8))
    return coarse.resize((150, 300), Image.Resampling.BICUBIC)


def test_xi_sees_tall_photographs_squashed_as_the_official_code():
    scale = yaml.safe_load((ROOT / "config.yaml").read_text())["scales"]["paper"]
    student = scale["architectures"][scale["measures"]["knowledge"]["architecture"]]["view"]
    recipe = ViewRecipe.of(scale["datasets"]["facescrub"]["views"][student])
    official = transforms.Resize((224, 224), antialias=True)(_tall())
    ours = resize_pixels(np.asarray(_tall()).transpose(2, 0, 1), recipe)
    np.testing.assert_array_equal(ours, np.asarray(official).transpose(2, 0, 1))


def test_training_cuts_tall_photographs_before_it_crops():
    """The named deviation: the official crop is of the uncut image, here of its centre.

    At 150 x 300 the uncut image is so long that no allowed square fits, and the official crop
    falls back to the very centre that our view holds; ours then crops within that.
    """
    recipe = ViewRecipe(224, resize="short_side")
    view = resize_pixels(np.asarray(_tall()).transpose(2, 0, 1), recipe)
    uncut = transforms.Resize(224, antialias=True)(_tall())
    assert uncut.size == (224, 448)
    crop = transforms.RandomResizedCrop(224, scale=(0.85, 1.0), ratio=(1.0, 1.0), antialias=True)
    for _ in range(20):
        np.testing.assert_array_equal(np.asarray(crop(uncut)).transpose(2, 0, 1), view)
    boxes = draw_boxes(20, 224, (0.85, 1.0), (1.0, 1.0), 0.0, torch.Generator().manual_seed(0))
    assert boxes.height.min() < 224
