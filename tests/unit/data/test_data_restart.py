"""Preparation that is interrupted goes on with the same bytes, and tells what it did."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mirage.data import decoding, journal, parallel
from mirage.data import store as stores
from mirage.data.dataset import DatasetRecipe
from mirage.data.meter import Meter
from mirage.data.store import Store, prepare_store
from mirage.errors import Interrupted, MirageError
from mirage.runtime import claims, signals
from PIL import Image

LIBRARY = Path(stores.__file__).parents[2]


@pytest.fixture(autouse=True)
def shards_of_one(monkeypatch):
    """Every photograph its own shard, and no signal handlers in the tests' process."""
    monkeypatch.setenv("MIRAGE_CHECKPOINT_S", "0")
    monkeypatch.setattr(signals, "listen", lambda: None)


@pytest.fixture
def decoded(monkeypatch):
    """Names of the files that are really decoded."""
    seen, decode = [], decoding.decode_file

    def counted(path, channels):
        seen.append(path.name)
        return decode(path, channels)

    monkeypatch.setattr(decoding, "decode_file", counted)
    return seen


def _recipe(folder, **changes):
    return DatasetRecipe.of({"reader": "folders", "source": str(folder)} | changes)


def _bytes(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}


def _stop_after(monkeypatch, count):
    """Ask for a stop after ``count`` photographs, as SIGTERM does."""
    asked = iter([False] * (count - 1) + [True] * 1000)
    monkeypatch.setattr(signals, "stop_requested", lambda: next(asked))


@pytest.mark.parametrize("workers", [1, 3])
def test_a_stop_loses_nothing(photo_folder, tmp_path, monkeypatch, decoded, workers):
    recipe = _recipe(photo_folder)
    prepare_store(recipe, tmp_path / "whole", workers=2)
    with monkeypatch.context() as patch:
        _stop_after(patch, 6)
        with pytest.raises(Interrupted):
            prepare_store(recipe, tmp_path / "store", workers)
    with pytest.raises(MirageError, match=r"manifest\.json is missing"):
        Store(tmp_path / "store")
    decoded.clear()
    meter = Meter()
    prepare_store(recipe, tmp_path / "store", 4 - workers, meter=meter)
    assert len(decoded) == meter.images == 15 - 6
    assert _bytes(tmp_path / "store") == _bytes(tmp_path / "whole")
    assert not (tmp_path / "store/.preparing").exists()


