"""Augmentation against torchvision: same parameters, same pixels; same distributions."""

import pytest
import torch
from mirage import imaging
from mirage.errors import MirageError
from mirage.streams import generator
from mirage.targets import jitter
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


@pytest.mark.parametrize("channels", [1, 3])
def test_same_parameters_same_pixels_as_torchvision(channels):
    from torchvision.transforms.v2 import functional as F

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


def test_hue_of_pure_colours_turns_by_thirds():
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    third = torch.full((1, 1, 1, 1), 1 / 3)
    torch.testing.assert_close(jitter.hue(red, third).view(-1), torch.tensor([0.0, 1.0, 0.0]))
    grey = torch.full((1, 3, 2, 2), 0.3)
    torch.testing.assert_close(jitter.hue(grey, third), grey)


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


@pytest.mark.parametrize("channels", [1, 3])
def test_batches_do_not_matter(channels):
    pixels = pictures(12, channels)
    draws = draw(12, 24, PAPER, generator(0, "augmentation", 0))
    whole = augment(pixels, draws, PAPER)
    order = torch.randperm(12, generator=torch.manual_seed(0))
    parts = [augment(pixels[rows], draws.of(rows), PAPER) for rows in order.split(5)]
    torch.testing.assert_close(torch.cat(parts), whole[order], atol=1e-6, rtol=0)


def test_no_augmentation_only_normalises():
    pixels = pictures(5, 3)
    recipe = AugmentationRecipe()
    result = augment(pixels, draw(5, 24, recipe, generator(0, "a")), recipe)
    torch.testing.assert_close(result, pixels / 127.5 - 1, atol=1e-6, rtol=0)


def test_rendered_images_are_cropped_and_clamped():
    images = torch.randn(4, 3, 24, 24, generator=torch.manual_seed(2)) * 2
    recipe = AugmentationRecipe(crop_scale=(0.8, 1.0), flip=0.5)
    draws = draw(4, 24, recipe, generator(0, "a"))
    expected = imaging.crop_and_resize(images, draws.boxes, 24).clamp(-1, 1)
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
