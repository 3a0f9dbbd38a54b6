"""What of a folder is read: each folder and file once, nothing of a system's, nothing special."""

import os
import socket

import pytest
from mirage.data import readers
from mirage.data.acceptance import check_store
from mirage.data.dataset import DatasetRecipe, select_photos
from mirage.data.passing import AGAIN, BACK, BESIDE, HIDDEN, NO_IMAGE, SYSTEM
from mirage.data.store import Store, prepare_store
from mirage.errors import MirageError

SYSTEMS = ["__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information",
           "lost+found", "@Recycle", "#snapshot", "~snapshot", "RECYCLER"]  # fmt: skip
HIDDEN_ONES = [".git", ".snapshot", ".Trash-1000", ".AppleDouble"]
SYSTEM_FILES = ["Thumbs.db", "desktop.ini", "THUMBS.DB", "Icon\r"]
HIDDEN_FILES = [".DS_Store", "._1.png", ".nfs0001"]


def _touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def _listed(folder, reader="folders"):
    listing = readers.list_photos(reader, {"folder": folder})
    return [photo.name for photo in listing.photos], dict(listing.left_alone)


@pytest.fixture
def people(tmp_path):
    """Two people with three photographs each."""
    folder = tmp_path / "people"
    for person in ("ann", "bob"):
        _touch(folder, *(f"{person}/{n}.png" for n in range(3)))
    return folder


READ = [f"{person}/{n}.png" for person in ("ann", "bob") for n in range(3)]


@pytest.mark.parametrize("name", [*SYSTEMS, *HIDDEN_ONES])
def test_folders_of_systems_are_no_people(people, name):
    why = HIDDEN if name in HIDDEN_ONES else SYSTEM
    _touch(people, f"{name}/1.png", f"bob/{name}/2.png", f"bob/{name}/deep/3.png")
    assert _listed(people) == (READ, {name: why, f"bob/{name}": why})


@pytest.mark.parametrize("name", [*SYSTEM_FILES, *HIDDEN_FILES])
def test_files_of_systems_are_no_photographs(people, name):
    why = HIDDEN if name in HIDDEN_FILES else SYSTEM
    _touch(people, name, f"ann/{name}")
    assert _listed(people) == (READ, {name: why, f"ann/{name}": why})


def test_names_of_people_may_begin_with_any_sign(tmp_path):
    names = ["@ann/1.png", "#bob/1.png", "$eve/1.png", "_zoe/1.png", "~kim/1.png", "Thumbs/1.png"]
    _touch(tmp_path, *names)
    assert _listed(tmp_path) == (sorted(names), {})


@pytest.mark.parametrize("place", ["all", "ann/all", "ann/deep/all", "bob/all"])
@pytest.mark.parametrize("target", ["people", "people/..", "people/ann", "people/bob", "/"])
def test_links_back_multiply_nothing(people, place, target):
    (people / place).parent.mkdir(exist_ok=True)
    goal = target if target == "/" else people.parent / target
    (people / place).symlink_to(goal, target_is_directory=True)
    names, left = _listed(people)
    assert names == READ
    assert list(left) == [place]
    assert left[place] in (AGAIN, BACK)


def test_links_may_be_relative_and_in_chains(people):
    (people / "ann" / "up").symlink_to("..")
    (people / "bob" / "there").symlink_to("../ann/up/ann")
    (people / "again").symlink_to("bob/there/up/bob")
    (people / "ann" / "itself").symlink_to("itself")
    names, left = _listed(people)
    assert names == READ
    assert {name: left[name] for name in ("ann/up", "bob/there", "again")} == {
        "ann/up": BACK, "bob/there": AGAIN, "again": AGAIN}  # fmt: skip
    assert "cannot be followed" in left["ann/itself"]


def test_a_data_set_of_links_is_read_and_each_target_once(people, tmp_path):
    farm = tmp_path / "farm"
    farm.mkdir()
    for name, target in (("zoe", "ann"), ("yan", "bob"), ("abe", "ann")):
        (farm / name).symlink_to(people / target)
    names, left = _listed(farm)
    assert names == [f"{person}/{n}.png" for person in ("abe", "yan") for n in range(3)]
    assert left == {"zoe": AGAIN}


