"""Hostile files are refused in our words, at once, within little memory; nothing hangs."""

import argparse
import collections
import json
import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path

import hostile_files
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mirage.errors import MirageError
from mirage.foreign import known as known_files
from mirage.foreign.reading import container, read_state
from mirage.priors import nvidia_pickle
from mirage.priors.restricted_pickle import read_records
from mirage.runtime import files
from torch import nn

MOST_MB, MOST_CPU_S = 300, 2.0
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """All hostile files, opened one after the other in a process of its own."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "doors.json").write_text(json.dumps(hostile_files.write(folder)))
    library = HERE.parents[2] / "workflow/scripts"
    done = subprocess.run(
        [sys.executable, HERE / "hostile_doors.py", folder],
        capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(library)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", hostile_files.CASES)
def test_a_small_file_cannot_eat_the_machine(opened, name):
    told, cpu_s, above_mb = opened[name]
    assert name in told  # our own words name the file
    assert len(told) < 1500
    assert told.isprintable()
    assert cpu_s < MOST_CPU_S
    assert above_mb < MOST_MB


# Mutations of files that are fine


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """One file of each kind, in which nothing is wrong."""
    folder = tmp_path_factory.mktemp("good")
    script = HERE.parent / "priors/official_packagings.py"
    subprocess.run([sys.executable, script, folder / "a.pkl", "stylegan3", "4", "256"], check=True)
    state = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(3)}
    torch.save(state, folder / "zip.pth")
    torch.save(state, folder / "old.pth", _use_new_zipfile_serialization=False)
    files.save_tensors(folder / "new.safetensors", state)
    return folder


@pytest.mark.parametrize("name", ["a.pkl", "zip.pth", "old.pth", "new.safetensors"])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_changed_file_is_read_or_refused_in_our_words(good, tmp_path, name, data):
    content = bytearray((good / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    (tmp_path / "w").write_bytes(content)
    door = read_records if name == "a.pkl" else read_state
    told = f"{tmp_path / 'w'}"
    try:
        door(tmp_path / "w")
    except MirageError as error:
        told = str(error)
    assert str(tmp_path / "w") in told
    assert told.isprintable()


def test_a_flipped_bit_in_a_tensor_is_found(good, tmp_path):
    content = bytearray((good / "zip.pth").read_bytes())
    content[content.index(torch.arange(6.0).numpy().tobytes()) + 5] ^= 1
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(MirageError, match=r"w\.pth.*data/0 is damaged"):
        read_state(tmp_path / "w.pth")


# Who is to blame


class _Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Linear(1, 1)


def _call(*_):
    raise AssertionError("nothing may be called")


class _Caller:
    def __reduce__(self):
        return _call, (1,)


STATE = {"a": torch.zeros(2)}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"state_dict": STATE, "args": argparse.Namespace(lr=1)},
         "its entry args is an object of the class argparse.Namespace"),
        ({**STATE, "deep": {"list": [1, _Caller()]}},
         f"its entry deep.list.1 is made by calling {__name__}._call"),
        (_Net(), f"it is an object of the class {__name__}._Net"),
        ({"model": _Net()}, f"its entry model is an object of the class {__name__}._Net"),
        ({"best": collections.defaultdict(list)},
         "its entry best is made by calling collections.defaultdict"),
        ({**STATE, "kind": os.system}, "its entry kind names posix.system"),
        ({**STATE, "\x1b[31mred\u202e": _Caller()}, r"its entry \x1b[31mred\u202e is made"),
        ({**STATE, "epoch": 3}, "epoch (of class int)"),
        ({"model": STATE}, "model (of class dict)"),
    ],
    ids=["namespace", "deep", "whole", "model", "mapping", "name", "escapes", "number", "one"],
)  # fmt: skip
def test_the_entry_and_its_class_are_named(tmp_path, content, told, zipped):
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(MirageError) as caught:
        read_state(tmp_path / "w.pth")
    words = str(caught.value)
    assert told in words
    assert "w.pth" in words
    assert "state dict" in words  # what would be right
    assert words.isprintable()
    assert not any(word in words for word in ("weights_only", "torch.load", "Unpickler"))


def test_a_stranger_that_is_thrown_away_is_refused_all_the_same(tmp_path):
    harmless = pickle.dumps({"G_ema": None}, 2)
    content = b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00harm\x85R0" + harmless[2:]
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(MirageError, match=r"is made by calling posix\.system"):
        read_records(tmp_path / "a.pkl")


# Only regular files


def _pipe(path):
    os.mkfifo(path)


def _socket(path):
    socket.socket(socket.AF_UNIX).bind(str(path))


DOORS = [
    read_state, container, read_records, nvidia_pickle.read_networks, files.load_tensors,
    files.read_metadata, files.read_json, files.checksum,
    lambda path: known_files.check_image(torch.zeros(1, 3, 8, 8), path),
]  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (_pipe, "it is a named pipe"),
        (_socket, "it is a socket"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
        (lambda path: path.mkdir(), "it is a folder"),
        (lambda path: path.symlink_to("gone"), "it is a link to gone, where there is nothing"),
        (lambda path: path.symlink_to(path.name), "cannot be read|is missing"),
        (lambda path: None, "is missing"),
    ],
    ids=["pipe", "socket", "device", "folder", "dangling", "loop", "nothing"],
)
def test_only_regular_files_are_opened(tmp_path, monkeypatch, door, make, told):
    monkeypatch.chdir(tmp_path)  # the name of a socket may not be long
    make(Path("w"))
    with pytest.raises(MirageError, match=told) as caught:
        door(Path("w"))
    assert str(caught.value).startswith("w ")
