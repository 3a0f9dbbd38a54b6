"""A small data set of coloured noise, one folder per identity."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photo_folder(tmp_path):
    """Three people with 4, 5 and 6 photographs of different sizes."""
    rng = np.random.default_rng(3)
    for person, count in (("ann", 4), ("bob", 5), ("eve, née x", 6)):
        folder = tmp_path / "photos" / person
        folder.mkdir(parents=True)
        for number in range(count):
            size = rng.integers(8, 20, 2)
            pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "photos"
