"""Face crops: the transform against least squares, the warp against torch and known maps."""

import numpy as np
import pytest
from mirage.data.dataset import DatasetRecipe
from mirage.data.face_crop import (
    FaceCropRecipe,
    Similarity,
    crop_face,
    crop_to_photo,
    fit_similarity,
    place_standard,
    through_jpeg,
    warp,
)
from mirage.data.landmarks import standard_layout
from mirage.data.store import Store, prepare_store
from mirage.errors import MirageError
from PIL import Image

RNG = np.random.default_rng(5)
FIVE = standard_layout(None, 5)
SIXTY_EIGHT = RNG.uniform(-0.5, 0.55, (68, 2))
PHOTO = np.asarray(
    Image.fromarray(RNG.integers(0, 256, (40, 30, 3), dtype=np.uint8)).resize(
        (300, 400), Image.Resampling.BICUBIC
    )
).transpose(2, 0, 1)


def _apply(transform, points):
    z = transform.turn * (points[:, 0] + 1j * points[:, 1]) + transform.shift
    return np.stack([z.real, z.imag], 1)


def _least_squares(start, end):
    """x' = a x - b y + c, y' = b x + a y + d by the normal design matrix in float64."""
    x, y = start.T
    one, zero = np.ones_like(x), np.zeros_like(x)
    rows = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    a, b, c, d = np.linalg.lstsq(rows, np.concatenate([end[:, 0], end[:, 1]]), rcond=None)[0]
    return complex(a, b), complex(c, d)


@pytest.mark.parametrize("points", [5, 68])
def test_similarity_is_the_least_squares_one(points):
    start, end = RNG.normal(100, 30, (2, points, 2))
    found = fit_similarity(start, end)
    turn, shift = _least_squares(start, end)
    assert found.turn == pytest.approx(turn, abs=1e-12)
    assert found.shift == pytest.approx(shift, abs=1e-9)


