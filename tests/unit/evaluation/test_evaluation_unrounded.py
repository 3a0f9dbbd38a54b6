"""Photographs resized in floating point, against torchvision's transforms of the official code."""

import numpy as np
import pytest
import torch
from mirage.data.dataset import DatasetRecipe
from mirage.data.store import Store, prepare_store
from mirage.data.views import View, ViewRecipe, prepare_view
from mirage.errors import MirageError
from mirage.evaluation.unrounded import UnroundedImages
from mirage.targets.images import network_range
from PIL import Image
from torchvision import transforms


@pytest.fixture
def folder(tmp_path):
    """Two people; photographs of noise, smooth enough to be resized, of several shapes."""
    rng = np.random.default_rng(0)
    for person in ("ann", "bob"):
        (tmp_path / "photos" / person).mkdir(parents=True)
        for number, size in enumerate([(150, 300), (90, 90), (200, 120), (64, 64)]):
            coarse = rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)
            image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
            image.save(tmp_path / "photos" / person / f"{number}.png")
    return tmp_path


def _prepared(folder, **recipe):
    split = {"rule": "per_identity", "seed": 1, "train": 3}
    source = str(folder / "photos")
    dataset = {"reader": "folders", "source": source, "channels": 3, "split": split}
    prepare_store(DatasetRecipe.of(dataset), folder / "store")
    store = Store(folder / "store")
    prepare_view(store, ViewRecipe.of(recipe), folder / "view")
    return store, View(folder / "view")


def _official(folder, store, view, transform):
    names = [store.index[i].name for i in view.train.tolist()]
    photos = [Image.open(folder / "photos" / name) for name in names]
    return torch.stack([transform(photo) for photo in photos])


@pytest.mark.parametrize(
    ("recipe", "before"),
    [
        ({"resize": "square"}, []),
        ({"resize": "square", "crop": [3, 5, 50, 40]}, [lambda im: im.crop((3, 5, 53, 45))]),
    ],
)
def test_fid_photographs_are_resized_as_tensors(folder, recipe, before):
    store, view = _prepared(folder, image_px=64, **recipe)
    ours = UnroundedImages(store, view, "cpu")
    official = transforms.Compose(
        [
            *before,
            transforms.ToTensor(),
            transforms.Resize((64, 64), antialias=True),
            transforms.Normalize([0.5] * 3, [0.5] * 3),
        ]
    )
    expected = _official(folder, store, view, official)
    torch.testing.assert_close(ours[0:6], expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.cat([ours[0:4], ours[4:99]]), expected, atol=1e-6, rtol=0)
    assert len(ours) == len(view.train) == 6
    # The view is the same but for its rounding: about a quarter of a grey level on the mean.
    gap = (network_range(view.pixels[view.train]) - ours[0:6]).abs()
    assert 1e-3 < gap.mean() < 5e-3
    assert gap.max() < 2 * 2 / 255


def test_the_short_side_is_cut_as_torchvision_cuts_it(folder):
    store, view = _prepared(folder, image_px=48, resize="short_side")
    official = transforms.Compose(
        [
            transforms.ToTensor(),
            transforms.Resize(48, antialias=True),
            transforms.CenterCrop(48),
            transforms.Normalize([0.5] * 3, [0.5] * 3),
        ]
    )
    expected = _official(folder, store, view, official)
    torch.testing.assert_close(
        UnroundedImages(store, view, "cpu")[0:6], expected, atol=1e-6, rtol=0
    )


def test_a_view_of_another_store_is_refused(folder, tmp_path):
    store, view = _prepared(folder, image_px=16)
    store.manifest["files"]["index.csv"]["blake2b"] = "another"
    with pytest.raises(MirageError, match="do not hold the same photographs"):
        UnroundedImages(store, view, "cpu")