def test_killed_half_way_goes_on(photo_folder, tmp_path, decoded):
    script = textwrap.dedent("""
        import sys, time
        from mirage.data import decoding
        from mirage.data.dataset import DatasetRecipe
        from mirage.data.store import prepare_store
        decode, seen = decoding.decode_file, []
        def slow(path, channels):
            seen.append(path)
            if len(seen) > 12:
                print("half", flush=True)
                time.sleep(60)
            return decode(path, channels)
        decoding.decode_file = slow
        prepare_store(DatasetRecipe("folders", sys.argv[1]), sys.argv[2])
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(photo_folder), str(tmp_path / "store")],
        env=os.environ | {"PYTHONPATH": str(LIBRARY)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"half\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not [path for path in (tmp_path / "store").iterdir() if not path.name.startswith(".")]
    prepare_store(_recipe(photo_folder), tmp_path / "store", workers=2)
    assert len(decoded) < 15
    prepare_store(_recipe(photo_folder), tmp_path / "whole")
    assert _bytes(tmp_path / "store") == _bytes(tmp_path / "whole")


@settings(max_examples=20, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(data=st.data())
def test_any_remains_lead_to_the_same_store(photo_folder, tmp_path, monkeypatch, data):
    """Journal and pixels cut anywhere, or with any byte flipped: as a disk may leave them."""
    recipe, folder = _recipe(photo_folder), tmp_path / "store"
    if not (tmp_path / "whole").exists():
        prepare_store(recipe, tmp_path / "whole")
        (photo_folder / "zoe").mkdir()
        (photo_folder / "zoe" / "1.png").touch()
        with pytest.raises(MirageError, match="cannot be used"):
            prepare_store(recipe, folder)  # leaves a journal with everything
        (tmp_path / "remains").mkdir()
        for path in (folder / ".preparing").iterdir():
            path.rename(tmp_path / "remains" / path.name)
        (photo_folder / "zoe" / "1.png").unlink()
        (photo_folder / "zoe").rmdir()
        monkeypatch.setenv("MIRAGE_CHECKPOINT_S", "60")
    remains = folder / ".preparing"
    remains.mkdir(exist_ok=True)
    for name in ("pixels.part", "journal.jsonl"):
        content = bytearray((tmp_path / "remains" / name).read_bytes())
        del content[data.draw(st.integers(0, len(content))) :]
        if content and data.draw(st.booleans()):
            content[data.draw(st.integers(0, len(content) - 1))] ^= 1
        (remains / name).write_bytes(content)
    prepare_store(recipe, folder)
    assert _bytes(folder) == _bytes(tmp_path / "whole")


def test_replaced_photographs_are_decoded_anew(photo_folder, tmp_path, decoded):
    broken = photo_folder / "eve, née x" / "2.png"
    content = broken.read_bytes()
    broken.write_text("<html>not found</html>")
    with pytest.raises(MirageError, match=r"1 photographs.*2\.png \(a web page, no image\)"):
        prepare_store(_recipe(photo_folder), tmp_path / "store")
    decoded.clear()
    broken.write_bytes(content)
    prepare_store(_recipe(photo_folder), tmp_path / "store")
    assert decoded == ["2.png", "3.png", "4.png", "5.png"]
    prepare_store(_recipe(photo_folder), tmp_path / "whole")
    assert _bytes(tmp_path / "store") == _bytes(tmp_path / "whole")


def test_skipping_after_a_refusal_decodes_nothing_again(photo_folder, tmp_path, decoded):
    (photo_folder / "ann" / "x.jpg").touch()
    with pytest.raises(MirageError, match=r"x\.jpg \(the file is empty\)"):
        prepare_store(_recipe(photo_folder), tmp_path / "store")
    decoded.clear()
    manifest = prepare_store(_recipe(photo_folder, on_broken="skip"), tmp_path / "store")
    assert decoded == []
    assert [problem["name"] for problem in manifest["problems"]] == ["ann/x.jpg"]


def test_other_settings_or_code_start_afresh(photo_folder, tmp_path, monkeypatch, decoded):
    def stopped(**changes):
        with monkeypatch.context() as patch:
            _stop_after(patch, 5)
            with pytest.raises(Interrupted):
                prepare_store(_recipe(photo_folder), tmp_path / "store", **changes)

    stopped(code="a")
    decoded.clear()
    prepare_store(_recipe(photo_folder), tmp_path / "store", code="b")
    assert len(decoded) == 15
    stopped()
    decoded.clear()
    prepare_store(_recipe(photo_folder, channels=1), tmp_path / "store")
    assert len(decoded) == 15


def test_a_job_whose_work_was_taken_over_writes_nothing_more(photo_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with claims.claimed("work.claim"):
        claim = json.loads(Path("work.claim").read_text())
        Path("work.claim").write_text(json.dumps(claim | {"token": "another's"}))
        with pytest.raises(MirageError, match="has taken this work over"):
            prepare_store(_recipe(photo_folder), tmp_path / "store")
    assert _bytes(tmp_path / "store") == {}


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota is used up"),
        (errno.EROFS, "read-only"),
    ],
)
def test_a_failing_disk_is_told_and_survived(
    photo_folder, tmp_path, monkeypatch, decoded, number, told
):
    flush, calls = journal._flush, []

    def full(file):
        calls.append(file)
        if len(calls) > 9:
            raise OSError(number, os.strerror(number))
        flush(file)

    with monkeypatch.context() as patch:
        patch.setattr(journal, "_flush", full)
        with pytest.raises(MirageError, match=told):
            prepare_store(_recipe(photo_folder), tmp_path / "store")
    decoded.clear()
    prepare_store(_recipe(photo_folder), tmp_path / "store")
    assert 0 < len(decoded) < 15
    prepare_store(_recipe(photo_folder), tmp_path / "whole")
    assert _bytes(tmp_path / "store") == _bytes(tmp_path / "whole")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to(photo_folder, tmp_path):
    (tmp_path / "store").mkdir(mode=0o500)
    with pytest.raises(MirageError, match="mend its permissions"):
        prepare_store(_recipe(photo_folder), tmp_path / "store")


def test_memory_does_not_grow_with_the_data_set(tmp_path, monkeypatch):
    """Never more photographs decoded than the workers' few, however slowly they are written."""
    folder = tmp_path / "photos" / "ann"
    folder.mkdir(parents=True)
    for number in range(60):
        Image.fromarray(np.full((8, 8, 3), number, dtype=np.uint8)).save(folder / f"{number}.png")
    decode, add = decoding.decode_file, journal.Journal.add
    alive, most = [0], [0]

    def counted(path, channels):
        alive[0] += 1
        most[0] = max(most[0], alive[0])
        return decode(path, channels)

    def written(self, outcome, pixels):
        alive[0] -= 1
        add(self, outcome, pixels)

    monkeypatch.setattr(decoding, "decode_file", counted)
    monkeypatch.setattr(journal.Journal, "add", written)
    prepare_store(_recipe(tmp_path / "photos"), tmp_path / "store", workers=2)
    assert most[0] <= parallel.AHEAD * 2 + 2


def test_figures_of_the_meter():
    meter = Meter()
    for _ in range(3):
        sum(range(300_000))
        meter.add(0.001)
    figures = meter.figures()
    assert figures["images_per_s"] > 0
    assert 0 <= figures["outside_share"] <= 1


def test_what_was_odd_is_in_the_manifest(photo_folder, tmp_path):
    ann, exif = photo_folder / "ann", Image.Exif()
    exif[0x0112] = 6
    noise = np.random.default_rng(0).integers(0, 256, (6, 4, 3), dtype=np.uint8)
    Image.fromarray(noise).save(ann / "turned.jpg", exif=exif)
    Image.fromarray(noise[..., 0]).save(ann / "grey.png")
    Image.fromarray(noise).convert("CMYK").save(ann / "inks.jpg")
    Image.fromarray(noise).convert("RGBA").save(ann / "glass.png")
    Image.fromarray(noise[..., 0].astype(np.uint16) * 256).save(ann / "deep.png")
    frames = [Image.fromarray(noise[..., k]) for k in range(3)]
    frames[0].save(ann / "film.gif", save_all=True, append_images=frames[1:])
    (ann / "page.jpg").write_text("\n <!DOCTYPE html><html></html>")
    (ann / "zeros.jpg").write_bytes(bytes(1000))
    (ann / "empty.jpg").touch()
    (ann / "run.jpg").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    whole = (ann / "turned.jpg").read_bytes()
    (ann / "half.jpg").write_bytes(whole[: len(whole) * 3 // 4])
    manifest = prepare_store(_recipe(photo_folder, on_broken="skip"), tmp_path / "store")
    assert json.loads(json.dumps(manifest["handled"])) == {
        "16 bits made 8": ["ann/deep.png"],
        "grey made RGB": ["ann/deep.png", "ann/grey.png"],
        "CMYK made RGB": ["ann/inks.jpg"],
        "first frame of several": ["ann/film.gif"],
        "transparency laid over white": ["ann/glass.png"],
        "turned upright as EXIF says": ["ann/turned.jpg"],
    }
    reasons = {problem["name"]: problem["reason"] for problem in manifest["problems"]}
    assert list(reasons) == [f"ann/{n}.jpg" for n in ("empty", "half", "page", "run", "zeros")]
    assert reasons["ann/page.jpg"] == "a web page, no image"
    assert reasons["ann/zeros.jpg"] == "nothing but zero bytes"
    assert "no image in JPEG" in reasons["ann/run.jpg"]
