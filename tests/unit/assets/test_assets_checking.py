"""States of files and folders, and what is remembered of them."""

import hashlib
import os
import subprocess
import time
from pathlib import Path

import pytest
from mirage.assets import remembered
from mirage.assets.checking import check, check_all
from mirage.assets.manifest import Asset, Checksum, FileFacts, Manifest, Member
from mirage.assets.remembered import Remembered

BYTES = b"weights" * 100
SHA256 = hashlib.sha256(BYTES).hexdigest()
OLD = time.time() - 1000
FACTS = FileFacts(checksum=Checksum("sha256", hashlib.sha256(b"x").hexdigest()))


def file_asset(**facts):
    return Asset("a", "a test", "none", "assets/a", ("ask",), file=FileFacts(**facts))


def folder_asset(*holds):
    return Asset("a", "a test", "none", "assets/a", ("ask",), holds=holds)


def write(path, content=BYTES, changed=OLD):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (changed, changed))
    return path


def grow(folder, *names):
    for name in names:
        write(folder / name, b"x")
    for below in [folder, *folder.rglob("*")]:
        os.utime(below, (OLD, OLD))
    return folder


@pytest.mark.parametrize(
    ("facts", "state", "detail"),
    [
        ({}, "present", "no checksum is published"),
        ({"bytes": 700}, "present", "size agrees"),
        ({"about_bytes": 1200}, "present", "size agrees"),
        ({"checksum": Checksum("sha256", SHA256)}, "verified", "sha256"),
        ({"checksum": Checksum("sha256", SHA256[:8])}, "verified", SHA256[:8]),
        ({"checksum": Checksum("md5", hashlib.md5(BYTES).hexdigest())}, "verified", "md5"),
        ({"bytes": 701}, "wrong", "700 bytes; expected 701 (cut short)"),
        ({"bytes": 699}, "wrong", "(too long)"),
        ({"about_bytes": 1500}, "wrong", "expected about 1,500"),
        ({"checksum": Checksum("sha256", "0" * 64)}, "wrong", f"is {SHA256[:12]}…; expected 0000"),
        ({"bytes": 700, "checksum": Checksum("md5", "0" * 32)}, "wrong", "md5"),
    ],
)
def test_files(tmp_path, facts, state, detail):
    place = write(tmp_path / "a")
    finding = check(file_asset(**facts), place, Remembered())
    assert (finding.state, finding.good) == (state, state != "wrong")
    assert detail in finding.detail


def test_the_digest_is_that_of_coreutils(tmp_path):
    place = write(tmp_path / "a", os.urandom(1 << 20))
    for algorithm in ("sha256", "md5"):
        told = subprocess.run(
            [f"{algorithm}sum", place], capture_output=True, text=True, check=True
        )
        assert Remembered().digest(place, algorithm) == told.stdout.split()[0]


@pytest.mark.parametrize(
    ("content", "detail"),
    [(b"", "empty"), (b"\n<!DOCTYPE HTML><html>", "web page"), (b"<html lang=en>", "web page")],
)
def test_what_is_no_file_of_weights(tmp_path, content, detail):
    finding = check(file_asset(), write(tmp_path / "a", content), Remembered())
    assert finding.state == "wrong"
    assert detail in finding.detail


def test_missing_and_dangling(tmp_path):
    assert check(file_asset(), tmp_path / "a", Remembered()).state == "missing"
    (tmp_path / "a").symlink_to("gone")
    finding = check(file_asset(), tmp_path / "a", Remembered())
    assert finding.state == "wrong"
    assert "a link to gone" in finding.detail
    (tmp_path / "gone").mkdir()
    assert check(folder_asset(Member("x")), tmp_path / "gone", Remembered()).state == "missing"


def test_files_and_folders_are_not_mixed_up(tmp_path):
    (tmp_path / "folder").mkdir()
    write(tmp_path / "folder/x")
    assert "expected a file" in check(file_asset(), tmp_path / "folder", Remembered()).detail
    assert "expected a folder" in check(folder_asset(), tmp_path / "folder/x", Remembered()).detail


def test_unreadable(tmp_path, monkeypatch):
    """As root nothing is unreadable, so the system's answer is given by hand."""

    def refuse(self, *_, **__):
        raise PermissionError(13, "Permission denied", str(self))

    place = write(tmp_path / "a")
    monkeypatch.setattr(Path, "open", refuse)
    finding = check(file_asset(), place, Remembered())
    assert finding.state == "wrong"
    assert finding.detail.startswith(f"unreadable: {place}: Permission denied ({place} belongs to")


