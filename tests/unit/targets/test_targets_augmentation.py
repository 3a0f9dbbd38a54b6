"""Augmentation against torchvision: same parameters, same pixels; same distributions."""

import colorsys

import pytest
import torch
from mirage import imaging
from mirage.errors import MirageError
from mirage.streams import generator
from mirage.targets import augmentation, jitter
from mirage.targets.augmentation import augment, draw
from mirage.targets.recipe import AugmentationRecipe
from scipy import stats

PAPER = AugmentationRecipe(
    crop_scale=(0.85, 1.0), flip=0.5, brightness=0.2, contrast=0.2, saturation=0.1, hue=0.1
)


def pictures(count, channels, px=24):
    smooth = torch.rand(count, channels, 6, 6, generator=torch.manual_seed(3))
    large = torch.nn.functional.interpolate(smooth, (px, px), mode="bilinear")
    return (large * 255).round().to(torch.uint8)


def torchvision_jitter(image, order, factors):
    """ColorJitter's operations with the parameters given, first operation first."""
    from torchvision.transforms.v2 import functional as F

    operations = [F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue]
    for number in order.tolist():
        image = operations[number](image, float(factors[number]))
    return image


@pytest.mark.parametrize("block_bytes", [1, 20_000, 2**20])
@pytest.mark.parametrize("channels", [1, 3])
def test_same_parameters_same_pixels_as_torchvision(channels, block_bytes, monkeypatch):
    from torchvision.transforms.v2 import functional as F

    monkeypatch.setattr(augmentation, "BLOCK_BYTES", block_bytes)

    recipe = AugmentationRecipe(
        crop_scale=(0.3, 1.0), crop_ratio=(0.7, 1.4), flip=0.5,
        brightness=0.6, contrast=0.6, saturation=0.6, hue=0.4,
    )  # fmt: skip
    pixels = pictures(40, channels)
    draws = draw(40, 24, recipe, generator(0, "augmentation", 0))
    ours = augment(pixels, draws, recipe)
    for index in range(40):
        box = [int(field[index]) for field in draws.boxes]
        image = F.to_dtype(pixels[index], torch.float32, scale=True)
        image = F.resized_crop(image, *box[:4], [24, 24], antialias=True)
        image = torchvision_jitter(image, draws.order[index], draws.factors[index])
        image = F.horizontal_flip(image) if box[4] else image
        expected = F.normalize(image, [0.5] * channels, [0.5] * channels)
        torch.testing.assert_close(ours[index], expected, atol=2e-5, rtol=0)


def turned(colours, shift):
    """Hue of colours [N, 3] turned."""
    images = torch.as_tensor(colours, dtype=torch.float32).T.reshape(1, 3, 1, -1).clone()
    jitter.hue_(images, torch.full((1, 1, 1, 1), shift))
    return images.reshape(3, -1).T


def test_hue_of_pure_colours_turns_by_thirds():
    red, green, blue = torch.eye(3)
    ring = torch.stack([red, green, blue])
    torch.testing.assert_close(turned(ring, 1 / 3), ring.roll(-1, 0))
    greys = torch.tensor([0.0, 1e-37, 0.3, 1.0])[:, None].expand(4, 3)
    assert torch.equal(turned(greys, 1 / 3), greys)


@pytest.mark.parametrize("shift", [-0.5, -0.31, -1 / 6, 0.0, 0.02, 1 / 3, 0.49, 0.5])
def test_hue_turns_as_pythons_own_colours_do(shift):
    levels = torch.tensor([0.0, 1.0, 2.0, 127.0, 254.0, 255.0]) / 255  # ties, corners, near grey
    colours = torch.cat([
        torch.cartesian_prod(levels, levels, levels),
        torch.rand(500, 3, generator=torch.manual_seed(8)),
    ])  # fmt: skip
    expected = []
    for colour in colours.double().tolist():
        hue, saturation, value = colorsys.rgb_to_hsv(*colour)
        expected.append(colorsys.hsv_to_rgb((hue + shift) % 1, saturation, value))
    torch.testing.assert_close(turned(colours, shift), torch.tensor(expected), atol=1e-6, rtol=0)


