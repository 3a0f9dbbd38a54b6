"""High-resolution face crops from photographs in the wild, as HD CelebA Cropper makes them.

The similarity transform (rotation, one scale, translation; no mirroring) that brings the standard
face nearest to a photograph's landmarks says which point of the photograph each pixel of the crop
shows. There the photograph is read by cubic interpolation.
"""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from mirage.data.conversion import as_picture, as_planes
from mirage.recipes import Recipe, require

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]
    Pixels = NDArray[np.uint8]

_SHIFT_68 = (0.0, 0.25)  # the tool's default move: the face's outline lies below its middle
_LANDMARK_FACTOR_5 = 0.35  # share of the face that the five points span, the tool's default
_SHARPNESS = -0.75  # slope of the cubic kernel at 1, OpenCV's
_TAPS = 4


@dataclass(frozen=True)
class FaceCropRecipe(Recipe):
    """How faces are cut out.

    Attributes:
        points: landmarks per face: 68 (the tool since January 2020) or 5 (before).
        image_px: side of the square crop.
        face_factor: size of the standard face relative to the crop.
        jpeg_quality: the crop goes once through JPEG of this quality, in [1, 100], as the tool
            saves it; None leaves it as it is.
    """

    points: Literal[5, 68]
    image_px: int = 224
    face_factor: float = 0.65
    jpeg_quality: int | None = 95

    def __post_init__(self) -> None:
        require(self.image_px >= 1, "face_crop.image_px", self.image_px, "at least 1")
        require(self.face_factor > 0, "face_crop.face_factor", self.face_factor, "more than 0")
        quality = self.jpeg_quality
        known = quality is None or 1 <= quality <= 100
        require(known, "face_crop.jpeg_quality", quality, "within [1, 100], or nothing")


class Similarity(NamedTuple):
    """z -> turn * z + shift on points x + iy; ``abs(turn)`` is the scale."""

    turn: complex
    shift: complex


def fit_similarity(start: "Points", end: "Points") -> Similarity:
    """Similarity that brings ``start`` nearest to ``end`` in the least-squares sense.

    Both [n, 2]; ``start`` is not all the same point.

    Source: the tool calls OpenCV's partial affine estimate with an infinite threshold, so every
    point is an inlier and the result is the least-squares one, here in closed form.
    """
    p, q = _complex(start), _complex(end)
    inner = p - p.mean()
    turn = complex(np.vdot(inner, q) / np.vdot(inner, inner))
    return Similarity(turn, complex(q.mean() - turn * p.mean()))


def place_standard(layout: "Points", recipe: FaceCropRecipe) -> "Points":
    """Where the standard face's landmarks lie in the crop, [n, 2] in crop pixels.

    Pixel centres are whole numbers. 68 points: the layout moved down by a quarter, times
    ``image_px * face_factor``, about the pixel ``image_px // 2``. 5 points: the middle of the
    eyes at ``image_px - image_px // 2 - 1``, times ``image_px * face_factor * 0.35``.

    Source: HD CelebA Cropper's geometry, its versions of January 2020 (68) and September 2018
    (5), all other settings at their defaults (quirk crop-version).
    """
    px, size = recipe.image_px, recipe.image_px * recipe.face_factor
    if recipe.points == 68:
        placed: Points = (layout + _SHIFT_68) * size + px // 2
    else:
        eyes = layout[:2].mean(0)
        placed = (layout - eyes) * size * _LANDMARK_FACTOR_5 + (px - px // 2 - 1)
    return placed


def crop_to_photo(landmarks: "Points", layout: "Points", recipe: FaceCropRecipe) -> Similarity:
    """Similarity from crop pixels to pixels of the photograph.

    With 5 points its translation brings the middle of the eyes exactly to its place. Landmarks of
    the photograph and layout of the standard face: [n, 2].
    """
    target = place_standard(layout, recipe)
    found = fit_similarity(target, landmarks)
    if recipe.points == 68:
        return found
    ours, theirs = _complex(target)[:2].mean(), _complex(landmarks)[:2].mean()
    return Similarity(found.turn, complex(theirs - found.turn * ours))


def _complex(points: "Points") -> "NDArray[np.complex128]":
    return points[:, 0] + 1j * points[:, 1]


def warp(pixels: "Pixels", transform: Similarity, image_px: int) -> "Pixels":
    """Read a photograph at the points its crop shows.

    Cubic convolution with a = -0.75 over 4 x 4 pixels, the border repeated outwards, the result
    rounded and clipped to [0, 255]. There is no anti-aliasing, as in the tool: a face larger
    than the crop is sampled, not averaged. Deviation: OpenCV rounds each point to 1/32 pixel
    before it interpolates, here it is exact.

    Args:
        pixels: [C, H, W].
        transform: crop to photograph.
        image_px: side of the crop.

    Returns:
        [C, image_px, image_px].
    """
    channels, height, width = pixels.shape
    grid = np.arange(image_px)
    points = transform.turn * (grid[None, :] + 1j * grid[:, None]) + transform.shift
    columns, across = _taps(points.real.reshape(-1), width)
    rows, down = _taps(points.imag.reshape(-1), height)
    flat = np.ascontiguousarray(pixels).reshape(channels, -1)
    total = np.zeros((channels, image_px * image_px), dtype=np.float32)
    for row, row_weight in zip(rows, down, strict=True):
        line = np.zeros_like(total)
        for column, weight in zip(columns, across, strict=True):
            line += flat.take(row * width + column, axis=1) * weight
        total += line * row_weight
    whole = np.clip(np.rint(total), 0, 255).astype(np.uint8)
    return whole.reshape(channels, image_px, image_px)


def _taps(
    places: "NDArray[np.float64]", length: int
) -> tuple["NDArray[np.int64]", "NDArray[np.float32]"]:
    """Indices and weights of the four pixels about each place on one axis, both [4, N]."""
    first = np.floor(places)
    part = (places - first).astype(np.float32)
    # Far outside, every index is clipped to the border; the limit keeps the numbers whole.
    base = np.clip(first, -_TAPS, length + _TAPS).astype(np.int64)
    index = np.clip(base + np.arange(-1, _TAPS - 1)[:, None], 0, length - 1)
    a = np.float32(_SHARPNESS)
    near = [part, 1 - part]  # distance of the two middle pixels
    far = [1 + part, 2 - part]
    middle = [((a + 2) * d - (a + 3)) * d * d + 1 for d in near]
    outer = [((a * d - 5 * a) * d + 8 * a) * d - 4 * a for d in far]
    return index, np.stack([outer[0], middle[0], middle[1], outer[1]])


def through_jpeg(pixels: "Pixels", quality: int) -> "Pixels":
    """What is left of [C, H, W] after saving as JPEG (colour at half resolution) and reading."""
    from PIL import Image

    file = io.BytesIO()
    as_picture(pixels).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(file) as read:
        return as_planes(read)


def crop_face(
    pixels: "Pixels", landmarks: "Points", layout: "Points", recipe: FaceCropRecipe
) -> "Pixels":
    """Cut one face out of a photograph [C, H, W] with landmarks [n, 2]: [C, image_px, image_px]."""
    crop = warp(pixels, crop_to_photo(landmarks, layout, recipe), recipe.image_px)
    return crop if recipe.jpeg_quality is None else through_jpeg(crop, recipe.jpeg_quality)
