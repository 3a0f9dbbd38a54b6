"""Files are whole or absent, and trouble with the disk is one plain message."""

import errno
import os

import pytest
import torch
from mirage.errors import MirageError
from mirage.runtime import files


def test_an_error_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")

    def write_half():
        with files.writing(path) as temporary:
            temporary.write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "old"
    assert {file.name for file in tmp_path.iterdir()} == {"a.txt", ".a.txt.xxh3"}
    assert files.sound(path) == path


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_disk_trouble_names_the_file(tmp_path, monkeypatch, number):
    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(MirageError, match=r"a\.json"):
        files.write_json(tmp_path / "a.json", {"a": 1})
    assert not list(tmp_path.iterdir())


def test_a_truncated_tensor_file_is_named(tmp_path):
    path = tmp_path / "a.safetensors"
    files.save_tensors(path, {"a": torch.arange(9)})
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(MirageError, match=r"a\.safetensors"):
        files.load_tensors(path)


def test_nan_is_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "a.json", {"a": float("nan")})