@pytest.mark.parametrize(
    ("holds", "state", "detail"),
    [
        ((), "present", ""),
        ((Member("p"),), "present", ""),
        ((Member(".", files=5),), "present", "5 files; counted, contents not checked"),
        (
            (Member("p", files=3), Member("q", folders=1)),
            "present",
            "p: 3 files; q: 1 folders; counted, contents not checked",
        ),
        ((Member("p", files=4),), "wrong", "p: 3 files; expected 4"),
        ((Member("q", folders=2),), "wrong", "q: 1 folders; expected 2"),
        ((Member("r"),), "wrong", "lacks r"),
        ((Member("p/1.jpg", folders=1),), "wrong", "expected a folder"),
        ((Member("p/1.jpg", FileFacts(bytes=1)),), "present", "size agrees"),
        ((Member("p/1.jpg", FACTS),), "verified", "p/1.jpg: sha256"),
        ((Member("p/1.jpg", FACTS), Member("p", files=3)), "present", "contents not checked"),
        ((Member("p/1.jpg", FileFacts(bytes=2)),), "wrong", "p/1.jpg: 1 bytes; expected 2"),
        ((Member("p/1.jpg", FileFacts(checksum=Checksum("md5", "0" * 32))),), "wrong", "md5"),
    ],
)
def test_folders(tmp_path, holds, state, detail):
    folder = grow(tmp_path / "a", "p/1.jpg", "p/2.jpg", "p/deep/3.jpg", "q/s/1.jpg", "q/2.jpg")
    grow(folder, ".hidden", "p/.hidden", ".cache/1.jpg")
    grow(folder, "__MACOSX/1.jpg", "p/@eaDir/1.jpg", "p/Thumbs.db", "q/lost+found/1.jpg")
    (folder / "p/all").symlink_to("..")  # a reader would not enter it again either
    finding = check(folder_asset(*holds), folder, Remembered())
    assert finding.state == state
    assert detail in finding.detail


def test_a_digest_is_remembered_until_the_file_changes(tmp_path, monkeypatch):
    place = write(tmp_path / "a")
    asset = file_asset(checksum=Checksum("sha256", SHA256))
    manifest = Manifest({"a": asset}, tmp_path, {"a": str(place)})
    kept = tmp_path / "memory.json"
    assert check_all(manifest, ["a"], Remembered(kept))[0].state == "verified"

    def fail(*_):
        raise AssertionError("hashed again")

    with monkeypatch.context() as patch:
        patch.setattr(remembered.hashlib, "file_digest", fail)
        assert check_all(manifest, ["a"], Remembered(kept))[0].state == "verified"
    place.write_bytes(BYTES[:-1] + b"!")  # same size, other bytes
    os.utime(place, (OLD + 1, OLD + 1))
    assert check_all(manifest, ["a"], Remembered(kept))[0].state == "wrong"


def test_a_replaced_file_is_noticed_by_its_inode(tmp_path):
    place = write(tmp_path / "a")
    memory = Remembered()
    before = memory.digest(place, "sha256")
    write(tmp_path / "b", BYTES[::-1]).replace(place)
    assert memory.digest(place, "sha256") != before


def test_what_changed_just_now_is_not_remembered(tmp_path):
    place = tmp_path / "a"
    place.write_bytes(BYTES)
    memory = Remembered(tmp_path / "memory.json")
    memory.digest(place, "sha256")
    memory.save()
    assert not memory.path.exists()


