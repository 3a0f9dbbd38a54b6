"""Crop geometry against torchvision and torch's own interpolation."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mirage import imaging
from scipy import stats
from torch.nn import functional as F
from torchvision.transforms import RandomResizedCrop


@settings(deadline=None, max_examples=60)
@example(box=(0, 0, 32, 32), flip=False)
@example(box=(0, 31, 32, 1), flip=True)
@given(
    box=st.tuples(st.integers(0, 10), st.integers(0, 10), st.integers(1, 22), st.integers(1, 22)),
    flip=st.booleans(),
)
def test_crop_and_resize_equals_slicing_and_interpolation(box, flip):
    top, left, height, width = box
    image = torch.rand(2, 3, 32, 32, dtype=torch.float64)
    cut = image[..., top : top + height, left : left + width]
    expected = F.interpolate(cut, (32, 32), mode="bilinear", antialias=True, align_corners=False)
    expected = expected.flip(-1) if flip else expected
    boxes = imaging.Boxes(*(torch.tensor([v]) for v in (top, left, height, width, flip)))
    torch.testing.assert_close(
        imaging.crop_and_resize(image, imaging.box_neighbours(boxes, 32)),
        expected,
        rtol=0,
        atol=1e-7,
    )


def test_a_crop_of_the_whole_image_is_the_image_to_the_last_bit():
    images = torch.rand(3, 3, 31, 31)
    whole = [torch.full((3,), value) for value in (0, 0, 31, 31)]
    for flip in (False, True):
        boxes = imaging.Boxes(*whole, torch.full((3,), flip))
        expected = images.flip(-1) if flip else images
        assert torch.equal(
            imaging.crop_and_resize(images, imaging.box_neighbours(boxes, 31)), expected
        )


@pytest.mark.parametrize(
    ("scale", "ratio"), [((0.5, 0.9), (0.8, 1.2)), ((0.9, 1.0), (1.0, 1.0)), ((0.9, 1.0), (1.5, 2))]
)
def test_boxes_follow_torchvision_in_distribution(scale, ratio):
    ours = imaging.draw_boxes(3000, 224, scale, ratio, 0.5, torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    image = torch.empty(1, 224, 224)
    theirs = torch.tensor(
        [RandomResizedCrop.get_params(image, list(scale), list(ratio)) for _ in range(3000)]
    )
    for field, column in zip(ours[:4], theirs.T, strict=True):
        assert stats.ks_2samp(field.numpy(), column.numpy()).pvalue > 1e-4
    assert abs(ours.flip.double().mean() - 0.5) < 0.04


def test_boxes_do_not_depend_on_how_many_are_drawn_before():
    one = imaging.draw_boxes(5, 32, (0.5, 1), (0.8, 1.2), 0.5, torch.Generator().manual_seed(3))
    both = imaging.draw_boxes(9, 32, (0.5, 1), (0.8, 1.2), 0.5, torch.Generator().manual_seed(3))
    for few, many in zip(one, both, strict=True):
        assert torch.equal(few, many[:5])
