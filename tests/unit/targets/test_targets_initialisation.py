"""Initial weights against the formulas of He et al. (2015) and PyTorch's default."""

import math

import pytest
import torch
from mirage.targets.architectures import build
from mirage.targets.architectures.layers import Kernel, Linear, initialise


def _filled(layer, seed=0):
    initialise(torch.nn.Sequential(layer), torch.Generator().manual_seed(seed))
    return layer


@pytest.mark.parametrize(
    ("inputs", "outputs", "size", "groups"),
    [(16, 256, 3, 1), (256, 16, 3, 1), (512, 128, 1, 1), (64, 256, 3, 4)],
)
def test_kernels_have_variance_two_over_fan_out(inputs, outputs, size, groups):
    """Fan-out as torchvision's ResNets and ResNeXts count it: outputs times pixels."""
    weight = _filled(Kernel(inputs, outputs, size, 1, groups)).weight
    expected = math.sqrt(2 / (outputs * size**2))
    assert weight.std().item() == pytest.approx(expected, rel=0.03)
    assert weight.mean().item() == pytest.approx(0, abs=0.03 * expected)
    # A normal draw, not a uniform one of the same variance.
    assert weight.abs().max() > 2.5 * expected


@pytest.mark.parametrize(("inputs", "outputs"), [(400, 30), (25, 500)])
def test_linear_layers_are_uniform_within_the_root_of_fan_in(inputs, outputs):
    layer = _filled(Linear(inputs, outputs))
    bound = 1 / math.sqrt(inputs)
    for values in (layer.weight, layer.bias):
        assert values.abs().max() <= bound
        assert values.max() > 0.8 * bound
        assert values.min() < -0.8 * bound
    assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.03)


@pytest.mark.parametrize(
    "name", ["resnet-mini", "resnext-mini", "densenet-mini", "convnet-mini", "vgg-mini"]
)
def test_every_kernel_of_the_demos_networks_is_filled(name):
    model = build(name, 24, 1, seed=3)
    kernels = [layer.weight for layer in model.modules() if isinstance(layer, Kernel)]
    assert len(kernels) > 3
    for weight in kernels:
        expected = math.sqrt(2 / (weight.shape[0] * weight.shape[2] ** 2))
        assert weight.std().item() == pytest.approx(expected, rel=0.35)  # 72 values at the least


def test_architectures_draw_from_streams_of_their_own():
    """Equal stems of equal seeds: their weights have nothing in common."""
    stems = [build(name, 24, 1, seed=3).trunk[0].weight for name in ("resnet-mini", "resnext-mini")]
    assert stems[0].shape == stems[1].shape
    assert not torch.isin(*stems).any()
