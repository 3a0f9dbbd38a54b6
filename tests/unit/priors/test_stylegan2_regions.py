"""A region of the image is the image's region, and no more is computed than planned."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mirage.errors import MirageError
from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2.generator import Generator
from mirage.priors.stylegan2.regions import Interval, Window, centre_region, levels

# The published plan for an 800 pixel crop of 1024: features, conv0 output, image.
TABLE = {
    1024: ((112, 912), (111, 913), (112, 912)),
    512: ((54, 458), (53, 459), (55, 457)),
    256: ((25, 231), (24, 232), (27, 229)),
    128: ((11, 117), (10, 118), (13, 115)),
    64: ((4, 60), (3, 61), (6, 58)),
    32: ((0, 32), (0, 32), (2, 30)),
}


def test_plan_of_the_paper_crop():
    plan = levels(centre_region(1024, 800), 1024)
    assert list(plan) == [4, 8, 16, 32, 64, 128, 256, 512, 1024]
    for resolution, (features, inner, rgb) in TABLE.items():
        level = plan[resolution]
        assert (level.features.rows, level.inner.rows, level.rgb.rows) == (features, inner, rgb)
        assert level.rgb.columns == rgb
    assert all(plan[r].features.shape == plan[r].inner.shape == (r, r) for r in (4, 8, 16))


@pytest.fixture(scope="module")
def network():
    config = GeneratorConfig(64, channels=(5, 4, 4, 3, 3), z_dim=4, w_dim=4, mapping_layers=1)
    generator = Generator(config, seed=7).double().requires_grad_(False)
    with torch.no_grad():
        for name, tensor in generator.state_dict().items():
            if tensor.ndim == 0:
                tensor.fill_(0.3)
            if name.endswith("bias"):
                tensor.add_(torch.linspace(-1, 1, len(tensor)))
    return generator


@pytest.fixture(scope="module")
def ws(network):
    draws = torch.Generator().manual_seed(3)
    return torch.randn(1, network.num_ws, 4, generator=draws, dtype=torch.float64)


@pytest.fixture(scope="module")
def whole(network, ws):
    return network.synthesis(ws)


def _region(rows, columns):
    return Window(Interval(*rows), Interval(*columns))


def _box(region):
    return (..., slice(*region.rows), slice(*region.columns))


@pytest.mark.parametrize(
    "region",
    [
        _region((0, 64), (0, 64)),
        _region((7, 64), (0, 40)),
        _region((0, 1), (63, 64)),
        _region((31, 33), (5, 6)),
        centre_region(64, 50),
    ],
)
def test_region_and_its_gradient_are_exact(network, ws, region):
    ws = ws.clone().requires_grad_()
    whole, part = network.synthesis(ws)[_box(region)], network.synthesis(ws, region)
    assert part.shape == whole.shape
    torch.testing.assert_close(part, whole, rtol=0, atol=1e-12)
    draws = torch.Generator().manual_seed(4)
    cotangent = torch.randn(part.shape, generator=draws, dtype=torch.float64)
    gradients = [torch.autograd.grad(image, ws, cotangent)[0] for image in (part, whole)]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-11)


_SPAN = st.tuples(st.integers(0, 63), st.integers(1, 64)).filter(lambda span: span[0] < span[1])


@settings(max_examples=25, deadline=None)
@given(_SPAN, _SPAN)
def test_any_region_is_exact(network, ws, whole, rows, columns):
    region = _region(rows, columns)
    part = network.synthesis(ws, region)
    torch.testing.assert_close(part, whole[_box(region)], rtol=0, atol=1e-12)


@pytest.mark.parametrize("crop_px", [1, 2, 5, 25, 26, 31, 32])
def test_centre_as_torchvision(crop_px):
    from torchvision.transforms.functional import center_crop

    image = torch.arange(32 * 32.0).view(1, 32, 32)
    region = centre_region(32, crop_px)
    assert torch.equal(image[_box(region)], center_crop(image, [crop_px, crop_px]))


def test_crop_larger_than_the_image_is_refused():
    with pytest.raises(MirageError, match="crop_px"):
        centre_region(32, 33)
