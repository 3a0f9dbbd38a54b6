"""Spools: what was appended comes back, and only what a state vouches for."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from interruptions import StopAfter
from mirage.errors import MirageError
from mirage.runtime import claims
from mirage.runtime.checkpoint import Checkpoint
from mirage.runtime.spool import Spool, discard

PIECES = [
    {"images": torch.arange(12.0).view(3, 2, 2), "best": torch.zeros(1, 2, dtype=torch.uint8)},
    {"images": torch.ones(1, 2, 2)},
    {"images": -torch.ones(2, 2, 2), "best": torch.ones(2, 2, dtype=torch.uint8)},
]
IMAGES = torch.cat([piece["images"] for piece in PIECES])


def _filled(checkpoint, count=3):
    spool = Spool(checkpoint)
    for piece in PIECES[:count]:
        spool.append(piece)
    return spool


@pytest.mark.parametrize("on_disk", [False, True])
def test_pieces_are_joined_in_order(tmp_path, on_disk):
    checkpoint = Checkpoint(tmp_path / "deep/state" if on_disk else None, {})
    whole = _filled(checkpoint).joined()
    assert torch.equal(whole["images"], IMAGES)
    assert whole["best"].tolist() == [[0, 0], [1, 1], [1, 1]]
    assert whole["best"].dtype == torch.uint8
    assert len(list(tmp_path.rglob("*"))) == 2 * on_disk
    discard(checkpoint)
    assert not list(tmp_path.rglob("*.spool"))


@pytest.mark.parametrize("marked", [0, 1, 2, 3])
def test_resumes_at_the_mark_and_drops_what_came_later(tmp_path, marked):
    checkpoint = Checkpoint(tmp_path / "state", {})
    spool = _filled(checkpoint, marked)
    mark = spool.mark()
    for piece in PIECES[marked:]:
        spool.append({"images": 7 * piece["images"]})  # written, but in no state: a kill -9
    again = Spool(checkpoint)
    assert again.resume(mark)
    assert again.pieces == marked
    for piece in PIECES[marked:]:
        again.append(piece)
    assert torch.equal(again.joined()["images"], IMAGES)


def test_a_fresh_start_overwrites_what_an_older_run_left(tmp_path):
    checkpoint = Checkpoint(tmp_path / "state", {})
    _filled(checkpoint)
    fresh = Spool(checkpoint)
    assert not fresh.resume(None)
    fresh.append(PIECES[1])
    assert torch.equal(fresh.joined()["images"], PIECES[1]["images"])


def _cut(path):
    path.write_bytes(path.read_bytes()[:-3])


def _flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [_cut, _flip, lambda path: path.unlink()])
def test_a_damaged_spool_is_not_resumed(tmp_path, harm, caplog):
    checkpoint = Checkpoint(tmp_path / "state", {})
    mark = _filled(checkpoint).mark()
    harm(tmp_path / "state.spool")
    again = Spool(checkpoint)
    assert not again.resume(mark)
    assert "Starting afresh" in caplog.text
    again.append(PIECES[0])
    assert torch.equal(again.joined()["images"], PIECES[0]["images"])


def _break_a_header(path):
    content = bytearray(path.read_bytes())
    content[16:24] = b"{{{{{{{{"  # past both lengths, inside the piece's own description
    path.write_bytes(content)


def _add_a_piece(path):
    """What a process does that was given up, and came back."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3] + content)


@pytest.mark.parametrize("harm", [_cut, _flip, _break_a_header, _add_a_piece])
def test_what_changed_behind_the_writer_is_no_result(tmp_path, harm):
    checkpoint = Checkpoint(tmp_path / "state", {})
    spool = _filled(checkpoint)
    checkpoint.save(spool.mark())
    harm(tmp_path / "state.spool")
    with pytest.raises(MirageError, match="does not hold what this job wrote"):
        spool.joined()
    assert not list(tmp_path.iterdir())


def test_who_lost_the_claim_adds_nothing(tmp_path):
    checkpoint = Checkpoint(tmp_path / "state", {})
    with claims.claimed(tmp_path / "x.claim"):
        spool = _filled(checkpoint)
        checkpoint.save(spool.mark())
        before = {path: path.read_bytes() for path in tmp_path.glob("state*")}
        other = claims._myself()
        (tmp_path / "x.claim").write_text(json.dumps(asdict(other)))
        with pytest.raises(MirageError, match="has taken this work over"):
            spool.append(PIECES[0])
        with pytest.raises(MirageError, match="has taken this work over"):
            checkpoint.save(spool.mark())
        assert {path: path.read_bytes() for path in tmp_path.glob("state*")} == before
        (tmp_path / "x.claim").unlink()  # the other has ended meanwhile
        with pytest.raises(MirageError, match="another job has taken"):
            checkpoint.save(spool.mark())


def test_a_state_stays_small(tmp_path):
    checkpoint = StopAfter(tmp_path / "state.safetensors", 10**9)
    spool = Spool(checkpoint)
    spool.append({"images": torch.zeros(100, 3, 64, 64)})
    checkpoint.save(spool.mark())
    assert (tmp_path / "state.safetensors").stat().st_size < 1000
    assert (tmp_path / "state.spool").stat().st_size > 4_000_000


def test_a_disk_that_cannot_be_written_is_one_message(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MirageError, match="cannot write"):
        _filled(Checkpoint(tmp_path / "file/state", {}))


_WRITING = """
import sys
import torch
from pathlib import Path
from mirage.runtime import files
from mirage.runtime.checkpoint import Checkpoint
from mirage.runtime.spool import Spool

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

folder = Path(sys.argv[1])
spool = Spool(Checkpoint(folder / "state", {}))
for _ in range(12):
    spool.append({"images": torch.zeros(16, 2**19, dtype=torch.float16)})
Path("/proc/self/clear_refs").write_text("5")
before = peak()
whole = spool.joined()
files.save_tensors(folder / "images", whole)
print((peak() - before) / whole["images"].nbytes)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from /proc")
def test_images_are_joined_and_written_without_a_copy(tmp_path):
    """What ``embed_attack`` asks for: the images once, and a piece on its way from the spool."""
    command = [sys.executable, "-c", _WRITING, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert 0.95 < float(done.stdout) < 1.5  # three pieces of a twelfth; another copy makes 2
