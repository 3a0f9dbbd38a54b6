"""Readers: counts, stable order, and what is said when something is missing."""

import os
import shutil

import pytest
from mirage.data import readers
from mirage.data.dataset import DatasetRecipe, IdentityRecipe, select_photos
from mirage.errors import MirageError


def test_orl_holds_forty_people_in_number_order():
    photos = readers.list_photos("orl", {}).photos
    assert len(photos) == 400
    assert [photo.name for photo in photos[:11]] == [f"s1/{n}.pgm" for n in range(1, 11)] + [
        "s2/1.pgm"
    ]
    assert list(dict.fromkeys(photo.identity for photo in photos)) == [
        f"s{n}" for n in range(1, 41)
    ]
    assert all(photo.path.read_bytes()[:2] == b"P5" for photo in photos[::40])


def test_orl_names_what_a_folder_lacks(tmp_path):
    source = readers.list_photos("orl", {}).photos[0].path.parents[1]
    shutil.copytree(source, tmp_path / "orl")
    assert len(readers.list_photos("orl", {"folder": tmp_path / "orl"}).photos) == 400
    (tmp_path / "orl" / "s7" / "3.pgm").unlink()
    (tmp_path / "orl" / "s40" / "10.pgm").unlink()
    with pytest.raises(MirageError, match=r"lacks 2 of the 400.*s7/3\.pgm, s40/10\.pgm"):
        readers.list_photos("orl", {"folder": tmp_path / "orl"})


def test_folders_follow_plain_string_order(tmp_path):
    for name in ("b/2.png", "b/10.png", "B/1.png", "a/x/1.png", "a/y.png", ".git/z", "b/.hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names = [photo.name for photo in readers.list_photos("folders", {"folder": tmp_path}).photos]
    assert names == ["B/1.png", "a/y.png", "a/x/1.png", "b/10.png", "b/2.png"]


def test_folders_match_torchvision(tmp_path):
    from torchvision.datasets import ImageFolder

    for name in ("n02/b.JPEG", "n02/a.JPEG", "n01/9.png", "n01/10.png", "é/1.png", "Z z/1.png",
                 "n01/b/1.png", "n01/b c/1.png", "n01/b/a/x.png", "n01/a.png"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    folder = ImageFolder(str(tmp_path))
    photos = readers.list_photos("folders", {"folder": tmp_path}).photos
    assert [str(photo.path) for photo in photos] == [path for path, _ in folder.samples]
    assert list(dict.fromkeys(photo.identity for photo in photos)) == folder.classes


@pytest.mark.parametrize(
    ("reader", "odd"),
    [
        ("facescrub", b"actresses/faces/Adrianne_Le\xf3n/1.jpg"),
        ("facescrub", b"actors/faces/Adrien_Brody/Le\xf3n.db"),
        ("folders", b"ann/Le\xf3n/1.png"),
        ("imagenette", b"val/n1/Le\xf3n.JPEG"),
    ],
)
def test_names_that_are_not_utf_8_are_told_before_anything_is_decoded(tmp_path, reader, odd):
    whole = {
        "facescrub": ("actors/faces/Adrien_Brody/1.jpg", "actresses/faces/Zoe/1.jpg"),
        "folders": ("ann/1.png",),
        "imagenette": ("train/n1/1.JPEG", "val/n1/1.JPEG"),
    }
    for name in (*map(os.fsencode, whole[reader]), odd):
        path = tmp_path / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with pytest.raises(MirageError) as caught:
        select_photos(DatasetRecipe(reader, str(tmp_path)))
    told = str(caught.value)
    assert told.isascii()  # any log can hold it
    assert r"Le\xf3n" in told
    assert "convmv -r -f latin1 -t utf8" in told


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "is no folder"),
        (lambda folder: folder.mkdir(), "holds no folders"),
        (lambda folder: (folder / "anna").mkdir(parents=True), "without photographs: anna"),
    ],
)
def test_folders_refuse(tmp_path, make, message):
    make(tmp_path / "faces")
    with pytest.raises(MirageError, match=message):
        readers.list_photos("folders", {"folder": tmp_path / "faces"})


def test_private_and_public_orl_people():
    # numpy.random.RandomState(42).permutation(40) + 1, written out
    order = [20, 17, 16, 27, 5, 13, 38, 28, 40, 7, 26, 10, 14, 32, 35, 9, 18, 25, 1, 34, 6, 12, 2,
             30, 22, 3, 31, 37, 4, 36, 24, 33, 11, 23, 19, 21, 8, 15, 29, 39]  # fmt: skip
    private = select_photos(DatasetRecipe("orl", channels=1, identities=IdentityRecipe(count=24)))
    public = select_photos(DatasetRecipe("orl", channels=1, identities=IdentityRecipe(first=24)))
    assert private.identities == [f"s{n}" for n in order[:24]]
    assert public.identities == [f"s{n}" for n in order[24:]]
    assert (len(private.photos), len(public.photos)) == (240, 160)
    assert [photo.identity for photo in private.photos[::10]] == sorted(
        private.identities, key=lambda name: int(name[1:])
    )


def test_too_many_identities_asked_for():
    with pytest.raises(MirageError, match="identities 24 to 40 are asked for, there are 40"):
        select_photos(DatasetRecipe("orl", identities=IdentityRecipe(first=24, count=17)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"reader": "olr"}, "reader is 'olr'.*orl"),
        ({"reader": "orl", "chanels": 1}, "no key 'chanels'.*Did you mean 'channels'"),
        ({"reader": "orl", "channels": 2}, "channels is 2"),
        ({"reader": "orl", "on_broken": "ignore"}, "on_broken is 'ignore'"),
        ({"reader": "orl", "split": {"rule": "random"}}, "split.rule is 'random'"),
        ({"reader": "orl", "split": {"rule": "published"}}, "split.train_share of rule published"),
        (
            {"reader": "orl", "split": {"rule": "per_identity", "train": 7, "train_share": 0.9}},
            "split.train_share of rule per_identity is 0.9. Expected: not set",
        ),
        ({"reader": "orl", "split": {"rule": "published", "train_share": 1.0}}, "within"),
        ({"reader": "orl", "identities": {"count": 0}}, "identities.count is 0"),
    ],
)
def test_impossible_settings(values, message):
    with pytest.raises(MirageError, match=message):
        DatasetRecipe.of(values)
