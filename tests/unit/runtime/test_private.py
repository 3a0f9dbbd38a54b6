"""A folder of one's own where others may have been first."""

import os
import stat

import pytest
from mirage.errors import MirageError
from mirage.runtime import slots
from mirage.runtime.private import private_folder

NAME = f"mirage-{os.getuid()}"


def _file(path):
    path.write_text("somebody's")


def _dangling(path):
    path.symlink_to("/nowhere/at/all")


def _link(path):
    (path.parent / "theirs").mkdir(mode=0o700)
    path.symlink_to("theirs")


def _open(path):
    path.mkdir()
    path.chmod(0o777)


def _pipe(path):
    os.mkfifo(path)


@pytest.mark.parametrize("first", [_file, _dangling, _link, _open, _pipe])
def test_what_has_our_name_is_neither_trusted_nor_in_the_way(first, tmp_path):
    common, other = tmp_path / "common", tmp_path / "other"
    common.mkdir()
    other.mkdir()
    first(common / NAME)
    before = (common / NAME).lstat()
    folder = private_folder([common, other])
    assert folder == other / NAME
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (common / NAME).lstat().st_mtime_ns == before.st_mtime_ns
    assert private_folder([common, other]) == folder


def test_the_first_place_that_is_ours_is_taken(tmp_path):
    assert private_folder([tmp_path, "/nowhere"]) == tmp_path / NAME
    assert private_folder([tmp_path, "/nowhere"]) == tmp_path / NAME


def test_no_place_at_all_says_why_each_will_not_do(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    _file(tmp_path / NAME)
    with pytest.raises(MirageError, match="File exists") as raised:
        private_folder([tmp_path])
    assert str(tmp_path / "none") in str(raised.value)


@pytest.mark.parametrize("first", [_file, _dangling])
def test_a_foreign_thing_in_the_common_folder_blocks_no_gpu(first, tmp_path, monkeypatch):
    common, other = tmp_path / "common", tmp_path / "other"
    common.mkdir()
    other.mkdir()
    first(common / NAME)
    monkeypatch.delenv("MIRAGE_SLOTS", raising=False)
    monkeypatch.setattr(slots, "private_folder", lambda: private_folder([common, other]))
    slot = slots.take(["0", "1"])
    assert slot.device == "0"
    assert slots.take(["0"]) is None
    slot.file.close()


@pytest.mark.parametrize("first", [_dangling, _pipe, os.mkdir])
def test_something_at_the_place_of_a_lock_is_named_with_the_setting(first, tmp_path, monkeypatch):
    monkeypatch.setenv("MIRAGE_SLOTS", str(tmp_path))
    first(tmp_path / "gpu-0.lock")
    with pytest.raises(MirageError, match=r"gpu-0\.lock cannot be used.*MIRAGE_SLOTS"):
        slots.take(["0"])


def test_a_named_folder_that_will_not_do_is_told(tmp_path, monkeypatch):
    _file(tmp_path / "slots")
    monkeypatch.setenv("MIRAGE_SLOTS", str(tmp_path / "slots"))
    with pytest.raises(MirageError, match=r"File exists.*MIRAGE_SLOTS"):
        slots.take(["0"])