def test_parameters_are_distributed_as_torchvision_s():
    from torchvision.transforms import ColorJitter, RandomResizedCrop

    count = 3000
    recipe = AugmentationRecipe(
        crop_scale=(0.2, 1.0), crop_ratio=(0.75, 4 / 3), flip=0.5, brightness=0.2, contrast=1.5,
        saturation=0.1, hue=0.1,
    )  # fmt: skip
    ours = draw(count, 64, recipe, generator(5, "augmentation", 0))
    crop = RandomResizedCrop(64, recipe.crop_scale, recipe.crop_ratio)
    colour = ColorJitter(0.2, 1.5, 0.1, 0.1)
    with torch.random.fork_rng():
        torch.manual_seed(11)
        image = torch.zeros(3, 64, 64)
        boxes = torch.tensor([crop.get_params(image, crop.scale, crop.ratio) for _ in range(count)])
        params = [
            ColorJitter.get_params(
                colour.brightness, colour.contrast, colour.saturation, colour.hue
            )
            for _ in range(count)
        ]
    for mine, theirs in zip(ours.boxes[:4], boxes.T, strict=True):
        assert stats.ks_2samp(mine.numpy(), theirs.numpy()).pvalue > 1e-3
    for number in range(4):
        theirs = [float(row[1 + number]) for row in params]
        assert stats.ks_2samp(ours.factors[:, number].numpy(), theirs).pvalue > 1e-3
    # every one of the 24 orders is equally likely, in theirs and ours
    weights = torch.tensor([64, 16, 4, 1])
    for orders in (ours.order, torch.stack([row[0] for row in params])):
        _, counts = (orders * weights).sum(1).unique(return_counts=True)
        assert len(counts) == 24
        assert stats.chisquare(counts.numpy()).pvalue > 1e-3
    assert stats.binomtest(int(ours.boxes.flip.sum()), count, 0.5).pvalue > 1e-3


STRONG = AugmentationRecipe(
    crop_scale=(0.3, 1.0), crop_ratio=(0.7, 1.4), flip=0.5, brightness=0.6, contrast=0.6,
    saturation=0.6, hue=0.4,
)  # fmt: skip


@pytest.mark.parametrize("block_bytes", [1, 20_000, 2**20])
@pytest.mark.parametrize("channels", [1, 3])
def test_batches_and_blocks_do_not_matter_to_the_last_bit(channels, block_bytes, monkeypatch):
    pixels = pictures(12, channels, px=23)
    draws = draw(12, 23, STRONG, generator(0, "augmentation", 0))
    whole = augment(pixels, draws, STRONG)
    monkeypatch.setattr(augmentation, "BLOCK_BYTES", block_bytes)
    order = torch.randperm(12, generator=torch.manual_seed(0))
    parts = [augment(pixels[rows], draws.of(rows), STRONG) for rows in order.split(5)]
    assert torch.equal(torch.cat(parts), whole[order])


@pytest.mark.parametrize("channels", [1, 3])
def test_threads_do_not_matter_to_the_last_bit(channels):
    pixels = pictures(3, channels, px=225)  # enough pixels for PyTorch to share them out
    draws = draw(3, 225, STRONG, generator(0, "augmentation", 0))
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(augment(pixels, draws, STRONG))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_colours_lie_beside_one_another_and_what_is_stored_stays():
    pixels = pictures(4, 3)
    stored = pixels.clone()
    images = augment(pixels, draw(4, 24, PAPER, generator(0, "a")), PAPER)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(pixels, stored)


def test_no_augmentation_only_normalises():
    pixels = pictures(5, 3)
    recipe = AugmentationRecipe()
    result = augment(pixels, draw(5, 24, recipe, generator(0, "a")), recipe)
    torch.testing.assert_close(result, pixels / 127.5 - 1, atol=1e-6, rtol=0)


def test_rendered_images_are_cropped_and_clamped():
    images = torch.randn(4, 3, 24, 24, generator=torch.manual_seed(2)) * 2
    recipe = AugmentationRecipe(crop_scale=(0.8, 1.0), flip=0.5)
    draws = draw(4, 24, recipe, generator(0, "a"))
    expected = imaging.crop_and_resize(images, imaging.box_neighbours(draws.boxes, 24)).clamp(-1, 1)
    assert torch.equal(augment(images, draws, recipe), expected)


@pytest.mark.parametrize(
    "values",
    [
        {"crop_scale": [0.0, 1.0]},
        {"crop_scale": [0.9, 0.8]},
        {"crop_ratio": [-1, 1]},
        {"flip": 1.2},
        {"hue": 0.6},
        {"contrast": -0.1},
    ],
)
def test_impossible_strengths_are_refused(values):
    with pytest.raises(MirageError):
        AugmentationRecipe.of(values)
