"""How small images are enlarged: against Pillow, and by hand."""

import numpy as np
import pytest
import torch
from mirage.errors import MirageError
from mirage.evaluation.inputs import INPUTS
from mirage.evaluation.networks import Embedded, EvaluationNetwork
from mirage.evaluation.recipe import NetworkSpec
from mirage.targets.images import network_range
from PIL import Image

STREAM = torch.Generator().manual_seed(0)


def by_pillow(pixels, px):
    """uint8 [N, C, h, w] enlarged image by image, to the house range."""
    images = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in pixels]
    enlarged = [np.array(image.resize((px, px), Image.Resampling.BILINEAR)) for image in images]
    return network_range(torch.from_numpy(np.stack(enlarged)).permute(0, 3, 1, 2))


@pytest.mark.parametrize(("side", "px"), [(64, 112), (32, 112), (112, 64), (7, 23), (64, 64)])
def test_photographs_are_enlarged_to_pillows_very_bytes(side, px):
    pixels = torch.randint(0, 256, (5, 3, side, side), dtype=torch.uint8, generator=STREAM)
    assert torch.equal(INPUTS["quantised"](network_range(pixels), px), by_pillow(pixels, px))


def test_every_grey_level_outlasts_the_house_range():
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    assert torch.equal(INPUTS["quantised"](network_range(levels), 16), network_range(levels))


def test_rendered_images_are_truncated_not_rounded():
    unit = torch.rand(4, 3, 64, 64, generator=STREAM)
    unit[0, :, 0, :4] = torch.tensor([0.0, 1.0, 254.9 / 255, 0.9 / 255])
    truncated = (unit.double() * 255).floor().to(torch.uint8)
    found = INPUTS["quantised"](2 * unit - 1, 64)
    levels = ((found + 1) * 127.5).round().to(torch.uint8)
    assert levels[0, 0, 0, :4].tolist() == [0, 255, 254, 0]
    assert (levels != truncated).double().mean() < 1e-3  # where 2g - 1 rounds up to a level
    assert torch.equal(INPUTS["quantised"](2 * unit - 1, 112), by_pillow(levels, 112))
    beyond = INPUTS["quantised"](torch.tensor([-1.5, 3.0]).expand(1, 1, 2, 2), 2)
    assert beyond.unique().tolist() == [-1, 1]


def test_aligned_images_keep_their_corners():
    """Along a side of 3 enlarged to 5, every other value is the mean of its neighbours."""
    image = torch.tensor([0.0, 1.0, -0.5]).expand(1, 1, 3, 3)
    found = INPUTS["aligned"](image, 5)
    assert found[0, 0, 2].tolist() == [0, 0.5, 1, 0.25, -0.5]
    images = torch.rand(2, 3, 64, 64, generator=STREAM) * 3 - 1.5  # nothing is clamped
    expected = torch.nn.functional.interpolate(images, 112, mode="bilinear", align_corners=True)
    assert torch.equal(INPUTS["aligned"](images, 112), expected)


def test_resized_images_keep_their_borders_and_halved_ones_half_their_contrast():
    image = torch.tensor([0.0, 1.0]).expand(1, 1, 2, 2)
    found = INPUTS["resized"](image, 4)
    assert found[0, 0, 0].tolist() == [0, 0.25, 0.75, 1]
    assert INPUTS["halved"](image, 4)[0, 0, 0].tolist() == [0.5, 0.625, 0.875, 1]
    black = INPUTS["halved"](-torch.ones(1, 3, 2, 2), 4)
    assert ((black + 1) * 127.5).unique().tolist() == [127.5]  # 255 (0.5 * 0 + 0.5)


def network(**settings):
    """A stand-in that gives back what it was fed."""
    spec = NetworkSpec("classifier", 2, **settings)
    return EvaluationNetwork(spec, lambda x: Embedded(x.flatten(1), None), "cpu")


def test_a_network_enlarges_the_images_it_is_given():
    images = torch.tensor([[-2.0, 0.5], [-2.0, 0.5]])[None, None]
    way = network(input="aligned", input_px=3)
    assert way.embed(images, "paper").features[0, :3].tolist() == [-2, -0.75, 0.5]
    assert way.embed(images, "corrected").features[0, :3].tolist() == [-1, -0.25, 0.5]
    assert network(input="quantised", input_px=4).embed(images).features.shape == (1, 16)
    assert torch.equal(network().embed(images, "paper").features, images.flatten(1))
    with pytest.raises(MirageError, match="2 px"):
        way.embed(torch.zeros(1, 1, 3, 3))


@pytest.mark.parametrize(
    "settings",
    [{"input": "aligned"}, {"input_px": 112}, {"input": "quantised", "input_px": 0}],
)
def test_a_size_stands_with_every_way_but_the_direct_one(settings):
    with pytest.raises(MirageError, match="input_px"):
        NetworkSpec.of({"kind": "classifier", "image_px": 64, **settings})
