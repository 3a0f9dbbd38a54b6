"""PLG-MI's random views against one image at a time, by scipy and by torchvision."""

import math

import numpy as np
import pytest
import torch
from mirage.random_views import Views, draw_orders, draw_views, show
from mirage.recipes import RandomViewRecipe
from mirage.streams import generator
from scipy.ndimage import map_coordinates
from torch.nn import functional as F
from torchvision.transforms import functional as tv

IN_ORDER = torch.tensor([0, 1, 2])


def _images(count=6, channels=3, px=16, low=-0.3, high=1.3):
    draws = torch.rand(count, channels, px, px, generator=generator(1), dtype=torch.float64)
    return low + (high - low) * draws


def _views(count, **fields):
    """Views that do nothing on 16 px, but for the given fields."""
    told = {
        "side": 16, "top": 0, "left": 0, "brightness": 1.0, "contrast": 1.0, "jittered": False,
        "mirrored": False, "degrees": 0.0,
    } | fields  # fmt: skip
    made = {name: torch.as_tensor(value).expand(count) for name, value in told.items()}
    return Views(**{n: v.double() if v.is_floating_point() else v for n, v in made.items()})


def _resampled(image, rows, columns):
    """One image [C, H, W] at places [P, Q], linear, 0 outside; scipy knows no other package."""
    return np.stack([map_coordinates(c, [rows, columns], order=1, cval=0.0) for c in image])


def _alone(image, view, order):
    """One image, step after step, as the published text says."""
    px, side = image.shape[-1], int(view.side)
    window = image[:, view.top : view.top + side, view.left : view.left + side]
    line = np.arange(px) * (side - 1) / (px - 1)
    image = _resampled(window.numpy(), *np.meshgrid(line, line, indexing="ij"))
    if view.jittered:
        for number in order.tolist():
            if number == 0:
                image = image * float(view.brightness)
            elif number == 1:
                weights = [0.299, 0.587, 0.114] if len(image) == 3 else [1.0]
                grey = np.average(image, axis=0, weights=weights).mean()
                image = float(view.contrast) * image + (1 - float(view.contrast)) * grey
            image = image.clip(0, 1)
    if view.mirrored:
        image = image[:, :, ::-1]
    turn, centre = math.radians(float(view.degrees)), (px - 1) / 2
    y, x = np.meshgrid(np.arange(px) - centre, np.arange(px) - centre, indexing="ij")
    rows = math.cos(turn) * y - math.sin(turn) * x + centre
    columns = math.sin(turn) * y + math.cos(turn) * x + centre
    # Its margin of zeros: scipy cuts off at the outermost pixels, where weights fall to 0 beyond.
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)))
    return torch.from_numpy(_resampled(padded, rows + 1, columns + 1))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_batch_is_its_images_one_at_a_time(channels):
    recipe = RandomViewRecipe(crop_area=(0.3, 1.0), jitter=0.7, degrees=60, rotate=0.8)
    images = _images(40, channels)
    views = draw_views(40, 16, recipe, generator(2))
    orders = draw_orders(40, generator(3))
    shown = show(images, views, orders)
    expected = [_alone(images[n], views.of(n), orders[n]) for n in range(40)]
    torch.testing.assert_close(shown, torch.stack(expected), rtol=0, atol=1e-12)
    assert views.jittered.any()
    assert not views.jittered.all()


def test_crop_is_a_slice_resized_with_aligned_corners():
    images = _images()
    shown = show(images, _views(6, side=13, top=2, left=1), IN_ORDER)
    expected = F.interpolate(
        images[..., 2:15, 1:14], size=(16, 16), mode="bilinear", align_corners=True
    )
    torch.testing.assert_close(shown, expected)


def test_rotation_is_torchvisions_with_black_corners():
    images = _images(low=0.5).float()
    shown = show(images, _views(6, degrees=5.0), IN_ORDER)
    turned = [tv.rotate(images, a, tv.InterpolationMode.BILINEAR) for a in (5.0, -5.0)]
    gaps = [(shown - expected).abs().max() for expected in turned]
    assert min(gaps) < 1e-4 < max(gaps)
    assert shown[:, :, 0, 0].max() < images[:, :, 0, 0].min()


def test_jitter_is_torchvisions_in_its_order():
    images = _images(low=0, high=1)
    views = _views(6, jittered=True, brightness=1.2, contrast=0.8)
    for order in ([0, 1, 2], [1, 0, 2]):
        expected = images
        for number in order[:2]:
            change = (tv.adjust_brightness, tv.adjust_contrast)[number]
            expected = change(expected, (1.2, 0.8)[number])
        shown = show(images, views, torch.tensor(order))
        torch.testing.assert_close(shown, expected, rtol=0, atol=1e-4)  # 0.2989 is its red


def test_jitter_clamps_even_what_it_does_not_change():
    images = _images()
    torch.testing.assert_close(show(images, _views(6, jittered=True), IN_ORDER), images.clamp(0, 1))
    torch.testing.assert_close(show(images, _views(6), IN_ORDER), images)


