"""Doubtful photographs: kept as they are, told with their numbers, shown on a sheet."""

import json

import numpy as np
import pytest
from mirage.data import plausibility
from mirage.data.acceptance import accept, check_store
from mirage.data.contact_sheet import SHEET, draw_doubtful
from mirage.data.dataset import DatasetRecipe
from mirage.data.face_crop import FaceCropRecipe, crop_face
from mirage.data.landmarks import standard_layout
from mirage.data.plausibility import doubts_about_landmarks, doubts_about_size
from mirage.data.preparing import preparation
from mirage.data.store import Store, prepare_store
from mirage.errors import MirageError
from PIL import Image

FIVE = standard_layout(None, 5)
HEIGHT, WIDTH = 400, 300


def _sixty_eight():
    """A face of 68 points in the usual order: outline, brows, nose, eyes, mouth."""

    def arc(count, left, right, middle, depth):
        t = np.linspace(-1, 1, count)
        return np.stack([left + (right - left) * (t + 1) / 2, middle + depth * (1 - t**2)], 1)

    def ring(count, x, y, across, down):
        t = np.pi + 2 * np.pi * np.arange(count) / count
        return np.stack([x + across * np.cos(t), y + down * np.sin(t)], 1)

    return np.concatenate([
        arc(17, -0.5, 0.5, -0.1, 0.6), arc(5, -0.42, -0.1, -0.25, -0.06),
        arc(5, 0.1, 0.42, -0.25, -0.06), np.stack([np.zeros(4), np.linspace(-0.15, 0.05, 4)], 1),
        arc(5, -0.1, 0.1, 0.1, 0.02), ring(6, -0.23, -0.13, 0.08, 0.03),
        ring(6, 0.23, -0.13, 0.08, 0.03), ring(12, 0, 0.27, 0.18, 0.07),
        ring(8, 0, 0.27, 0.13, 0.03),
    ])  # fmt: skip


LAYOUTS = {5: FIVE, 68: _sixty_eight()}


def _face(count, x=150.0, y=200.0, size=100.0, degrees=0.0, seed=None):
    """Landmarks of a face about (x, y), ``size`` pixels per unit of the layout."""
    layout = LAYOUTS[count]
    z = (layout[:, 0] + 1j * layout[:, 1]) * size * np.exp(1j * np.radians(degrees))
    marks = np.stack([z.real + x, z.imag + y], 1)
    if seed is not None:
        marks += np.random.default_rng(seed).normal(0, 0.04 * size, marks.shape)
    return marks


def _doubts(marks, height=HEIGHT, width=WIDTH):
    found = doubts_about_landmarks(marks, LAYOUTS[len(marks)], height, width)
    return {doubt.kind: doubt.number for doubt in found}


@pytest.mark.parametrize("count", [5, 68])
@pytest.mark.parametrize(
    "changes",
    [
        {}, {"degrees": 40}, {"degrees": -80}, {"size": 12}, {"size": 260},
        {"x": 5.0}, {"x": 295.0, "y": 395.0, "size": 60}, {"y": -10.0},
    ],
)  # fmt: skip
def test_faces_are_not_doubted(count, changes):
    for seed in range(5):
        assert _doubts(_face(count, **changes, seed=seed)) == {}


def test_faces_from_the_side_are_not_doubted():
    for count in (5, 68):
        for across in (0.15, 0.3, 0.6):
            layout = LAYOUTS[count] * [across, 1]
            nose = slice(2, 3) if count == 5 else slice(27, 36)
            layout[nose, 0] -= 0.3 * (1 - across)
            assert _doubts(layout * 100 + [150, 200]) == {}


def _exchanged(count, eyes=True, mouth=False):
    marks = _face(count)
    pairs = {
        5: ([0], [1], [3], [4]),
        68: (range(36, 42), range(42, 48), range(48, 54), range(54, 60)),
    }
    left, right, corner, other = map(list, pairs[count])
    if eyes:
        marks[left], marks[right] = marks[right].copy(), marks[left].copy()
    if mouth:
        marks[corner], marks[other] = marks[other].copy(), marks[corner].copy()
    return marks


def _mirrored(count):
    return _face(count) * [-1, 1] + [WIDTH, 0]


