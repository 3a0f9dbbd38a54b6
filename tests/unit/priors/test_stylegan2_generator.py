"""The generator against its literal formulas, and its gradient against finite differences."""

import pytest
import stylegan2_reference as reference
import torch
from mirage.errors import MirageError
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2.generator import Generator
from mirage.priors.stylegan2.mapping import truncate


@pytest.mark.parametrize(("colours", "bound"), [(3, None), (1, None), (3, 1.5)])
def test_images_follow_the_formulas(make_generator, randn, colours, bound):
    generator = make_generator(image_channels=colours, conv_clamp=bound).double()
    ws = randn(2, generator.num_ws, 8)
    images = generator.synthesis(ws)
    expected = [reference.synthesise(generator.state_dict(), w, 32, bound) for w in ws]
    assert images.shape == (2, colours, 32, 32)
    torch.testing.assert_close(images, torch.stack(expected), rtol=1e-11, atol=1e-11)


def test_clamp_acts(make_generator, randn):
    ws = randn(2, 8, 8)
    free, bound = (make_generator(conv_clamp=c).double().synthesis(ws) for c in (None, 1.5))
    assert (free - bound).abs().max() > 0.1


def test_mapping_follows_the_formulas(make_generator, randn):
    generator = make_generator(mapping_lr_multiplier=0.02).double()
    z = randn(4, 9)
    expected = [reference.map_latent(generator.state_dict(), row, 3, 0.02) for row in z]
    torch.testing.assert_close(generator.mapping(z), torch.stack(expected), rtol=1e-12, atol=0)
    torch.testing.assert_close(generator.mapping(5 * z), generator.mapping(z))


def test_gradient_to_w(make_generator, randn):
    generator = make_generator(8, (5, 4)).double()
    weights = randn(2, 3, 8, 8, seed=5)

    def projection(w):
        return (generator.synthesis(w[:, None].expand(-1, 4, -1)) * weights).sum((1, 2, 3))

    w = randn(2, 8).requires_grad_()
    assert torch.autograd.gradcheck(projection, w)
    # Path-length regularisation differentiates the gradient of a generator that learns once more.
    generator.requires_grad_(True)
    assert torch.autograd.gradcheck(projection, w)
    assert torch.autograd.gradgradcheck(projection, w, fast_mode=True)


def test_weights_can_be_trained(make_generator, randn):
    generator = make_generator(8, (4, 3)).double().requires_grad_(True)
    generator(randn(2, 9)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in generator.parameters())


def test_fresh_noise_is_drawn_per_image_from_its_stream(make_generator, randn):
    generator = make_generator()
    ws = randn(1, 1, 8).float().expand(2, generator.num_ws, 8)
    constant = generator.synthesis(ws)
    first, second = (
        generator.synthesis(ws, noise=torch.Generator().manual_seed(4)) for _ in range(2)
    )
    torch.testing.assert_close(constant[0], constant[1])
    assert torch.equal(first, second)
    assert (first[0] - first[1]).abs().max() > 0.01


def test_images_made_in_inference_mode_leave_nothing_behind(make_generator, randn):
    generator = make_generator().double()
    ws = randn(1, 8, 8)
    with torch.inference_mode():
        seen = generator.synthesis(ws)
    ws.requires_grad_()
    image = generator.synthesis(ws)
    image.sum().backward()
    torch.testing.assert_close(image, seen, rtol=1e-13, atol=1e-13)
    assert ws.grad.abs().sum() > 0


def test_published_shapes_and_names():
    config = GeneratorConfig(64)
    names = Generator(config).state_dict()
    assert [GeneratorConfig(1024).channels_at(r) for r in (4, 64, 128, 1024)] == [512, 512, 256, 32]
    shapes = {
        "mapping.w_avg": (512,),
        "mapping.fc7.weight": (512, 512),
        "synthesis.b4.const": (512, 4, 4),
        "synthesis.b4.conv1.noise_const": (4, 4),
        "synthesis.b64.conv0.weight": (512, 512, 3, 3),
        "synthesis.b64.conv0.affine.bias": (512,),
        "synthesis.b64.conv1.noise_strength": (),
        "synthesis.b64.torgb.weight": (3, 512, 1, 1),
        "synthesis.b64.torgb.affine.weight": (512, 512),
    }
    for name, shape in shapes.items():
        assert names[name].shape == shape
    assert not any(name.startswith("synthesis.b4.conv0") for name in names)