def test_gradient_is_that_of_sampling_by_torch_and_0_where_clamped():
    images = _images(5).requires_grad_()
    views = _views(5, degrees=torch.tensor([-5.0, 0.0, 3.0, 45.0, 170.0]))
    weights = _images(5, low=-1, high=1)
    (ours,) = torch.autograd.grad((show(images, views, IN_ORDER) * weights).sum(), images)
    angle = views.degrees.deg2rad()
    zero = torch.zeros_like(angle)
    matrix = torch.stack([angle.cos(), angle.sin(), zero, -angle.sin(), angle.cos(), zero], 1)
    grid = F.affine_grid(matrix.view(-1, 2, 3), list(images.shape), align_corners=True)
    theirs = F.grid_sample(images, grid, align_corners=True)
    torch.testing.assert_close(show(images, views, IN_ORDER), theirs)
    (expected,) = torch.autograd.grad((theirs * weights).sum(), images)
    torch.testing.assert_close(ours, expected)
    jittered = show(images, _views(5, jittered=True), IN_ORDER)
    (gradient,) = torch.autograd.grad(jittered.sum(), images)
    outside = (images < 0) | (images > 1)
    assert torch.equal(gradient, (~outside).double())


def test_whole_view_by_finite_differences():
    images = _images(4, px=8, low=0.2, high=0.8).requires_grad_()
    views = draw_views(4, 8, RandomViewRecipe(rotate=1.0, crop_area=(0.4, 0.8)), generator(5))
    assert torch.autograd.gradcheck(lambda x: show(x, views, IN_ORDER), images)


@pytest.mark.parametrize(("px", "sides"), [(64, range(57, 64)), (32, range(29, 32))])
def test_sides_are_the_published_ones(px, sides):
    views = draw_views(20_000, px, RandomViewRecipe(), generator(6))
    counts = torch.bincount(views.side, minlength=px + 1)
    assert counts.nonzero()[:, 0].tolist() == list(sides)
    # Side s comes of areas between ((s - 1/2) / px)^2 and ((s + 1/2) / px)^2, of at least 0.8.
    low = torch.tensor([max(((s - 0.5) / px) ** 2, 0.8) for s in sides])
    high = torch.tensor([((s + 0.5) / px) ** 2 for s in sides])
    share = (high - low) / (high - low).sum()
    torch.testing.assert_close(counts[list(sides)] / 20_000, share, rtol=0, atol=0.015)
    for start in (views.top, views.left):
        assert start.min() == 0
        assert (start + views.side).max() == px
        assert (start <= px - views.side).all()


def test_strengths_and_probabilities():
    training = RandomViewRecipe(jitter=0.5)
    for recipe, share in ((RandomViewRecipe(), 1.0), (training, 0.5)):
        views = draw_views(8000, 64, recipe, generator(7))
        assert views.jittered.double().mean().item() == pytest.approx(share, abs=0.02)
        for factor in (views.brightness, views.contrast):
            assert (factor[~views.jittered] == 1).all()
            assert factor.min() >= 0.8
            assert factor.max() <= 1.2
            assert factor[views.jittered].std().item() == pytest.approx(0.4 / 12**0.5, abs=0.005)
        assert views.mirrored.double().mean().item() == pytest.approx(0.5, abs=0.02)
        turned = views.degrees != 0
        assert turned.double().mean().item() == pytest.approx(0.5, abs=0.02)
        assert views.degrees.abs().max() <= 5
        assert views.degrees[turned].std().item() == pytest.approx(10 / 12**0.5, abs=0.1)
    orders = draw_orders(6000, generator(8))
    found, counts = orders.unique(dim=0, return_counts=True)
    assert len(found) == 6
    assert (orders.sort(dim=1).values == IN_ORDER).all()
    assert (counts - 1000).abs().max() < 150


def test_the_first_draws_of_a_stream_do_not_depend_on_how_many_follow():
    few, many = (draw_views(n, 64, RandomViewRecipe(), generator(9)) for n in (3, 50))
    for field, longer in zip(few, many, strict=True):
        assert torch.equal(field, longer[:3])


def test_an_image_does_not_depend_on_its_neighbours():
    images = _images(6).float()
    views, orders = (
        draw_views(6, 16, RandomViewRecipe(), generator(4)),
        draw_orders(6, generator(1)),
    )
    whole = show(images, views, orders)
    for n in range(6):
        alone = show(images[n : n + 1], views.of(slice(n, n + 1)), orders[n : n + 1])
        torch.testing.assert_close(whole[n : n + 1], alone, rtol=0, atol=1e-6)


def test_nothing_is_cropped_where_no_crop_is_smaller():
    still = RandomViewRecipe(crop_area=(1.0, 1.0), jitter=0, mirror=0, rotate=0)
    views = draw_views(9, 16, still, generator(1))
    assert (views.side == 16).all()
    torch.testing.assert_close(show(_images(9), views, IN_ORDER), _images(9))