IMPOSSIBLE = {
    "far right": (lambda n: _face(n, x=9_000), plausibility.OUTSIDE, 8_700),
    "far left": (lambda n: _face(n, x=-9_000), plausibility.OUTSIDE, 9_000),
    "far above": (lambda n: _face(n, y=-500), plausibility.OUTSIDE, 500),
    "next to the frame": (lambda n: _face(n, x=380), plausibility.OUTSIDE, 120),
    "its middle outside": (lambda n: _face(n, x=327), plausibility.OUTSIDE, 75),
    "beyond numbers": (lambda n: _face(n) * 1e300, plausibility.OUTSIDE, 2e302),
    "one landmark lost": (lambda n: np.vstack([_face(n)[:-1], [[-800, -800]]]),
                          plausibility.OUTSIDE, 800),
    "a dot": (lambda n: _face(n, size=3), plausibility.TOO_SMALL, 3),
    "a giant": (lambda n: _face(n, size=2_000), plausibility.TOO_LARGE, 5),
    "one line": (lambda n: np.linspace([10, 10], [200, 150], n), plausibility.ON_A_LINE, 0),
    "upside down": (lambda n: _face(n, degrees=180), plausibility.TURNED, 180),
    "upside down, other way": (lambda n: _face(n, degrees=-140), plausibility.TURNED, 140),
    "eyes exchanged": (_exchanged, plausibility.EXCHANGED, 90),
    "sides exchanged": (_mirrored, plausibility.MIRRORED, 1),
    "upside down and mirrored": (lambda n: _face(n) * [1, -1] + [0, HEIGHT],
                                 plausibility.MIRRORED, 1),
    "in any order": (lambda n: np.random.default_rng(0).permutation(_face(n)),
                     plausibility.NO_FACE, 0.3),
}  # fmt: skip


@pytest.mark.parametrize("count", [5, 68])
@pytest.mark.parametrize("name", list(IMPOSSIBLE))
def test_what_no_face_can_have_is_doubted(count, name):
    make, kind, number = IMPOSSIBLE[name]
    found = _doubts(make(count))
    assert kind in found
    assert found[kind] == pytest.approx(number, rel=0.5, abs=0.35)
    if name == "beyond numbers":  # nothing else can be said of them
        assert list(found) == [kind]


def test_sizes_by_the_data_sets_own_settings():
    assert list(doubts_about_size(8, 40, 8, 5)) == []
    assert [tuple(doubt) for doubt in doubts_about_size(41, 8, 8, 5)] == [
        (plausibility.LONG, 5.125)
    ]
    assert [tuple(doubt) for doubt in doubts_about_size(1, 1, 2, 5)] == [(plausibility.SHORT, 1)]
    for setting, value in (("least_side", 0), ("greatest_ratio", 0.5)):
        with pytest.raises(MirageError, match=f"{setting} is {value}"):
            DatasetRecipe.of({"reader": "orl", setting: value})


MARKS = {
    "1.jpg": _face(5),
    "2.jpg": _face(5, x=-9_000, y=-9_000),
    "3.jpg": _exchanged(5),
    "4.jpg": _face(5, degrees=170),
    "5.jpg": _face(5, seed=1),
}


@pytest.fixture
def wild(tmp_path):
    """Five photographs of two people with landmarks, three of which no face can have."""
    rng = np.random.default_rng(0)
    (tmp_path / "wild").mkdir()
    for name in MARKS:
        small = rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)
        photo = Image.fromarray(small).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        photo.save(tmp_path / "wild" / name)
    rows = [f"{name} {' '.join(f'{v:.1f}' for v in m.ravel())}\n" for name, m in MARKS.items()]
    (tmp_path / "marks.txt").write_text("5\nlefteye_x\n" + "".join(rows))
    owners = [f"{name} {1 + int(name[0]) % 2}\n" for name in MARKS]
    (tmp_path / "people.txt").write_text("".join(owners))
    source = {"images": "wild", "identities": "people.txt", "landmarks": "marks.txt"}
    return {
        "reader": "celeba",
        "source": {role: str(tmp_path / place) for role, place in source.items()},
        "face_crop": {"points": 5, "image_px": 64},
    }


