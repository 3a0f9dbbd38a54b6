"""Small files that ask for much, pipes and devices: refused at once, and for little."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import hostile
import numpy as np
import pytest
from mirage.data import decoding, limits
from mirage.data.dataset import DatasetRecipe
from mirage.data.decoding import decode_file
from mirage.data.limits import UnreadableImage
from mirage.data.lists import read_names
from mirage.data.store import prepare_store
from mirage.errors import MirageError
from PIL import Image

MOST_MB, MOST_S = 300, 2
NO_FILES = {"huge.png": "5,368,709,120 bytes", "pipe.jpg": "a named pipe", "zero.jpg": "a device",
            "socket.jpg": "a socket"}  # fmt: skip


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """Name -> (why, processor seconds, peak of the process in MB), all in one process."""
    folder = tmp_path_factory.mktemp("costly")
    hostile.make_costly(folder)
    script = textwrap.dedent("""
        import json, re, sys, time
        from pathlib import Path
        from mirage.data.decoding import decode_file
        from mirage.data.limits import UnreadableImage

        told = {}
        for path in sorted(Path(sys.argv[1]).iterdir()):
            began = time.process_time()
            try:
                why = f"read: {decode_file(path, 3).pixels.shape}"
            except UnreadableImage as problem:
                why = str(problem)
            # not ru_maxrss, which begins with that of the process that started this one
            status = Path("/proc/self/status").read_text()
            peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) / 1024
            told[path.name] = [why, time.process_time() - began, peak]
        print(json.dumps(told))
    """)
    library = Path(decoding.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(folder)],
        env=os.environ | {"PYTHONPATH": str(library)},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", [*hostile.COSTLY, *NO_FILES])
def test_refusals_cost_little(refused, name):
    why, processor_s, peak_mb = refused[name]
    if name == "pointing.tif":  # sound pixels; what its directory points to is not kept
        assert why == "read: (3, 8, 8)"
    else:
        assert not why.startswith("read")
        expected = "of one WEBP picture" if name.endswith(".webp") else NO_FILES.get(name, "")
        assert expected in why
    assert processor_s < MOST_S
    assert peak_mb < MOST_MB


def test_a_cut_jpeg_is_not_even_opened(tmp_path, monkeypatch):
    """Its decoder would take all memory of the whole picture first."""
    content = hostile.jpeg()
    monkeypatch.setattr(Image, "open", None)
    for cut in (content[:-2], content[: len(content) // 2]):
        (tmp_path / "a.jpg").write_bytes(cut)
        with pytest.raises(UnreadableImage, match="truncated"):
            decode_file(tmp_path / "a.jpg", 3)


def test_exif_that_points_at_itself_costs_no_pixels(tmp_path):
    (tmp_path / "a.jpg").write_bytes(hostile.pointing_exif())
    found = decode_file(tmp_path / "a.jpg", 3)
    assert found.pixels.shape == (3, 64, 64)


@pytest.mark.parametrize(
    ("side", "kind", "options"),
    [(2_000, "JPEG", {"quality": 1}), (2_000, "PNG", {}), (1_000, "PPM", {}), (2_000, "WEBP", {})],
)
def test_plain_large_photographs_stay_readable(tmp_path, side, kind, options):
    """White ones are the smallest files that a photograph's size can have."""
    white = Image.new("RGB", (side, side), "white")
    white.save(tmp_path / "a", kind, **options)
    assert decode_file(tmp_path / "a", 3).pixels.min() >= 250


def test_photographs_of_sixty_million_pixels_fit():
    """As JPEG of the usual ten scans."""
    assert limits._BYTES_PER_PIXEL["JPEG"] * 60e6 < limits.MOST_BYTES
    assert limits._MOST_PASSES > 10 * 60e6


def test_strips_join_without_a_seam(tmp_path, monkeypatch):
    deep = np.random.default_rng(0).integers(0, 65_536, (40, 30)).astype(np.uint16)
    clear = np.random.default_rng(1).integers(0, 256, (40, 30, 4), dtype=np.uint8)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    Image.fromarray(clear).save(tmp_path / "clear.png")
    whole = [decode_file(tmp_path / name, 3).pixels for name in ("deep.png", "clear.png")]
    monkeypatch.setattr("mirage.data.conversion._STRIP_PIXELS", 100)
    strips = [decode_file(tmp_path / name, 3).pixels for name in ("deep.png", "clear.png")]
    for one, other in zip(whole, strips, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(whole[0][0], np.round(deep / 257))


def test_a_picture_exchanged_for_a_pipe_is_not_waited_for(photo_folder):
    """Between the listing and the decoding."""
    victim = photo_folder / "bob" / "0.png"
    victim.unlink()
    os.mkfifo(victim)
    with pytest.raises(UnreadableImage, match="a named pipe"):
        decode_file(victim, 3)


def test_costly_pictures_follow_on_broken(photo_folder, tmp_path):
    (photo_folder / "ann" / "x.png").write_bytes(hostile.COSTLY["deep.png"]())
    values = {"reader": "folders", "source": str(photo_folder)}
    with pytest.raises(MirageError, match=r"ann/x\.png \(13300 x 13300 pixels, more than"):
        prepare_store(DatasetRecipe.of(values), tmp_path / "stop")
    manifest = prepare_store(DatasetRecipe.of(values | {"on_broken": "skip"}), tmp_path / "skip")
    assert [problem["name"] for problem in manifest["problems"]] == ["ann/x.png"]


def test_lists_are_regular_files_with_lines(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(MirageError, match="a named pipe"):
        read_names(tmp_path / "pipe.txt")
    with pytest.raises(MirageError, match="a device"):
        read_names(Path("/dev/zero"))
    (tmp_path / "one.txt").write_text("a" * 200_000)
    with pytest.raises(MirageError, match="line 1: more than 100,000 letters"):
        read_names(tmp_path / "one.txt")
