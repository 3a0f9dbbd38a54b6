"""Planned crops against torchvision."""

import pytest
import torch
from mirage import recipes
from mirage.attacks import transforms
from mirage.errors import MirageError
from mirage.imaging import box_neighbours, crop_and_resize, resize_matrix
from mirage.streams import generator
from torch.nn import functional as F
from torchvision.transforms import RandomResizedCrop


def _boxes(streams, steps, flip=0.0, px=24):
    drawn = (generator(0, "test", stream) for stream in range(streams))
    return transforms.draw_steps(drawn, steps, px, (0.4, 0.9), (0.8, 1.2), flip)


def test_shared_crop_is_torchvisions_transform_of_a_batch(monkeypatch):
    boxes = transforms.spread(_boxes(1, steps=4), [5])
    crops = transforms.plan_crops(boxes, 24, 24, "cpu", torch.float32)
    images = torch.rand(5, 3, 24, 24)
    oracle = RandomResizedCrop(24, scale=(0.4, 0.9), ratio=(0.8, 1.2), antialias=True)
    for step in range(4):
        box = [int(field[step, 0]) for field in boxes[:4]]
        monkeypatch.setattr(RandomResizedCrop, "get_params", lambda *_, box=box: box)
        torch.testing.assert_close(crops.cut(images, step), oracle(images), rtol=0, atol=2e-6)


def test_every_image_gets_its_own_box_mirror_and_step():
    boxes = _boxes(6, steps=3, flip=0.5)
    assert boxes.flip.any()
    assert not boxes.flip.all()
    crops = transforms.plan_crops(boxes, 24, 24, "cpu", torch.float64)
    images = torch.rand(6, 1, 24, 24, dtype=torch.float64)
    for step in range(3):
        own = type(boxes)(*(field[step] for field in boxes))
        expected = crop_and_resize(images, box_neighbours(own, 24))
        torch.testing.assert_close(crops.cut(images, step), expected)


def test_one_product_is_resize_then_crop():
    boxes = _boxes(2, steps=2)
    crops = transforms.plan_crops(boxes, 24, 60, "cpu", torch.float64)
    images = torch.rand(2, 3, 60, 60, dtype=torch.float64)
    small = F.interpolate(images, (24, 24), mode="bilinear", antialias=True, align_corners=False)
    own = type(boxes)(*(field[1] for field in boxes))
    expected = crop_and_resize(small, box_neighbours(own, 24))
    # torch keeps its antialiasing weights in float32 precision.
    torch.testing.assert_close(crops.cut(images, 1), expected, rtol=0, atol=1e-6)


def _dense(start, length, source_px, image_px):
    """Every weight of every pixel, as the definition has it, float64."""
    scale = length.double()[:, None, None] / image_px
    first = start[:, None, None]
    centre = first + scale * (torch.arange(image_px).double()[None, :, None] + 0.5)
    pixel = torch.arange(source_px).double()
    weight = (1 - (pixel + 0.5 - centre).abs() / scale.clamp(min=1)).clamp(min=0)
    weight = weight * ((pixel >= first) & (pixel < first + length[:, None, None]))
    return weight / weight.sum(dim=2, keepdim=True)


@pytest.mark.parametrize(
    ("source_px", "image_px"), [(32, 32), (16, 16), (16, 12), (12, 16), (92, 32), (224, 224)]
)
def test_weights_are_those_of_all_pixels_to_the_last_bit(source_px, image_px):
    starts, lengths = torch.tensor(
        [(s, n) for n in range(1, source_px + 1) for s in range(source_px - n + 1)]
    ).T
    some = slice(None, None, max(1, len(starts) // 500))
    expected = _dense(starts[some], lengths[some], source_px, image_px).float()
    found = resize_matrix(starts[some], lengths[some], source_px, image_px, torch.float32)
    assert torch.equal(found, expected)
    assert found.is_contiguous()


@pytest.mark.parametrize("source_px", [24, 60])
def test_a_plan_holds_the_matrices_of_its_boxes_to_the_last_bit(source_px):
    boxes = _boxes(5, steps=8, flip=0.5)
    crops = transforms.plan_crops(boxes, 24, source_px, "cpu", torch.float32)
    whole = _dense(torch.zeros(1).long(), torch.tensor([source_px]), source_px, 24)
    flip = boxes.flip.flatten()
    for rows, start, length, mirrored in (
        (crops.rows, boxes.top, boxes.height, torch.zeros_like(flip)),
        (crops.columns, boxes.left, boxes.width, flip),
    ):
        expected = _dense(start.flatten(), length.flatten(), 24, 24)
        expected = torch.where(mirrored[:, None, None], expected.flip(1), expected)
        expected = expected if source_px == 24 else expected @ whole
        assert torch.equal(crops.table[rows.flatten()], expected.float())


def test_equal_intervals_share_a_matrix():
    boxes = transforms.draw_steps(
        (generator(0, s) for s in range(30)), 40, 32, (0.9, 1.0), (1.0, 1.0), 0.0
    )
    crops = transforms.plan_crops(boxes, 32, 32, "cpu", torch.float32)
    assert len(crops.table) <= 6  # lengths 30, 31, 32 at 3 + 2 + 1 positions


def test_more_steps_and_more_streams_change_no_draw():
    few, many = _boxes(2, steps=3), _boxes(4, steps=7)
    for a, b in zip(few, many, strict=True):
        assert torch.equal(a, b[:3, :2])


def test_spread_repeats_a_batchs_box():
    boxes = _boxes(2, steps=2)
    wide = transforms.spread(boxes, [3, 1])
    assert torch.equal(wide.left, boxes.left[:, [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("scale", "ratio"), [((0.0, 1), (1, 1)), ((0.9, 0.5), (1, 1)), ((0.5, 1), (0, 1))]
)
def test_impossible_bounds_are_refused(scale, ratio):
    with pytest.raises(MirageError, match="crop_"):
        recipes.check_crop(scale, ratio)
