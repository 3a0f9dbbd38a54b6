"""Any single flipped bit of a finished file is told by whoever reads it."""

import json
import os

import pytest
import torch
import xxhash
from mirage.errors import MirageError
from mirage.runtime import files, integrity
from safetensors import safe_open


def _flip(path, bit):
    """Flip one bit and keep the times."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture(autouse=True)
def in_results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_bit_of_a_file_of_tensors_is_held(tmp_path):
    path = tmp_path / "targets/x/weights.safetensors"
    files.save_tensors(path, {"b": torch.arange(3), "a": torch.ones(2, 2)}, {"alpha": 0.1})
    for bit in range(8 * path.stat().st_size):
        _flip(path, bit)
        for read in (files.load_tensors, files.read_metadata, lambda p: files.load_tensors(p, "a")):
            with pytest.raises(MirageError, match=r"targets/x/weights\.safetensors"):
                read(path)
        _flip(path, bit)
    assert files.load_tensors(path)["a"].tolist() == [[1.0, 1.0], [1.0, 1.0]]


@pytest.mark.parametrize("name", ["metrics.json", "history.csv", "page.html"])
def test_every_bit_of_a_file_of_text_is_held(tmp_path, name):
    path = tmp_path / name
    files.write_text(path, '{"a": 1}\n')
    assert path.read_text() == '{"a": 1}\n'
    for bit in range(8 * path.stat().st_size):
        _flip(path, bit)
        with pytest.raises(MirageError, match=name):
            files.sound(path)
        _flip(path, bit)
    assert files.sound(path) == path


def test_the_message_has_the_command(tmp_path):
    path = tmp_path / "attacks/x/metrics.json"
    files.write_json(path, {"a": 1})
    _flip(path, 20)
    with pytest.raises(MirageError, match=r"snakemake --force attacks/x/metrics\.json"):
        files.read_json("attacks/x/metrics.json")


def test_shipped_files_come_from_git():
    shipped = "workflow/presets/priors/orl-faces/generator.safetensors"
    path = integrity._REPOSITORY / shipped
    assert path.is_file()
    assert integrity.remedy(path) == f"git checkout -- {shipped}"


def test_the_digest_is_what_the_text_says(tmp_path):
    """By hand: XXH3 of the header with zeros, then of the digest of what follows."""
    files.save_tensors(tmp_path / "a", {"a": torch.arange(9)})
    content = (tmp_path / "a").read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    with safe_open(tmp_path / "a", "pt") as file:
        stated = file.metadata()["xxh3"]
    head = content[:start].replace(stated.encode(), b"0" * 32)
    assert stated == xxhash.xxh3_128_hexdigest(head + xxhash.xxh3_128_digest(content[start:]))


def test_a_large_file_is_held_to_its_last_byte(tmp_path):
    path = tmp_path / "a.safetensors"
    files.save_tensors(path, {"a": torch.zeros(40 << 20, dtype=torch.uint8)})
    for bit in (8 * (16 << 20), 8 * path.stat().st_size - 1):
        _flip(path, bit)
        with pytest.raises(MirageError, match="damaged"):
            files.load_tensors(path, "a")
        _flip(path, bit)
    files.load_tensors(path)


def test_older_files_pass_unchecked(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors", {"mirage": "{}"})
    (tmp_path / "a.json").write_text("{}")
    assert files.load_tensors(tmp_path / "a.safetensors")["a"].tolist() == [1, 1]
    assert files.read_json(tmp_path / "a.json") == {}


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
)
def test_tensors_come_back(tmp_path, dtype):
    tensors = {
        "x": torch.tensor([[0, 1, 1]]).to(dtype),
        "none": torch.empty(0, 3, dtype=dtype),
        "number": torch.tensor(1).to(dtype),
        "z": torch.arange(5, dtype=torch.uint8),
    }
    files.save_tensors(tmp_path / "a", tensors)
    back = files.load_tensors(tmp_path / "a")
    assert set(back) == set(tensors)
    for name, tensor in tensors.items():
        assert back[name].dtype == tensor.dtype
        assert back[name].shape == tensor.shape
        assert torch.equal(back[name], tensor)


def test_tensors_lie_as_the_library_would_lay_them(tmp_path):
    """Modulo 64 bytes: where a matrix lies decides how some processors round its products."""
    from safetensors.torch import save_file

    kinds = (torch.int64, torch.float64, torch.float32, torch.int32, torch.bfloat16,
             torch.float16, torch.int16, torch.int8, torch.uint8, torch.bool)  # fmt: skip
    for length in range(1, 20):
        tensors = {f"{i % 3}{i}": torch.zeros(3 + i).to(kind) for i, kind in enumerate(kinds)}
        metadata = {"text": "é" * length}
        files.save_tensors(tmp_path / "ours", tensors, metadata)
        save_file(tensors, tmp_path / "theirs", {"mirage": json.dumps(metadata, sort_keys=True)})
        assert _layout(tmp_path / "ours") == _layout(tmp_path / "theirs")


def _layout(path):
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    held = json.loads(content[8 : 8 + length])
    return length % 64, {name: entry for name, entry in held.items() if name != "__metadata__"}


def test_a_file_written_anew_is_held_to_its_new_digest(tmp_path):
    for value in (1, 2):
        files.write_json(tmp_path / "a.json", value)
        assert files.read_json(tmp_path / "a.json") == value