def test_a_folder_itself_goes_before_links_to_it(people):
    (people / "aaa").symlink_to("bob")
    (people / "ann" / "0-friend.png").symlink_to("../bob/1.png")
    (people / "ann" / "far.png").symlink_to(people / "bob" / "0.png")
    names, left = _listed(people)
    assert names == READ
    assert left == {"aaa": AGAIN, "ann/0-friend.png": AGAIN, "ann/far.png": AGAIN}


def test_links_to_photographs_elsewhere_are_read(people, tmp_path):
    _touch(tmp_path / "disk", "x.png")
    (people / "ann" / "x.png").symlink_to(tmp_path / "disk" / "x.png")
    (people / "bob" / "y.png").symlink_to(tmp_path / "disk" / "x.png")
    names, left = _listed(people)
    assert names == [*READ[:3], "ann/x.png", *READ[3:]]
    assert left == {"bob/y.png": AGAIN}


def test_special_files_are_left_alone(people):
    os.mkfifo(people / "ann" / "pipe.png")
    (people / "ann" / "null.png").symlink_to("/dev/null")
    os.mkfifo(people / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(people / "bob" / "s.png"))
    assert _listed(people) == (
        READ,
        {"ann/pipe.png": "a named pipe", "ann/null.png": "a device", "pipe": "a named pipe",
         "bob/s.png": "a socket"},
    )  # fmt: skip


def test_files_beside_people_and_without_an_ending_are_told(people):
    _touch(people, "readme.txt")
    assert _listed(people) == (READ, {"readme.txt": BESIDE})
    _touch(people / "set", *(f"{part}/n1/{part}.JPEG" for part in ("train", "val")))
    _touch(people / "set", "train/labels.csv", "train/n1/list.txt", "val/n1/@eaDir/val.JPEG")
    names, left = _listed(people / "set", "imagenette")
    assert names == ["train/n1/train.JPEG", "val/n1/val.JPEG"]
    assert left == {"train/labels.csv": BESIDE, "train/n1/list.txt": NO_IMAGE,
                    "val/n1/@eaDir": SYSTEM}  # fmt: skip


def test_facescrub_counts_nobody_twice_over_both_groups(tmp_path):
    _touch(tmp_path, "actors/faces/Al/1.jpg", "actresses/faces/Zoe/1.jpg", "actors/faces/@eaDir/x")
    (tmp_path / "actresses/faces/Al_too").symlink_to(tmp_path / "actors/faces/Al")
    (tmp_path / "actors/faces/Al/all").symlink_to(tmp_path)
    names, left = _listed(tmp_path, "facescrub")
    assert names == ["actors/faces/Al/1.jpg", "actresses/faces/Zoe/1.jpg"]
    assert left == {"actresses/faces/Al_too": AGAIN, "actors/faces/Al/all": BACK,
                    "actors/faces/@eaDir": SYSTEM}  # fmt: skip


def test_lost_links_are_missing_photographs(people):
    (people / "ann" / "9.png").symlink_to("nowhere.png")
    with pytest.raises(MirageError, match=r"1 of 7 listed photographs are missing.*ann/9\.png"):
        select_photos(DatasetRecipe("folders", str(people)))


def test_folders_that_may_not_be_read_are_named(people, monkeypatch):
    scandir = os.scandir

    def forbidding(path):
        if path.name == "bob":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidding)  # file modes do not bind root
    with pytest.raises(MirageError, match=r"bob cannot be read \(Permission denied\)"):
        _listed(people)


def test_what_is_left_alone_stands_in_manifest_and_findings(photo_folder, tmp_path):
    (photo_folder / "bob" / "up").symlink_to("..")
    _touch(photo_folder, "__MACOSX/1.png", *(f"bob/._{n}.png" for n in range(9)))
    manifest = prepare_store(DatasetRecipe("folders", str(photo_folder)), tmp_path / "store")
    assert manifest["images"] == 15
    assert manifest["left_alone"]["bob/up"] == BACK
    texts = [finding.text for finding in check_store(Store(tmp_path / "store"))]
    assert f"left alone, {SYSTEM}: 1 (__MACOSX)" in texts
    assert f"left alone, {BACK}: 1 (bob/up)" in texts
    assert any(text.startswith(f"left alone, {HIDDEN}: 9 (bob/._0.png") for text in texts)
