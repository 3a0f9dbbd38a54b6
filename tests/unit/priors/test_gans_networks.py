"""The low-resolution priors' networks against PyTorch's own modules, spelled out."""

import math
from itertools import chain

import pytest
import torch
from mirage.errors import MirageError
from mirage.priors import weights
from mirage.priors.gans.conditional import ConditionalGenerator
from mirage.priors.gans.critic import ClassifyingDiscriminator, Critic, MinibatchDiscrimination
from mirage.priors.gans.deconvolution import DeconvolutionGenerator
from mirage.priors.gans.layers import (
    UnfilledConvolution,
    UnfilledDeconvolution,
    UnfilledLinear,
    initialise,
)
from mirage.priors.gans.projection import ProjectionDiscriminator
from mirage.priors.gans.sizes import (
    ClassifyingConfig,
    ConditionalConfig,
    CriticConfig,
    DeconvolutionConfig,
    ProjectionConfig,
)
from mirage.priors.kinds import KINDS
from torch import nn
from torch.nn import functional as F

PUBLISHED = {
    "wgan.generator": 5_142_083,
    "wgan.discriminator": 4_316_545,
    "ked.generator": 5_142_083,
    "ked.discriminator": 18_888_936,
    "plg.generator": 17_973_379,
    "plg.discriminator": 11_165_441,
}

SMALL = {"image_px": 32, "image_channels": 1}
DECONVOLUTION = DeconvolutionConfig(**SMALL, channels=(7, 6, 5), z_dim=9)
CRITIC = CriticConfig(**SMALL, channels=(7, 6, 5))
CLASSIFYING = ClassifyingConfig(**SMALL, channels=(7, 6, 5), classes=4, kernels=3, kernel_dims=2)
CONDITIONAL = ConditionalConfig(**SMALL, channels=(8, 7, 6, 5), z_dim=9, classes=4)
PROJECTION = ProjectionConfig(**SMALL, channels=(8, 7, 6, 5), classes=4)
ALL = {
    "wgan.generator": DECONVOLUTION,
    "wgan.discriminator": CRITIC,
    "ked.generator": DECONVOLUTION,
    "ked.discriminator": CLASSIFYING,
    "plg.generator": CONDITIONAL,
    "plg.discriminator": PROJECTION,
}
LABELS = torch.tensor([0, 3, 3, 1, 2])


def _made(name, config=None, seed=0):
    kind, role = name.split(".")
    network = KINDS[kind][role]
    return network.build(config or network.config(), seed)


def _shaken(network):
    """In float64, every weight random, so that no term is zero."""
    draws = torch.Generator().manual_seed(1)
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor += 0.3 * torch.rand(tensor.shape, generator=draws) - 0.15
    return network.double()


