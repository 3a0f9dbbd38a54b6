"""Augmentation: derivatives, known draws and distributions."""

import pytest
import torch
from mirage.errors import MirageError
from mirage.priors.augmentation import REAL_DRAWS, SHARED_DRAWS, augment_reals, augment_shared
from mirage.priors.recipe import RealAugmentation, SharedAugmentation
from scipy import stats

STILL = SharedAugmentation(brightness=0, contrast=0, translation=0, cutout=0)
AS_IS = RealAugmentation(flip=0, crop=(1, 1), rotation=0, brightness=0, contrast=0)


def _draws(count, columns, seed=0, dtype=torch.float32):
    return torch.rand(count, columns, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_everything_off_changes_nothing():
    images = torch.rand(5, 3, 16, 16) * 2 - 1
    assert torch.equal(augment_shared(images, _draws(5, SHARED_DRAWS), STILL), images)
    torch.testing.assert_close(
        augment_reals(images, _draws(5, REAL_DRAWS), AS_IS), images, rtol=0, atol=2e-5
    )


def test_shared_augmentation_has_first_and_second_derivatives():
    images = torch.rand(2, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    draws = _draws(2, SHARED_DRAWS, dtype=torch.float64)

    def cubed(images):
        return augment_shared(images, draws, SharedAugmentation(translation=0.3)) ** 3

    assert torch.autograd.gradcheck(cubed, images)
    assert torch.autograd.gradgradcheck(cubed, images)


def test_brightness_and_contrast_in_closed_form():
    images = torch.rand(4, 3, 8, 8, dtype=torch.float64)
    draws = _draws(4, SHARED_DRAWS, dtype=torch.float64)
    recipe = SharedAugmentation(brightness=0.5, contrast=0.5, translation=0, cutout=0)
    shift, factor = draws[:, 0] - 0.5, draws[:, 1] + 0.5
    for image, result, s, f in zip(
        images, augment_shared(images, draws, recipe), shift, factor, strict=True
    ):
        torch.testing.assert_close(result, (image - image.mean()) * f + image.mean() + s)


def test_translation_is_uniform_and_fills_with_zero():
    image = torch.zeros(1, 1, 16, 16)
    image[0, 0, 8, 8] = 1.0
    count = 4000
    recipe = SharedAugmentation(brightness=0, contrast=0, translation=0.125, cutout=0)
    moved = augment_shared(image.expand(count, -1, -1, -1), _draws(count, SHARED_DRAWS), recipe)
    assert torch.equal(moved.sum((1, 2, 3)), torch.ones(count))
    place = moved.flatten(1).argmax(1)
    down, across = place // 16 - 8, place % 16 - 8
    counts = torch.bincount((down + 2) * 5 + across + 2, minlength=25)
    assert counts.sum() == count
    assert stats.chisquare(counts.numpy()).pvalue > 1e-4
    ones = augment_shared(torch.ones(count, 1, 16, 16), _draws(count, SHARED_DRAWS), recipe)
    torch.testing.assert_close(ones.sum((1, 2, 3)), (16 - down.abs()) * (16.0 - across.abs()))


def test_cutout_is_one_square_anywhere():
    count = 4000
    recipe = SharedAugmentation(brightness=0, contrast=0, translation=0, cutout=0.5)
    kept = augment_shared(torch.ones(count, 1, 8, 8), _draws(count, SHARED_DRAWS), recipe)
    hole = 1 - kept[:, 0]
    rows, columns = hole.amax(2), hole.amax(1)
    assert torch.equal(hole, rows[:, :, None] * columns[:, None])
    # A centre on any of the 9 pixel borders blanks 2, 3 or 4 pixels of an axis of 8.
    lengths = torch.bincount(rows.sum(1).long(), minlength=9)[2:5]
    assert lengths.sum() == count
    assert (
        stats.chisquare(lengths.numpy(), torch.tensor([2, 2, 5]).numpy() * count / 9).pvalue > 1e-4
    )


def test_mirroring_follows_its_probability():
    image = torch.linspace(-1, 1, 8).expand(1, 1, 8, 8)
    recipe = RealAugmentation(flip=0.3, crop=(1, 1), rotation=0, brightness=0, contrast=0)
    results = augment_reals(image.expand(2000, -1, -1, -1), _draws(2000, REAL_DRAWS), recipe)
    mirrored = results[:, 0, 4, 0] > 0
    torch.testing.assert_close(results[mirrored][0], image[0].flip(-1), rtol=0, atol=1e-5)
    assert stats.binomtest(int(mirrored.sum()), 2000, 0.3).pvalue > 1e-4


@pytest.mark.parametrize("angle", [-0.12, 0.05, 0.12])
def test_rotation_and_crop_follow_a_smooth_image(angle):
    # Each pixel must show the wave at its source; a source wrong by a pixel is off by up to 0.14.
    px, side, right, down = 32, 0.9, 0.06, -0.03
    centres = (torch.arange(px) + 0.5) * 2 / px - 1
    wave = lambda x, y: torch.sin(2 * x + y)  # noqa: E731
    image = wave(centres[None, :], centres[:, None])[None, None]
    recipe = RealAugmentation(flip=0, crop=(0.8, 1.0), rotation=0.12, brightness=0, contrast=0)
    draws = [1, (side - 0.8) / 0.2, (angle / 0.12 + 1) / 2]
    draws += [(shift / (1 - side) + 1) / 2 for shift in (right, down)] + [0.5, 0.5]
    result = augment_reals(image, torch.tensor([draws]), recipe)[0, 0]
    x, y = centres[None, :] * side, centres[:, None] * side
    turn = torch.tensor(angle)
    source_x = turn.cos() * x - turn.sin() * y + right
    source_y = turn.sin() * x + turn.cos() * y + down
    inside = (source_x.abs() < 0.9) & (source_y.abs() < 0.9)
    gap = (result - wave(source_x, source_y)).abs()[inside]
    assert inside.float().mean() > 0.7
    assert gap.max() < 0.012


def test_reals_stay_in_range_and_inside_the_image():
    recipe = RealAugmentation(brightness=0.6, contrast=0.9)
    results = augment_reals(torch.rand(200, 1, 8, 8) * 2 - 1, _draws(200, REAL_DRAWS), recipe)
    assert results.abs().max() <= 1
    plain = RealAugmentation(brightness=0, contrast=0)
    full = augment_reals(torch.full((200, 1, 8, 8), 0.7), _draws(200, REAL_DRAWS), plain)
    torch.testing.assert_close(full, torch.full((200, 1, 8, 8), 0.7))


@pytest.mark.parametrize(
    ("kind", "values", "named"),
    [
        (RealAugmentation, {"crop": [1.0, 0.8]}, "crop"),
        (RealAugmentation, {"flip": 1.5}, "flip"),
        (SharedAugmentation, {"cutout": 2.0}, "cutout"),
        (SharedAugmentation, {"saturation": 2.0}, "saturation"),
    ],
)
def test_impossible_settings_are_named(kind, values, named):
    with pytest.raises(MirageError, match=named):
        kind.of(values)