@pytest.mark.parametrize(("image_px", "num_ws"), [(1024, 18), (512, 16), (256, 14), (32, 8)])
def test_latents_per_image(image_px, num_ws):
    channels = (1,) * (image_px.bit_length() - 2)
    config = GeneratorConfig(image_px, channels=channels, z_dim=2, w_dim=2, mapping_layers=1)
    assert Generator(config).num_ws == num_ws


def test_fresh_weights_depend_on_the_seed_alone(make_generator):
    torch.manual_seed(1)
    one = make_generator(seed=1).state_dict()
    torch.manual_seed(2)
    again, other = make_generator(seed=1).state_dict(), make_generator(seed=2).state_dict()
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["synthesis.b4.const"], other["synthesis.b4.const"])


def test_truncation(randn):
    w, mean = randn(3, 8), randn(8, seed=1)
    ws = truncate(w, mean, 6, psi=0.5, cutoff=2)
    assert ws.shape == (3, 6, 8)
    assert torch.equal(ws[:, 2:], w[:, None].expand(-1, 4, -1))
    torch.testing.assert_close(ws[:, 1], (w + mean) / 2)
    torch.testing.assert_close(truncate(w, mean, 6, 0.5, None)[:, 5], (w + mean) / 2)
    assert torch.equal(truncate(w, mean, 6, 0.5, 99), truncate(w, mean, 6, 0.5, None))
    assert torch.equal(truncate(w, mean, 6, 1.0, None), w[:, None].expand(-1, 6, -1))
    torch.testing.assert_close(truncate(w, mean, 6, 0.0, None), mean.expand(3, 6, -1))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"image_px": 48}, "image_px"),
        ({"image_px": 4}, "image_px"),
        ({"image_px": 32, "image_channels": 2}, "image_channels"),
        ({"image_px": 32, "channels": [8, 8, 8]}, "channels"),
        ({"image_px": 32, "conv_clamp": 0}, "conv_clamp"),
        ({"image_px": 32, "w_dim": 0}, "w_dim"),
        ({"image_px": 32, "width": 1}, "width"),
    ],
)
def test_impossible_shapes_are_named(settings, named):
    with pytest.raises(MirageError, match=named):
        GeneratorConfig.of(settings)


@pytest.mark.parametrize("crop_px", [800, 1024])
def test_no_activation_outgrows_32_bit_indices(crop_px, largest_activations):
    """The published prior with any batch, on tensors without values."""
    with torch.device("meta"):
        pipeline = ImagePipeline(Generator(GeneratorConfig(image_px=1024)).eval(), crop_px)
        w = torch.zeros(250, 512)
        with torch.no_grad(), largest_activations() as one:
            pipeline.images(w[:1], 224)
        with torch.no_grad(), largest_activations() as many:
            assert pipeline.images(w, 224).shape == (250, 3, 224, 224)
    assert one.elements * 250 > 2**31  # else nothing had to be split
    assert many.elements < 2**31
    assert one.elements == pipeline.generator.synthesis.largest_activation(pipeline.region)


def test_images_do_not_depend_on_the_split(monkeypatch):
    shape = {"image_px": 16, "image_channels": 1, "channel_base": 64, "channel_max": 8}
    generator = Generator(GeneratorConfig(**shape, z_dim=8, w_dim=8)).eval()
    pipeline = ImagePipeline(generator, 12)
    w = torch.randn(7, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    whole = pipeline.images(w, 12)
    (slope,) = torch.autograd.grad(whole.square().sum(), w)
    largest = generator.synthesis.largest_activation(pipeline.region)
    three = 4 * largest - 1
    monkeypatch.setattr("mirage.priors.stylegan2.layers.INDEXABLE", three)
    parts = pipeline.images(w, 12)
    torch.testing.assert_close(parts, whole)
    (again,) = torch.autograd.grad(parts.square().sum(), w)
    torch.testing.assert_close(again, slope, rtol=1e-4, atol=1e-5)
