"""Landmarks of faces: CelebA's five points, or the 68 points that come with the cropping tool."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mirage.data import lists
from mirage.errors import MirageError
from mirage.visible import listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]

SIXTY_EIGHT, STANDARD = "landmark.txt", "standard_landmark_68pts.txt"
_FIVE_HEADING = 2  # number of images, names of the columns

# Mean face of the five-point tool: left eye, right eye, nose, left and right corner of the mouth.
_FIVE_STANDARD = (
    (-0.46911814, -0.51348481),
    (0.45750203, -0.53173911),
    (-0.00499168, 0.06126145),
    (-0.40616926, 0.46826089),
    (0.42776873, 0.45444013),
)


def read_landmarks(source: Path, count: int, names: Sequence[str]) -> dict[str, "Points"]:
    """Read the landmarks of some photographs.

    Args:
        source: five points: CelebA's ``list_landmarks_celeba.txt`` (in the wild, not aligned);
            68 points: the folder of the cropping tool's annotations, with ``landmark.txt``.
        count: landmarks per face, 5 or 68.
        names: file names of the photographs.

    Returns:
        Name -> [count, 2], x and y in pixels of the photograph, pixel centres on whole numbers.

    Raises:
        MirageError: the file is missing, a damaged line, photographs without landmarks or with
            landmarks that all lie in one place.
    """
    five = count == len(_FIVE_STANDARD)
    path, heading = (source, _FIVE_HEADING) if five else (source / SIXTY_EIGHT, 0)
    rows = lists.read_names(path, ("number",) * (2 * count), heading, wanted=set(names))
    lacking = [name for name in names if name not in rows]
    if lacking:
        raise MirageError(
            f"{path} has no landmarks of {len(lacking)} photographs: {listed(lacking)}",
            "one line for each of CelebA's photographs",
            "get the file again",
        )
    found = {name: np.array(rows[name], dtype=np.float64).reshape(count, 2) for name in names}
    # What a failed detection leaves; the crop would enlarge that one place to a plain colour.
    flat = [name for name, points in found.items() if np.ptp(points, axis=0).max() < 1]
    if flat:
        raise MirageError(
            f"{path} has all landmarks within one pixel for {len(flat)} photographs: "
            f"{listed(flat)}",
            "the places of eyes, nose and mouth",
            "get the file again, or correct these lines",
        )
    return found


def standard_layout(source: Path, count: int) -> "Points":
    """Where the landmarks of an upright standard face lie, [count, 2], face about one wide.

    The five points are the tool's constants; the 68 stand in ``standard_landmark_68pts.txt``
    beside the landmarks.

    Raises:
        MirageError: the file is missing or does not hold 68 pairs of numbers.
    """
    if count == len(_FIVE_STANDARD):
        return np.array(_FIVE_STANDARD)
    return np.array(lists.read_numbers(source / STANDARD, 2 * count)).reshape(count, 2)
