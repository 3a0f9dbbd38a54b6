"""What a frozen generator computes in fewer passes is what it would compute without."""

import math

import pytest
import torch
import torch.nn.functional as F
from mirage.errors import MirageError
from mirage.priors.stylegan2 import frozen, layers, resampling, synthesis
from mirage.priors.stylegan2.regions import Interval, Window, centre_region, levels

WHOLE, CENTRE = Window.whole(32), centre_region(32, 21)
ASKEW = Window(Interval(3, 32), Interval(8, 19))


@pytest.fixture(autouse=True)
def large(monkeypatch):
    """Small images stand for those that are large enough."""
    monkeypatch.setattr(synthesis, "LARGE_PX", 32)


@pytest.fixture
def inputs(randn):
    """Features, demodulation, noise, bias, style and toRGB's weight, of no special values."""
    leaves = [randn(2, 3, 5, 4), 0.1 + randn(2, 3, seed=1).abs(), randn(2, 3, seed=4),
              randn(2, 4, 3, seed=5)]  # fmt: skip
    z, scale, style, colour = (leaf.requires_grad_() for leaf in leaves)
    return z, scale, randn(5, 4, seed=2), randn(3, seed=3), style, colour


def _plain(z, scale, field, bias, style, colour, clamp):
    y = F.leaky_relu(z * scale[:, :, None, None] + field + bias[:, None, None], layers.SLOPE)
    y = layers.clamped(y, clamp)
    styled = None if style is None else y * style[:, :, None, None]
    return styled, None if colour is None else torch.einsum("nkc,nchw->nkhw", colour, y)


@pytest.mark.parametrize("clamp", [None, 0.7])
@pytest.mark.parametrize("asked", ["both", "style", "colour"])
def test_values_and_gradients_are_those_of_single_operations(inputs, asked, clamp):
    z, scale, field, bias, style, colour = inputs
    style, colour = (None if asked == "colour" else style), (None if asked == "style" else colour)

    def made(z, scale, *rest):
        rest = iter(rest)
        given = [next(rest) if there is not None else None for there in (style, colour)]
        found = frozen.between(z, frozen.Epilogue(scale, field, bias, clamp), *given)
        return tuple(x for x in found if x is not None)

    leaves = [x for x in (z, scale, style, colour) if x is not None]
    ours = made(*leaves)
    plain = _plain(z, scale, field, bias, style, colour, clamp)
    plain = tuple(x for x in plain if x is not None)
    torch.testing.assert_close(ours, plain, rtol=1e-13, atol=1e-13)
    assert torch.autograd.gradcheck(made, leaves)
    cotangents = [torch.linspace(-1, 2, x.numel()).view(x.shape).to(x) for x in ours]
    gradients = [torch.autograd.grad(made, leaves, cotangents) for made in (ours, plain)]
    torch.testing.assert_close(*gradients, rtol=1e-11, atol=1e-11)


def test_one_of_two_results_may_go_unused(inputs):
    z, scale, field, bias, style, colour = inputs
    leaves = [z, scale, style, colour]
    for index in (0, 1):
        ours, plain = (
            made[index].sum()
            for made in (
                frozen.between(z, frozen.Epilogue(scale, field, bias, None), style, colour),
                _plain(z, scale, field, bias, style, colour, None),
            )
        )
        used = [leaf for leaf in leaves if leaf is not (colour, style)[index]]
        gradients = [torch.autograd.grad(value, used) for value in (ours, plain)]
        torch.testing.assert_close(*gradients, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("shape", "stride", "padding", "groups", "transposed"),
    [
        ((5, 3, 3, 3), 1, (1, 1), 1, False),
        ((5, 3, 3, 3), 1, (0, 2), 1, False),
        ((3, 5, 3, 3), 2, (2, 1), 1, True),
        ((3, 1, 4, 4), 1, (0, 0), 3, False),
    ],
)
def test_convolutions(randn, shape, stride, padding, groups, transposed):
    x, weight = randn(2, 3, 7, 6).requires_grad_(), randn(*shape, seed=1)
    settings = stride, padding, groups, transposed
    ours, plain = (made.convolution(x, weight, *settings) for made in (frozen, layers))
    assert torch.equal(ours, plain)
    assert torch.autograd.gradcheck(lambda x: frozen.convolution(x, weight, *settings), x)
    gradients = [torch.autograd.grad(made.sin().sum(), x)[0] for made in (ours, plain)]
    assert torch.equal(*gradients)


