"""What makes a photograph doubtful: landmarks no face can have, odd sizes, nothing to be seen.

The bounds are wide: a face cut by the frame, lying, or seen from the side is none of it. A doubtful
photograph stays in the data set, as in the published loaders; each doubt is told with its number.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mirage.data.face_crop import fit_similarity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Points = NDArray[np.float64]
    Pixels = NDArray[np.uint8]

# Of the landmarks' extent: so far may one of them, and their middle, lie outside the frame.
_OUTSIDE, _MIDDLE_OUTSIDE = 0.75, 0.25
_SMALLEST_PX, _LARGEST = 8, 1.5  # extent of the landmarks: pixels; of the photograph's longer side
_MOST_PX = 1e6  # beyond it, squares and products say nothing any more
_LINE = 0.05  # least spread across, of that along
_LIKENESS = 0.65  # least correlation with the standard face; 0.78 from the side
_MIRRORED = 0.85  # likeness to the mirrored standard face, from which it is one
_TURNED_DEG = 90.0
_FLAT = 4  # range of values, of 255, that is a single colour; JPEG leaves that much
# Left and right eye among the landmarks, as positions.
_EYES = {5: (slice(0, 1), slice(1, 2)), 68: (slice(36, 42), slice(42, 48))}
_APART = 0.1  # of the landmarks' extent: nearer eyes have no order


class Doubt(NamedTuple):
    """Something that makes a photograph doubtful."""

    kind: str
    """In words that say all but the number."""
    number: float
    """Of this photograph, in the unit that the kind names."""


OUTSIDE = "landmarks outside the photograph (pixels beyond its frame)"
TOO_SMALL = "landmarks too close together for a face (pixels across)"
TOO_LARGE = "landmarks too far apart for a face in the photograph (times its longer side)"
ON_A_LINE = "landmarks on one line (spread across it, of that along)"
TURNED = "face turned away from upright (degrees)"
EXCHANGED = "eyes exchanged (pixels between them)"
MIRRORED = "left and right exchanged in all landmarks (likeness to a mirrored face)"
NO_FACE = "landmarks in no order of a face (likeness to the standard face, at most 1)"
FLAT = "picture of a single colour (range of its values)"
SHORT = "short side (pixels)"
LONG = "long and narrow (long side over short one)"


def doubts_about_size(
    height: int, width: int, least_side: int, greatest_ratio: float
) -> "Iterator[Doubt]":
    """Doubt photographs that are tiny or narrow, by the data set's settings."""
    short, long = sorted((height, width))
    if short < least_side:
        yield Doubt(SHORT, short)
    if long > greatest_ratio * short:
        yield Doubt(LONG, long / short)


def doubts_about_pixels(pixels: "Pixels") -> "Iterator[Doubt]":
    """Doubt a picture of a single colour, [C, H, W]: what lies off the photograph, or a blank."""
    spread = max(int(np.ptp(plane)) for plane in pixels)
    if spread <= _FLAT and pixels[0].size > 1:
        yield Doubt(FLAT, spread)


def doubts_about_landmarks(
    points: "Points", layout: "Points", height: int, width: int
) -> "Iterator[Doubt]":
    """Doubt landmarks that no face on the photograph can have.

    ``points``, [n, 2] in pixels of the photograph, are not all in one place; ``layout`` is the
    standard face's, [n, 2].
    """
    farthest = float(np.abs(points).max())
    if farthest > _MOST_PX:
        yield Doubt(OUTSIDE, farthest)
        return
    extent = float(np.ptp(points, axis=0).max())
    beyond = max(_beyond(point, height, width) for point in points)
    middle = _beyond(points.mean(axis=0), height, width)
    if beyond > _OUTSIDE * extent or middle > _MIDDLE_OUTSIDE * extent:
        yield Doubt(OUTSIDE, beyond)
    if extent < _SMALLEST_PX:
        yield Doubt(TOO_SMALL, extent)
    if extent > _LARGEST * max(height, width):
        yield Doubt(TOO_LARGE, extent / max(height, width))
    yield from _doubts_about_order(points, layout, extent)


def _beyond(point: "Points", height: int, width: int) -> float:
    """Pixels that a point lies outside the frame; 0 inside."""
    x, y = map(float, point)
    return max(-x, x - (width - 1), -y, y - (height - 1), 0.0)


def _doubts_about_order(points: "Points", layout: "Points", extent: float) -> "Iterator[Doubt]":
    # Root of the variance across and along the line that fits the points best.
    across, along = np.sqrt(np.linalg.eigvalsh(np.cov(points.T)).clip(min=0)).tolist()
    if across < _LINE * along:
        yield Doubt(ON_A_LINE, across / along)
        return
    mirror = layout * [-1, 1]
    like, unlike = _likeness(layout, points), _likeness(mirror, points)
    if unlike > max(like, _MIRRORED):
        yield Doubt(MIRRORED, unlike)
        return
    turn = fit_similarity(layout, points).turn
    degrees = abs(math.degrees(math.atan2(turn.imag, turn.real)))
    exchanged = _distance_exchanged(points, layout, turn, extent)
    if exchanged:
        yield Doubt(EXCHANGED, exchanged)
    elif like < _LIKENESS:
        yield Doubt(NO_FACE, like)
    if degrees > _TURNED_DEG:
        yield Doubt(TURNED, degrees)


def _likeness(layout: "Points", points: "Points") -> float:
    """Correlation of two figures whatever their place, size and turn; 1 if similar, in [0, 1]."""
    p, q = (a[:, 0] + 1j * a[:, 1] for a in (layout, points))
    p, q = p - p.mean(), q - q.mean()
    return float(abs(np.vdot(p, q)) / (np.linalg.norm(p) * np.linalg.norm(q)))


def _distance_exchanged(points: "Points", layout: "Points", turn: complex, extent: float) -> float:
    """Distance of the eyes if they lie the other way round than in the fitted face, else 0."""
    left, right = _EYES[len(points)]
    found, standard = (complex(*(a[right].mean(0) - a[left].mean(0))) for a in (points, layout))
    expected = turn * standard
    against = (found * expected.conjugate()).real < 0
    apart = min(abs(found), abs(expected)) > _APART * extent
    return abs(found) if against and apart else 0.0