def test_doubtful_landmarks_stay_are_told_and_shown(wild, tmp_path):
    folder = tmp_path / "faces"
    manifest = prepare_store(DatasetRecipe.of(wild), folder, workers=2)
    store = Store(folder)
    assert [entry.name for entry in store.index] == list(MARKS)  # nobody is left out
    recipe = FaceCropRecipe(5, 64)
    with Image.open(tmp_path / "wild" / "4.jpg") as photo:
        pixels = np.asarray(photo).transpose(2, 0, 1)
    marks = np.round(MARKS["4.jpg"], 1)
    np.testing.assert_array_equal(store.image(3), crop_face(pixels, marks, FIVE, recipe))
    doubtful = manifest["doubtful"]
    assert {kind: list(numbers) for kind, numbers in doubtful.items()} == {
        plausibility.OUTSIDE: ["2.jpg"], plausibility.FLAT: ["2.jpg"],
        plausibility.EXCHANGED: ["3.jpg"], plausibility.TURNED: ["4.jpg"],
    }  # fmt: skip
    assert doubtful[plausibility.TURNED]["4.jpg"] == pytest.approx(170, abs=1)
    report = tmp_path / "acceptance.json"
    accept([folder / "manifest.json"], {"faces": {"classes": 2}}, [], report)
    told = json.loads(report.read_text())
    assert not told["passed"]
    warnings = [entry["text"] for entry in told["findings"] if entry["kind"] == "warning"]
    assert f"faces: {plausibility.TURNED}: 1 photographs (4.jpg: 170)" in warnings
    assert any(str(folder / SHEET) in entry["text"] for entry in told["findings"])
    with Image.open(folder / SHEET) as sheet:
        assert sheet.format == "PNG"
        assert sheet.width > 600
        found = np.asarray(sheet.convert("RGB"))
    for index in (2, 3):  # colours of the photographs are on it
        away = np.abs(found.astype(int) - store.image(index)[:, 32, 32]).max(axis=-1)
        assert away.min() < 12
    sheet_again = (folder / SHEET).read_bytes()
    accept([folder / "manifest.json"], {"faces": {"classes": 2}}, [], report)
    assert (folder / SHEET).read_bytes() == sheet_again


def test_same_bytes_whatever_the_workers(wild, tmp_path):
    for workers in (1, 4):
        prepare_store(DatasetRecipe.of(wild), tmp_path / str(workers), workers)
    first, second = ((tmp_path / str(n) / "manifest.json").read_bytes() for n in (1, 4))
    assert first == second


def test_earlier_work_under_other_settings_is_not_taken_up(photo_folder):
    identities = []
    for changes in ({}, {"least_side": 9}, {"greatest_ratio": 2.0}):
        recipe = DatasetRecipe("folders", str(photo_folder), **changes)
        identities.append(json.dumps(preparation(recipe, [])[1]))
    assert len(set(identities)) == 3


def test_no_doubt_no_sheet(photo_folder, tmp_path):
    prepare_store(DatasetRecipe("folders", str(photo_folder)), tmp_path / "faces")
    (tmp_path / "faces" / SHEET).write_text("of earlier days")
    assert draw_doubtful(Store(tmp_path / "faces")) is None
    assert not (tmp_path / "faces" / SHEET).exists()


def test_landmarks_beyond_numbers_are_unusable(wild, tmp_path):
    path = tmp_path / "marks.txt"
    text = path.read_text().splitlines()
    text[4] = "3.jpg " + " ".join(f"{v:.6g}e305" for v in MARKS["3.jpg"].ravel())
    path.write_text("\n".join(text))
    with pytest.raises(MirageError, match=r"3\.jpg \(landmarks that no crop can be made of\)"):
        prepare_store(DatasetRecipe.of(wild), tmp_path / "faces")


def test_tiny_narrow_and_plain_photographs(photo_folder, tmp_path):
    Image.new("RGB", (1, 1)).save(photo_folder / "ann" / "dot.gif")
    noise = np.random.default_rng(0).integers(0, 256, (2, 6000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(photo_folder / "bob" / "strip.png")
    Image.new("RGB", (20, 20), (9, 9, 9)).save(photo_folder / "bob" / "grey.jpg")
    manifest = prepare_store(DatasetRecipe("folders", str(photo_folder)), tmp_path / "faces")
    assert manifest["images"] == 18
    assert {kind: dict(numbers) for kind, numbers in manifest["doubtful"].items()} == {
        plausibility.SHORT: {"ann/dot.gif": 1, "bob/strip.png": 2},
        plausibility.LONG: {"bob/strip.png": 3000},
        plausibility.FLAT: {"bob/grey.jpg": 0},
    }
    texts = [finding.text for finding in check_store(Store(tmp_path / "faces"))]
    assert f"{plausibility.LONG}: 1 photographs (bob/strip.png: 3000)" in texts
    assert draw_doubtful(Store(tmp_path / "faces")) is not None
    wide = DatasetRecipe("folders", str(photo_folder), least_side=1, greatest_ratio=3000)
    assert list(prepare_store(wide, tmp_path / "wide")["doubtful"]) == [plausibility.FLAT]