@pytest.mark.parametrize("px", [224, 225, 96])
def test_standard_faces_lie_where_the_tool_puts_them(px):
    wide = FaceCropRecipe(68, px, 0.65)
    expected = [((x + 0) * px * 0.65 + px // 2, (y + 0.25) * px * 0.65 + px // 2)
                for x, y in SIXTY_EIGHT]  # fmt: skip
    np.testing.assert_allclose(place_standard(SIXTY_EIGHT, wide), expected)
    narrow = place_standard(FIVE, FaceCropRecipe(5, px, 0.65))
    middle = px - px // 2 - 1
    np.testing.assert_allclose(narrow[:2].mean(0), [middle, middle])
    assert np.hypot(*(narrow[1] - narrow[0])) == pytest.approx(
        np.hypot(*(FIVE[1] - FIVE[0])) * px * 0.65 * 0.35
    )
    assert np.all((narrow > 0) & (narrow < px))


@pytest.mark.parametrize(("points", "layout"), [(5, FIVE), (68, SIXTY_EIGHT)])
def test_a_similar_face_lands_on_the_standard_one(points, layout):
    recipe = FaceCropRecipe(points)
    true = Similarity(1.7 * np.exp(0.4j), 130 + 60j)
    target = place_standard(layout, recipe)
    found = crop_to_photo(_apply(true, target), layout, recipe)
    assert found.turn == pytest.approx(true.turn)
    assert found.shift == pytest.approx(true.shift)


def test_five_points_keep_the_eyes_and_sixty_eight_the_whole():
    recipe = FaceCropRecipe(5)
    target = place_standard(FIVE, recipe)
    marks = _apply(Similarity(1.2 + 0.1j, 90 + 80j), target) + RNG.normal(0, 6, (5, 2))
    found = _apply(crop_to_photo(marks, FIVE, recipe), target)
    np.testing.assert_allclose(found[:2].mean(0), marks[:2].mean(0))
    assert np.abs(found.mean(0) - marks.mean(0)).max() > 0.1
    wide = FaceCropRecipe(68)
    target = place_standard(SIXTY_EIGHT, wide)
    marks = _apply(Similarity(1.2 + 0.1j, 90 + 80j), target) + RNG.normal(0, 6, (68, 2))
    found = _apply(crop_to_photo(marks, SIXTY_EIGHT, wide), target)
    np.testing.assert_allclose(found.mean(0), marks.mean(0))


TRANSFORMS = {
    "upright": Similarity(1 + 0j, 37 + 41j),
    "turned": Similarity(1.1 * np.exp(0.3j), 60.3 + 40.7j),
    "smaller than a pixel": Similarity(0.4 * np.exp(-0.2j), 120.5 + 150.25j),
    "over the border": Similarity(2.3 * np.exp(0.1j), -90.5 - 60.2j),
    "far outside": Similarity(1 + 0j, -5e5 + 7e5j),
}


def _torch_warp(pixels, transform, px):
    """torch samples with the same cubic kernel; in float64, pixel centres at whole numbers."""
    import torch

    grid = np.arange(px)
    z = transform.turn * (grid[None] + 1j * grid[:, None]) + transform.shift
    _, height, width = pixels.shape
    scaled = np.stack([2 * z.real / (width - 1) - 1, 2 * z.imag / (height - 1) - 1], -1)
    return torch.nn.functional.grid_sample(
        torch.from_numpy(pixels.astype(np.float64))[None], torch.from_numpy(scaled)[None],
        mode="bicubic", padding_mode="border", align_corners=True,
    )[0].numpy()  # fmt: skip


@pytest.mark.parametrize("name", list(TRANSFORMS))
@pytest.mark.parametrize("channels", [1, 3])
def test_warp_matches_torch(name, channels):
    pixels = np.ascontiguousarray(PHOTO[:channels])
    found = warp(pixels, TRANSFORMS[name], 64)
    assert found.shape == (channels, 64, 64)
    exact = np.clip(_torch_warp(pixels, TRANSFORMS[name], 64), 0, 255)
    assert np.abs(found - exact).max() <= 0.5 + 1e-3  # rounding, and float32 near a half


def test_noise_overshoots_and_is_clipped():
    noise = RNG.choice(np.array([0, 255], dtype=np.uint8), (1, 50, 50))
    transform = Similarity(0.7 * np.exp(0.2j), 5.3 + 6.1j)
    exact = _torch_warp(noise, transform, 40)
    assert exact.min() < -5
    assert exact.max() > 260
    assert np.abs(warp(noise, transform, 40) - np.clip(exact, 0, 255)).max() <= 0.5 + 1e-3


def test_a_plane_of_grey_is_kept_and_whole_shifts_copy():
    y, x = np.mgrid[:200, :200]
    plane = ((x + y) // 2).astype(np.uint8)[None]
    transform = Similarity(1.3 * np.exp(0.1j), 20 + 10j)
    grid = np.arange(64)
    z = transform.turn * (grid[None] + 1j * grid[:, None]) + transform.shift
    assert np.abs(warp(plane, transform, 64)[0] - (z.real + z.imag) / 2).max() < 1.2
    np.testing.assert_array_equal(
        warp(PHOTO, Similarity(1 + 0j, 30 + 50j), 64), PHOTO[:, 50:114, 30:94]
    )


def test_landmarks_of_a_photograph_land_on_the_standard_layout():
    """White dots at the landmarks of a turned face come out where the standard face has them."""
    recipe = FaceCropRecipe(5, jpeg_quality=None)
    target = place_standard(FIVE, recipe)
    marks = _apply(Similarity(1.5 * np.exp(0.35j), 150 + 90j), target)
    y, x = np.mgrid[:500, :500]
    for mark, place in zip(marks, target, strict=True):
        dot = 250 * np.exp(-((x - mark[0]) ** 2 + (y - mark[1]) ** 2) / 50)
        crop = crop_face(dot[None].astype(np.uint8), marks, FIVE, recipe)[0].astype(float)
        rows, columns = np.mgrid[:224, :224]
        centre = np.array([(crop * columns).sum(), (crop * rows).sum()]) / crop.sum()
        np.testing.assert_allclose(centre, place, atol=0.05)


@pytest.mark.parametrize("channels", [1, 3])
def test_through_jpeg_is_saving_and_reading(tmp_path, channels):
    pixels = np.ascontiguousarray(PHOTO[:channels, :64, :80])
    image = Image.fromarray(pixels.transpose(1, 2, 0).squeeze())
    image.save(tmp_path / "a.jpg", quality=95)  # Pillow halves colour by default
    read = np.asarray(Image.open(tmp_path / "a.jpg"))
    expected = read[None] if channels == 1 else read.transpose(2, 0, 1)
    np.testing.assert_array_equal(through_jpeg(pixels, 95), expected)
    assert np.abs(through_jpeg(pixels, 95).astype(int) - pixels).mean() < 3


def test_a_store_of_crops(tmp_path):
    names = [f"{i:06d}.jpg" for i in range(1, 5)]
    recipe = FaceCropRecipe(5, 48)
    rows, photos = [], {}
    for i, name in enumerate(names):
        (tmp_path / "wild").mkdir(exist_ok=True)
        turned = np.ascontiguousarray(np.roll(PHOTO, 11 * i, axis=2).transpose(1, 2, 0))
        Image.fromarray(turned).save(tmp_path / "wild" / name, quality=95)
        photos[name] = np.asarray(Image.open(tmp_path / "wild" / name)).transpose(2, 0, 1)
        marks = _apply(Similarity(2 + 0.1j * i, 60 + 90j), place_standard(FIVE, recipe)).round()
        rows.append((name, marks))
    text = "\n".join(f"{n} {' '.join(str(int(v)) for v in m.ravel())}" for n, m in rows)
    (tmp_path / "landmarks.txt").write_text(f"4\nlefteye_x\n{text}\n")
    (tmp_path / "identity.txt").write_text("".join(f"{name} 1\n" for name in names))
    values = {
        "reader": "celeba",
        "source": {
            "images": str(tmp_path / "wild"),
            "identities": str(tmp_path / "identity.txt"),
            "landmarks": str(tmp_path / "landmarks.txt"),
        },
        "face_crop": {"points": 5, "image_px": 48},
    }
    prepare_store(DatasetRecipe.of(values), tmp_path / "store", workers=2)
    store = Store(tmp_path / "store")
    for i, (name, marks) in enumerate(rows):
        expected = crop_face(photos[name], marks, FIVE, recipe)
        np.testing.assert_array_equal(store.image(i), expected)
    del values["source"]["landmarks"]
    with pytest.raises(MirageError, match="needs the source 'landmarks'"):
        prepare_store(DatasetRecipe.of(values), tmp_path / "other")


@pytest.mark.parametrize(
    "values",
    [
        {"points": 6},
        {"points": 5, "image_px": 0},
        {"points": 5, "face_factor": 0.0},
        {"points": 68, "jpeg_quality": 101},
    ],
)
def test_impossible_crops(values):
    with pytest.raises(MirageError, match=r"face_crop\.|FaceCropRecipe\.points is 6"):
        FaceCropRecipe.of(values)