def test_a_count_is_remembered_until_the_folder_changes(tmp_path, monkeypatch):
    folder = grow(tmp_path / "a", *(f"{i}/{j}.jpg" for i in range(3) for j in range(4)))
    kept = tmp_path / "memory.json"
    memory = Remembered(kept)
    assert memory.count(folder) == 12
    memory.save()
    with monkeypatch.context() as patch:
        patch.setattr(remembered, "_survey", None)
        assert Remembered(kept).count(folder) == 12
    write(folder / "1/new.jpg")
    assert Remembered(kept).count(folder) == 13
    (folder / "1/new.jpg").unlink()
    (folder / "2").rename(folder / "elsewhere")
    assert Remembered(kept).count(folder) == 12


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"a": 3}', '{"sha256:x": {"stamp": 1'])
def test_a_damaged_memory_is_as_good_as_none(tmp_path, content):
    place = write(tmp_path / "a")
    kept = tmp_path / "memory.json"
    kept.write_text(content)
    memory = Remembered(kept)
    assert memory.digest(place, "sha256") == SHA256
    memory.save()
    assert Remembered(kept).digest(place, "sha256") == SHA256


def test_a_memory_that_cannot_be_written_is_no_problem(tmp_path):
    place = write(tmp_path / "a")
    memory = Remembered(place / "no folder/memory.json")
    memory.digest(place, "sha256")
    memory.save()


# What lies there besides


@pytest.mark.parametrize(
    ("holds", "files", "detail", "first"),
    [
        (
            (Member("p"), Member("q")),
            ("a/p/1.jpg", "a/q/1.jpg"),
            "lacks p; all of it lies too deep, in {}/a",
            "move what is in {0}/a up into {0}",
        ),
        (
            (Member("p", files=1),),
            ("x/y/p/1.jpg",),
            "lies too deep, in {}/x/y",
            "move what is in {0}/x/y up into {0}",
        ),
        (
            (Member("p", files=1),),
            ("p/1.jpg", "a/p/1.jpg"),
            "it holds a copy of itself in {}/a",
            "move {}/a somewhere else",
        ),
        (
            (Member(".", files=3),),
            ("a/1.jpg", "a/2.jpg", "a/3.jpg"),
            "all of it lies too deep, in {}/a",
            "move what is in {0}/a up into {0}",
        ),
        (
            (Member("s1", files=2),),
            ("s1/s1/1.pgm", "s1/s1/2.pgm"),
            "s1: all of it lies too deep, in {}/s1/s1",
            "move what is in {0}/s1/s1 up into {0}/s1",
        ),
        (
            (Member("s1", files=2),),
            ("s1/1.pgm", "s1/2.pgm", "s1/s1/1.pgm", "s1/s1/2.pgm"),
            "s1: 4 files; expected 2 (those in s1)",
            "move away what does not belong in {}/s1",
        ),
        (
            (Member(".", files=3),),
            ("1.jpg", "2.jpg", "3.jpg", "notes.txt", "Thumbs.db", "__MACOSX/1.jpg"),
            "4 files; expected 3 (unlike the others: notes.txt)",
            "move away what does not belong in {}",
        ),
        (
            (Member(".", files=3),),
            ("1.jpg", "2.jpg", "3.jpg", "3 (copy).jpg"),
            "(unlike the others: 3 (copy).jpg)",
            "move away what does not belong in {}",
        ),
        (
            (Member("q", folders=2),),
            ("q/ann/1.jpg", "q/bob/1.jpg", "q/empty/.keep", "q/__MACOSX/1.jpg"),
            "q: 3 folders; expected 2 (unlike the others: empty)",
            "move away what does not belong in {}/q",
        ),
    ],
)
def test_nested_copies_and_extra_files_are_named(tmp_path, holds, files, detail, first):
    folder = grow(tmp_path / "a", *files)
    finding = check(folder_asset(*holds), folder, Remembered())
    assert finding.state == "wrong"
    assert detail.format(folder) in finding.detail
    assert finding.first == first.format(folder)


def test_the_newest_is_named_where_all_look_alike(tmp_path):
    folder = grow(tmp_path / "a", "ann.jpg", "bob.jpg", "cyd.jpg")
    time.sleep(0.02)  # what tells them apart is the file system's own clock
    write(folder / "ada.jpg")
    finding = check(folder_asset(Member(".", files=3)), folder, Remembered())
    assert "4 files; expected 3 (the newest: ada.jpg)" in finding.detail


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (os.mkfifo, "a named pipe; expected a file"),
        (lambda path: path.symlink_to("/dev/zero"), "a device; expected a file"),
    ],
)
def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path, make, told):
    make(tmp_path / "a")
    assert told in check(file_asset(), tmp_path / "a", Remembered()).detail
    member = folder_asset(Member("a", FileFacts()))
    assert told in check(member, tmp_path, Remembered()).detail


def test_a_link_back_to_its_folder_is_counted_once(tmp_path):
    folder = grow(tmp_path / "a", "p/1.jpg", "p/2.jpg")
    (folder / "p/back").symlink_to(folder)
    assert Remembered().count(folder) == 2


def test_a_dangling_member_says_where_it_leads(tmp_path):
    folder = grow(tmp_path / "a", "q/1.jpg")
    (folder / "p").symlink_to("gone")
    finding = check(folder_asset(Member("p")), folder, Remembered())
    assert "p: a link to gone, where there is nothing" in finding.detail
