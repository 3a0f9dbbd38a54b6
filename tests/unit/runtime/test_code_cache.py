"""Compiled code is kept whole: jobs at once, a killed one, damage, a full disk."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from mirage.runtime import code_cache, files

needs_compiler = pytest.mark.skipif(
    shutil.which(os.environ.get("CXX", "g++")) is None, reason="no C++ compiler"
)
LIBRARY = Path(__file__).parents[3] / "workflow/scripts"
ONE_KERNEL = {"TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS": "0"}
"""To compile PyTorch's headers ahead takes longer than the one kernel of the job here."""
JOB = """
import sys
from pathlib import Path
import torch
from mirage.runtime.code_cache import code_cache

with code_cache(Path(sys.argv[1])) as cache:
    print(cache.own, flush=True)
    step = torch.compile(lambda x: (x.sin() + x).sum(1), backend=cache.compile)
    result = step(torch.linspace(-3, 7, 1200).view(30, 40))
    print("found" if cache.found else "made", result.double().sum().item().hex(), flush=True)
    cache.keep()
"""


def _start(kept):
    job = subprocess.Popen(
        [sys.executable, "-c", JOB, str(kept)],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
        env={
            **os.environ, **ONE_KERNEL, "PYTHONPATH": str(LIBRARY), "HOME": str(kept.parent),
        },
    )  # fmt: skip
    return job, Path(job.stdout.readline().strip())


def _end(job, own):
    told = job.stdout.readline().split()
    assert job.wait() == 0
    assert not own.exists()
    return told


@needs_compiler
def test_jobs_share_what_is_whole(tmp_path):
    kept = tmp_path / "compiled"
    (tmp_path / ".cache").mkdir()
    killed, own = _start(kept)
    while not list(own.rglob("*.cpp")):  # the compiler is at work
        assert killed.poll() is None
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    shutil.rmtree(own)
    assert not kept.exists()
    both = [_start(kept) for _ in range(2)]
    (made, result), (_, other) = [_end(*job) for job in both]
    assert made == "made"
    (archive,) = kept.glob("*.tar")
    assert {file.name for file in kept.iterdir()} == {archive.name, f".{archive.name}.xxh3"}
    assert _end(*_start(kept)) == ["found", result]
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    assert _end(*_start(kept)) == ["made", result]
    assert _end(*_start(kept)) == ["found", result]
    assert other == result


def test_a_full_disk_is_told_and_harms_nothing(tmp_path, monkeypatch, caplog):
    def full(_):
        raise OSError(28, "No space left on device")

    with code_cache.code_cache(tmp_path / "compiled") as cache:
        (cache.own / "some").write_text("code")
        cache._name = "a"
        with monkeypatch.context() as patched:
            patched.setattr(files.os, "fsync", full)
            cache.keep()
        assert "not kept" in caplog.text
        assert not cache._places()
        cache.keep()
        assert len(cache._places()) == 1


def test_code_of_others_is_not_taken(tmp_path, monkeypatch):
    kept = tmp_path / "compiled"
    monkeypatch.setenv("HOME", str(tmp_path / "theirs"))
    (tmp_path / "theirs/.cache").mkdir(parents=True)
    with code_cache.code_cache(kept) as cache:
        (cache.own / "some").write_text("code")
        cache._name = "a"
        cache.keep()
        assert cache._take()
    monkeypatch.setenv("HOME", str(tmp_path / "ours"))
    (tmp_path / "ours/.cache").mkdir(parents=True)
    with code_cache.code_cache(kept) as cache:
        cache._name = "a"
        assert not cache._take()
        assert not list(cache.own.iterdir())
        (cache.own / "some").write_text("code")
        cache.keep()
        assert len(cache._places()) == 2
        assert cache._take()


def test_other_machines_threads_graphs_and_settings_have_other_code(monkeypatch):
    x = [torch.zeros(2, 3)]
    names = {code_cache._key("a", x), code_cache._key("b", x), code_cache._key("a", [x[0].T])}
    names.add(code_cache._key("a", [x[0].double()]))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    names.add(code_cache._key("a", x))
    monkeypatch.setattr(code_cache, "device_name", lambda: "some GPU")
    names.add(code_cache._key("a", x))
    monkeypatch.setattr(code_cache, "FUSING", {})
    names.add(code_cache._key("a", x))
    assert len(names) == 7


def test_the_environment_is_put_back(monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "/somewhere")
    monkeypatch.delenv("TRITON_CACHE_DIR", raising=False)
    with code_cache.code_cache(None) as cache:
        assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(cache.own)
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "/somewhere"
    assert "TRITON_CACHE_DIR" not in os.environ