@pytest.mark.parametrize("clamp", [None, 1.5])
@pytest.mark.parametrize("region", [WHOLE, CENTRE, ASKEW])
def test_images_and_gradients_are_those_of_a_generator_that_learns(
    make_generator, randn, region, clamp
):
    generator = make_generator(conv_clamp=clamp).double()
    ws = randn(2, 8, 8).requires_grad_()
    images, gradients = [], []
    for learns in (False, True):
        generator.requires_grad_(learns)
        images.append(generator.synthesis(ws, region))
        cotangent = randn(*images[-1].shape, seed=6)
        gradients.append(torch.autograd.grad(images[-1], ws, cotangent)[0])
    torch.testing.assert_close(*images, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


def test_in_float32_the_gradient_errs_no_more_than_that_of_single_operations(make_generator, randn):
    ws = randn(4, 8, 8)
    exact, *rounded = (
        _gradient(make_generator(), ws, dtype, learns)
        for dtype, learns in ((torch.float64, True), (torch.float32, False), (torch.float32, True))
    )
    ours, plain = ((gradient - exact).norm() / exact.norm() for gradient in rounded)
    assert ours < max(2 * plain, 1e-5)


def _gradient(generator, ws, dtype, learns):
    generator = generator.to(dtype).requires_grad_(learns)
    ws = ws.to(dtype).requires_grad_()
    return torch.autograd.grad(generator.synthesis(ws).square().sum(), ws)[0].double()


def test_a_second_gradient_is_refused_in_plain_words(make_generator, randn):
    generator = make_generator()
    ws = randn(1, 8, 8).float().requires_grad_()
    with pytest.raises(MirageError, match="is to be differentiated once more"):
        torch.autograd.grad(generator.synthesis(ws).sum(), ws, create_graph=True)


def test_one_that_learns_or_is_small_is_computed_one_operation_at_a_time(
    make_generator, randn, monkeypatch
):
    """So that a training is what it was, bit for bit, and path lengths can be differentiated."""
    for name in ("between", "convolution"):
        monkeypatch.delattr(frozen, name)
    generator, ws = make_generator(), randn(2, 8, 8).float().requires_grad_()
    for some in ("b4.const", "b32.conv0.bias"):
        generator.requires_grad_(False).synthesis.get_parameter(some).requires_grad_(True)
        generator.synthesis(ws)
    generator.requires_grad_(False)
    generator.synthesis(ws, noise=torch.Generator().manual_seed(0))
    generator.synthesis(ws.detach())
    with monkeypatch.context() as smaller:
        smaller.setattr(synthesis, "LARGE_PX", 33)
        generator.synthesis(ws)
    with pytest.raises(AttributeError):
        generator.synthesis(ws)


@pytest.mark.parametrize("end", [8, 6])
def test_a_cut_convolution_is_a_cut_out_of_the_convolution(randn, end):
    x, weight = randn(1, 2, 8, 8), randn(3, 2, 3, 3, seed=1)
    whole = resampling.upsampling_convolution(x, weight, Window.whole(8), Window.whole(16))
    literal = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
    assert torch.equal(whole, resampling.filter_fir(literal, 4.0, 1))
    held = Window(Interval(2, end), Interval(1, 7))
    wanted = Window(Interval(6, 16 if end == 8 else 10), Interval(4, 12))
    part = resampling.upsampling_convolution(x[..., 2:end, 1:7], weight, held, wanted)
    expected = whole[..., slice(*wanted.rows), slice(*wanted.columns)]
    torch.testing.assert_close(part, expected, rtol=1e-13, atol=1e-13)


def test_nothing_but_activations_is_kept(make_generator, randn):
    generator, ws = make_generator(), randn(2, 8, 8).float().requires_grad_()
    weights = {x.untyped_storage().data_ptr() for x in generator.state_dict().values()}
    kept = {}

    def keep(x):
        storage = x.untyped_storage().data_ptr()
        if x.ndim == 4 and x.shape[1] > 1 and storage not in weights:
            kept[storage] = x.numel()
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        generator.synthesis(ws, CENTRE)
    plan = levels(CENTRE, 32)
    shapes = [(7, plan[4].features.shape)]
    for channels, resolution in ((6, 8), (5, 16), (4, 32)):
        shapes += [(channels, plan[resolution].inner.shape)]
        shapes += [(channels, plan[resolution].features.shape)]
    assert sorted(kept.values()) == sorted(2 * c * math.prod(shape) for c, shape in shapes)
