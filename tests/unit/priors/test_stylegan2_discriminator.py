"""The discriminator against its literal formulas, and its first and second derivatives."""

import copy

import pytest
import stylegan2_reference as reference
import torch
from mirage.errors import MirageError
from mirage.priors.shapes import DiscriminatorConfig
from mirage.priors.stylegan2.discriminator import Discriminator


@pytest.mark.parametrize(
    ("count", "group", "statistics", "bound"),
    [(4, 2, 1, None), (3, 4, 1, None), (8, 4, 2, None), (4, 4, 1, 1.0)],
)
def test_scores_follow_the_formulas(make_discriminator, randn, count, group, statistics, bound):
    network = make_discriminator(
        deviation_group=group, deviation_channels=statistics, conv_clamp=bound
    ).double()
    images = randn(count, 3, 16, 16)
    expected = reference.discriminate(network.state_dict(), images, 16, group, statistics, bound)
    torch.testing.assert_close(network(images)[:, 0], expected, rtol=1e-11, atol=1e-11)


def test_derivatives(make_discriminator, randn):
    network = make_discriminator(8, (4, 3), image_channels=1).double()
    images = randn(2, 1, 8, 8).requires_grad_()
    assert torch.autograd.gradcheck(network, images, fast_mode=True)
    assert torch.autograd.gradgradcheck(network, images, fast_mode=True)


def test_published_names():
    shapes = {name: tuple(t.shape) for name, t in Discriminator(_config()).state_dict().items()}
    assert shapes["b16.fromrgb.weight"] == (4, 3, 1, 1)
    assert shapes["b16.conv1.weight"] == (5, 4, 3, 3)
    assert shapes["b8.skip.weight"] == (6, 5, 1, 1)
    assert shapes["b4.conv.weight"] == (6, 7, 3, 3)
    assert shapes["b4.fc.weight"] == (6, 96)
    assert shapes["b4.out.bias"] == (1,)
    assert not {"b8.fromrgb.weight", "b8.skip.bias"} & set(shapes)


def test_impossible_shapes_are_named():
    with pytest.raises(MirageError, match="deviation_channels"):
        DiscriminatorConfig(16, channels=(6, 5, 4), deviation_channels=4)


def _config():
    return DiscriminatorConfig(16, channels=(6, 5, 4))


def test_half_precision_at_the_top_moves_scores_by_its_rounding():
    """What the official network does on a GPU (top four resolutions), and ours does not."""
    ours = Discriminator(DiscriminatorConfig(128, channel_base=2048, conv_clamp=256.0)).eval()
    images = torch.randn(8, 3, 128, 128, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    with torch.no_grad():
        expected = ours(images)
        x = images
        for resolution in (128, 64, 32, 16):
            block = copy.deepcopy(ours.get_submodule(f"b{resolution}")).half()
            x = block(x.half())
        found = ours.b4(ours.b8(x.float()))
    gap = float((found - expected).abs().max() / expected.abs().max())
    assert 1e-5 < gap < 2e-3


def test_no_activation_outgrows_32_bit_indices(largest_activations):
    """The published discriminator with a large official batch, on tensors without values."""
    with torch.device("meta"):
        network = Discriminator(DiscriminatorConfig(image_px=1024))
        images = torch.zeros(128, 3, 1024, 1024)
        with torch.no_grad(), largest_activations() as one:
            network(images[:1])
        with torch.no_grad(), largest_activations() as many:
            assert network(images).shape == (128, 1)
    assert one.elements * 128 > 2**31  # else nothing had to be split
    assert many.elements < 2**31
    assert one.elements == network.largest_activation()


def test_scores_do_not_depend_on_the_split(make_discriminator, randn, monkeypatch):
    network = make_discriminator(deviation_group=2).double()
    images = randn(8, 3, 16, 16).requires_grad_()
    whole = network(images)
    (slope,) = torch.autograd.grad(whole.square().sum(), images)
    three = 4 * network.largest_activation() - 1
    monkeypatch.setattr("mirage.priors.stylegan2.layers.INDEXABLE", three)
    parts = network(images)
    torch.testing.assert_close(parts, whole, rtol=1e-12, atol=1e-12)
    (again,) = torch.autograd.grad(parts.square().sum(), images)
    torch.testing.assert_close(again, slope, rtol=1e-12, atol=1e-12)