def _randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _unit(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def _filled(reference, network):
    """A reference with the weights of a network: the same tensors in the same order."""
    own = [v for v in network.state_dict().values() if v.is_floating_point()]
    theirs = [v for v in reference.state_dict().values() if v.is_floating_point()]
    for target, value in zip(theirs, own, strict=True):
        target.data.copy_(value)
    return reference


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_the_published_networks_have_as_many_parameters(name, count):
    assert sum(p.numel() for p in _made(name).parameters()) == count


def test_the_deconvolution_generator_layer_by_layer():
    def up(inputs, outputs):
        deconvolution = nn.ConvTranspose2d(
            inputs, outputs, 5, stride=2, padding=2, output_padding=1, bias=False
        )
        return [deconvolution, nn.BatchNorm2d(outputs), nn.ReLU()]

    network = _shaken(DeconvolutionGenerator(DECONVOLUTION))
    reference = nn.Sequential(
        nn.Linear(9, 7 * 16, bias=False), nn.BatchNorm1d(7 * 16), nn.ReLU(),
        nn.Unflatten(1, (7, 4, 4)), *up(7, 6), *up(6, 5),
        nn.ConvTranspose2d(5, 1, 5, stride=2, padding=2, output_padding=1), nn.Sigmoid(),
    ).double()  # fmt: skip
    z = _randn(5, 9)
    for mode in (True, False):
        images = network.train(mode)(z, LABELS)
        torch.testing.assert_close(images, _filled(reference, network).train(mode)(z))
        assert images.shape == (5, 1, 32, 32)
        assert 0 < images.min() < images.max() < 1


def test_the_critic_layer_by_layer():
    def down(inputs, outputs):
        normed = nn.InstanceNorm2d(outputs, affine=True)
        return [nn.Conv2d(inputs, outputs, 5, 2, 2), normed, nn.LeakyReLU(0.2)]

    network = _shaken(Critic(CRITIC))
    first = [nn.Conv2d(1, 5, 5, 2, 2), nn.LeakyReLU(0.2)]
    reference = nn.Sequential(*first, *down(5, 6), *down(6, 7), nn.Conv2d(7, 1, 4)).double()
    images = _unit(5, 1, 32, 32)
    expected = _filled(reference, network)(images)[:, 0, 0, 0]
    torch.testing.assert_close(network(images), expected)


def test_the_classifying_discriminator_layer_by_layer():
    def down(inputs, outputs, kernel):
        normed = nn.InstanceNorm2d(outputs, affine=True)
        convolution = nn.Conv2d(inputs, outputs, kernel, 2, kernel // 2)
        return [convolution, normed, nn.LeakyReLU(0.2)]

    network = _shaken(ClassifyingDiscriminator(CLASSIFYING))
    network.compare.projection.data *= 0.05  # else no two images are near
    body = nn.Sequential(*down(1, 5, 5), *down(5, 6, 5), *down(6, 7, 3), nn.Flatten()).double()
    _filled(body, network.body)
    images = _unit(5, 1, 32, 32)
    features, logits = network(images)
    expected = body(images)
    torch.testing.assert_close(features, expected)
    closeness = torch.zeros(5, 3, dtype=torch.float64)
    for b in range(3):
        projected = expected @ network.compare.projection[:, b]
        for i in range(5):
            for j in set(range(5)) - {i}:
                closeness[i, b] += torch.exp(-(projected[i] - projected[j]).abs().sum())
    assert closeness.min() > 1e-3
    head = network.classify
    joined = torch.cat([expected, closeness], dim=1)
    torch.testing.assert_close(logits, joined @ head.weight.T + head.bias)


def test_minibatch_discrimination_by_hand():
    layer = MinibatchDiscrimination(1, 1, 2).double()
    layer.projection.data.copy_(torch.tensor([[[1.0, -2.0]]]))
    features = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
    # Distances are three times those of the features: 3 and 9, 3 and 6, 9 and 6.
    near = [math.exp(-3) + math.exp(-9), math.exp(-3) + math.exp(-6), math.exp(-9) + math.exp(-6)]
    expected = torch.tensor(near, dtype=torch.float64)
    torch.testing.assert_close(layer(features)[:, 1], expected)


def _norm(module, x, labels, train):
    """Conditional batch norm by its definition."""
    if train:
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    else:
        mean, variance = module.norm.running_mean, module.norm.running_var
    at = (None, slice(None), None, None)
    y = (x - mean[at]) / (variance[at] + 1e-5).sqrt()
    scale = torch.stack([module.scale[label] for label in labels])
    shift = torch.stack([module.shift[label] for label in labels])
    return y * scale[:, :, None, None] + shift[:, :, None, None]


@pytest.mark.parametrize("train", [True, False])
def test_the_conditional_generator_layer_by_layer(train):
    network = _shaken(ConditionalGenerator(CONDITIONAL)).train(train)
    double = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    z = _randn(5, 9)
    x = (z @ network.project.weight.T + network.project.bias).view(5, 8, 4, 4)
    for block in network.blocks:
        y = double(F.relu(_norm(block.norm1, x, LABELS, train)))
        y = F.conv2d(y, block.conv1.weight, block.conv1.bias, padding=1)
        y = F.relu(_norm(block.norm2, y, LABELS, train))
        y = F.conv2d(y, block.conv2.weight, block.conv2.bias, padding=1)
        x = y + F.conv2d(double(x), block.shortcut.weight, block.shortcut.bias)
    last = nn.BatchNorm2d(5).double().train(train)
    last.load_state_dict(network.norm.state_dict())
    x = F.conv2d(F.relu(last(x)), network.image.weight, network.image.bias)
    images = network(z, LABELS)
    torch.testing.assert_close(images, x.tanh())
    assert images.shape == (5, 1, 32, 32)
    assert (images - network(z, LABELS.flip(0))).abs().max() > 1e-3


def _normed(layer):
    """PyTorch's layer under its own spectral norm, from the same vectors."""
    values, left, right = layer.weight.values, layer.weight.left, layer.weight.right
    if values.ndim == 4:
        kernel = values.shape[2]
        plain = nn.Conv2d(values.shape[1], values.shape[0], kernel, padding=kernel // 2)
    elif hasattr(layer, "bias"):
        plain = nn.Linear(values.shape[1], values.shape[0])
    else:
        plain = nn.Embedding(*values.shape)
    plain.weight.data = values.detach().clone()
    if hasattr(layer, "bias"):
        plain.bias.data = layer.bias.detach().clone()
    plain = nn.utils.spectral_norm(plain.double())
    plain.weight_u.copy_(left)
    plain.weight_v.copy_(right)
    return plain


def test_the_projection_discriminator_layer_by_layer_and_pass_by_pass():
    network = ProjectionDiscriminator(PROJECTION).double()
    blocks = [
        [_normed(layer) for layer in (block.conv1, block.conv2, block.shortcut)]
        for block in network.blocks
    ]
    score, embedding = _normed(network.score), _normed(network.embedding)

    def reference(images):
        conv1, conv2, shortcut = blocks[0]
        x = F.avg_pool2d(conv2(F.relu(conv1(images))), 2) + shortcut(F.avg_pool2d(images, 2))
        for conv1, conv2, shortcut in blocks[1:]:
            y = F.avg_pool2d(conv2(F.relu(conv1(F.relu(x)))), 2)
            x = y + F.avg_pool2d(shortcut(x), 2)
        h = F.relu(x).sum((2, 3))
        return score(h)[:, 0] + (embedding(LABELS) * h).sum(1)

    # The norms move on with each pass in training, and stand still outside.
    images = _unit(5, 1, 32, 32)
    for train in (True, True, False, False):
        network.train(train)
        for layer in (*chain(*blocks), score, embedding):
            layer.train(train)
        ours, theirs = network(images, LABELS), reference(images)
        torch.testing.assert_close(ours, theirs)
        (own,) = torch.autograd.grad(ours.sum(), network.blocks[1].conv1.weight.values)
        (other,) = torch.autograd.grad(theirs.sum(), blocks[1][0].weight_orig)
        torch.testing.assert_close(own, other)


def test_spectral_norm_becomes_one_and_stays_with_the_state():
    network = ProjectionDiscriminator(PROJECTION).double()
    images = _unit(5, 1, 32, 32)
    for _ in range(400):
        network(images, LABELS)
    network.eval()
    for name in ("score", "embedding"):
        weight = network.get_submodule(f"{name}.weight")
        largest = torch.linalg.svdvals(weight.values.detach().flatten(1))[0]
        torch.testing.assert_close(weight(), weight.values / largest)
    fresh = ProjectionDiscriminator(PROJECTION, seed=5).double().eval()
    assert (fresh(images, LABELS) - network(images, LABELS)).abs().max() > 1e-3
    fresh.load_state_dict(network.state_dict())
    assert torch.equal(fresh(images, LABELS), network(images, LABELS))


def test_weights_start_as_pytorchs_would():
    draws = torch.Generator().manual_seed(3)
    for make, plain in (
        (UnfilledLinear, nn.Linear), (UnfilledConvolution, nn.Conv2d),
        (UnfilledDeconvolution, nn.ConvTranspose2d),
    ):  # fmt: skip
        shape = (40, 90) if plain is nn.Linear else (40, 90, 5)
        ours, theirs = make(*shape), plain(*shape)
        initialise(ours, draws)
        for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert own.abs().max().item() == pytest.approx(other.abs().max().item(), rel=0.15)
            assert own.std().item() == pytest.approx(other.std().item(), rel=0.2)


def test_the_projection_discriminator_starts_from_xaviers_bounds():
    network = ProjectionDiscriminator(ProjectionConfig(channels=(64, 64, 64, 64, 64)))
    block = network.blocks[1]
    for layer, bound in (
        (block.conv1, math.sqrt(2) * math.sqrt(6 / (9 * 64 + 9 * 64))),
        (block.conv2, math.sqrt(2) * math.sqrt(6 / (9 * 64 + 9 * 64))),
        (block.shortcut, math.sqrt(6 / (64 + 64))),
        (network.score, math.sqrt(6 / (64 + 1))),
        (network.embedding, math.sqrt(6 / (1000 + 64))),
    ):
        largest = layer.weight.values.abs().max().item()
        assert 0.9 * bound < largest <= bound
        assert layer.weight.left.norm().item() == pytest.approx(1)
        assert layer.weight.right.norm().item() == pytest.approx(1)
    assert 0.8 / 24 < block.conv1.bias.abs().max().item() <= 1 / 24


@pytest.mark.parametrize("name", ALL)
def test_weights_are_the_seeds_and_no_global_state_is_touched(name):
    before = torch.get_rng_state()
    once, again, other = (_made(name, ALL[name], seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(once[key], again[key]) for key in once)
    drawn = {key for key in once if not torch.equal(once[key], other[key])}
    assert drawn >= {key for key in once if once[key].unique().numel() > 1}


@pytest.mark.parametrize("name", ALL)
def test_weights_come_back_from_their_file(name, tmp_path):
    kind, role = name.split(".")
    network = _made(name, ALL[name]).float()
    save, load = (getattr(weights, f"{verb}_{role}") for verb in ("save", "load"))
    save(tmp_path / "w.safetensors", network, {"seed": 1}, kind)
    loaded = load(tmp_path / "w.safetensors")
    assert type(loaded) is type(network)
    assert loaded.config == network.config
    ours, theirs = network.state_dict(), loaded.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert not loaded.training


@pytest.mark.parametrize(
    ("make", "settings", "named"),
    [
        (DeconvolutionConfig, {"image_px": 32}, "image_px is 32.*64, .*4 channels from 4 px"),
        (ConditionalConfig, {"image_px": 32}, "image_px is 32.*64"),
        (ProjectionConfig, {"image_px": 32}, "image_px is 32.*64, .*from 2 px"),
        (CriticConfig, {"channels": ()}, "channels"),
        (CriticConfig, {"image_channels": 2}, "image_channels"),
        (DeconvolutionConfig, {"z_dim": 0}, "z_dim"),
        (ClassifyingConfig, {"classes": 0}, "classes"),
        (ClassifyingConfig, {"kernels": 0}, "kernels"),
        (DeconvolutionConfig, {"channels": (99999, 512, 256, 128)}, "channels"),
    ],
)
def test_impossible_shapes_are_named(make, settings, named):
    with pytest.raises(MirageError, match=named):
        make(**settings)
