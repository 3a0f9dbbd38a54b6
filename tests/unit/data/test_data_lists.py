"""Lists and landmark files: what was written is read; damage is named with its line."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mirage.data import lists
from mirage.data.landmarks import read_landmarks, standard_layout
from mirage.errors import MirageError

FAST = settings(max_examples=30, deadline=None)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,8}\.(jpg|png)", fullmatch=True)
SPACES = st.sampled_from([" ", "  ", "\t", "   \t"])
ROWS = st.lists(st.tuples(NAMES, st.integers(0, 99_999)), min_size=1, unique_by=lambda r: r[0])


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("lists") / "list.txt"


@FAST
@given(rows=ROWS, space=SPACES, blank=st.booleans(), ending=st.sampled_from(["\n", "\r\n"]))
def test_rows_come_back_in_order(path, rows, space, blank, ending):
    lines = [f"{name}{space}{number}" for name, number in rows]
    text = ending.join(lines) + ending * (1 + blank)
    path.write_text(text, newline="")
    found = lists.read_names(path, ("whole number",))
    assert [(name, int(value)) for name, (value,) in found.items()] == rows


DAMAGE = {
    "": "1 columns",
    " 1 2": "3 columns",
    " 1.5": "'1.5' is no whole number",
    " -3": "'-3' is no whole number",
    " ²": "'²' is no whole number",
    " nan": "'nan' is no whole number",
}


@FAST
@given(rows=ROWS, at=st.integers(0, 10**6), tail=st.sampled_from(sorted(DAMAGE)))
def test_a_damaged_line_is_named(path, rows, at, tail):
    at %= len(rows)
    lines = [f"{name} {number}" for name, number in rows]
    lines[at] = rows[at][0] + tail
    path.write_text("\n".join(lines))
    told = f"{path}, line {at + 1}: {DAMAGE[tail]}"
    with pytest.raises(MirageError, match=re.escape(told)):
        lists.read_names(path, ("whole number",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.jpg 1\nb.jpg 2\na.jpg 3\n", "line 3: a.jpg stands there before"),
        ("../../secret 1\n", "line 1: '../../secret' is no plain file name"),
        ("..\\x 1\n", "no plain file name"),
        (".. 1\n", "no plain file name"),
        ("\n \n", "holds no entries"),
    ],
)
def test_other_damage(path, text, message):
    path.write_text(text)
    with pytest.raises(MirageError, match=re.escape(message)):
        lists.read_names(path, ("whole number",))
    path.write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(MirageError, match="no text file"):
        lists.read_names(path)
    with pytest.raises(MirageError, match="is missing"):
        lists.read_names(path.with_name("gone.txt"))


POINTS = st.lists(
    st.floats(-500, 5000, allow_nan=False).map(lambda v: round(v, 3)),
    min_size=10,
    max_size=10,
    unique=True,
).filter(lambda values: max(np.ptp(values[::2]), np.ptp(values[1::2])) >= 1)


@FAST
@given(rows=st.dictionaries(NAMES, POINTS, min_size=1), data=st.data())
def test_five_landmarks(path, rows, data):
    lines = [f"{name}  {' '.join(map(repr, values))}" for name, values in rows.items()]
    path.write_text("\n".join([str(len(rows)), "lefteye_x lefteye_y righteye_x", *lines]))
    wanted = data.draw(st.lists(st.sampled_from(sorted(rows)), unique=True))
    found = read_landmarks(path, 5, wanted)
    assert list(found) == wanted
    for name in wanted:
        np.testing.assert_array_equal(found[name].ravel(), rows[name])
    with pytest.raises(MirageError, match=r"no landmarks of 1 photographs: other\.jpg"):
        read_landmarks(path, 5, [*wanted, "other.jpg"])


@pytest.mark.parametrize("count", [5, 68])
def test_failed_detections_are_named(tmp_path, count):
    """A face is no point, wherever that lies."""
    path = tmp_path / ("landmark.txt" if count == 68 else "five.txt")
    heading = "" if count == 68 else "12\nlefteye_x\n"
    face = " ".join(map(str, range(2 * count)))
    failed = [f"{n}.jpg {' '.join([str(30 * n)] * 2 * count)}\n" for n in range(11)]
    path.write_text(f"{heading}face.jpg {face}\n{''.join(failed)}")
    source = tmp_path if count == 68 else path
    assert list(read_landmarks(source, count, ["face.jpg"])) == ["face.jpg"]
    names = ["face.jpg", *(f"{n}.jpg" for n in range(11))]
    with pytest.raises(
        MirageError, match=r"for 11 photographs: 0\.jpg, 1\.jpg.*9\.jpg and 1 more"
    ) as caught:
        read_landmarks(source, count, names)
    assert "10.jpg" not in str(caught.value)
    assert "face.jpg" not in str(caught.value)


def test_sixty_eight_landmarks(tmp_path):
    rng = np.random.default_rng(0)
    points, layout = rng.uniform(0, 600, (2, 68, 2)).round(1), rng.normal(size=(68, 2)).round(5)
    rows = [f"{n}.jpg {' '.join(map(str, p.ravel()))}" for n, p in enumerate(points)]
    (tmp_path / "landmark.txt").write_text("\n".join(rows))
    (tmp_path / "standard_landmark_68pts.txt").write_text(" ".join(map(str, layout.ravel())))
    np.testing.assert_array_equal(read_landmarks(tmp_path, 68, ["1.jpg"])["1.jpg"], points[1])
    np.testing.assert_array_equal(standard_layout(tmp_path, 68), layout)
    (tmp_path / "landmark.txt").write_text("\n".join([rows[0], rows[1].replace(" ", " x", 1)]))
    with pytest.raises(MirageError, match=r"line 2: 'x.*' is no number"):
        read_landmarks(tmp_path, 68, ["1.jpg"])
    (tmp_path / "landmark.txt").write_text(rows[0] + " 7")
    with pytest.raises(MirageError, match=r"line 1: 138 columns.*136 times a number"):
        read_landmarks(tmp_path, 68, ["0.jpg"])
    (tmp_path / "standard_landmark_68pts.txt").write_text("0.5 " * 135)
    with pytest.raises(MirageError, match=r"holds 135 numbers\. Expected: 136"):
        standard_layout(tmp_path, 68)
    (tmp_path / "standard_landmark_68pts.txt").write_text("0.5\n" * 135 + "inf")
    with pytest.raises(MirageError, match="line 136: 'inf' is no number"):
        standard_layout(tmp_path, 68)
