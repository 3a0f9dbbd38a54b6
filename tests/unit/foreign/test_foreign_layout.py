"""Files of weights in every container: what is taken, what is refused, and in which words."""

import copy
import io
import os
import tarfile
import warnings
import zipfile

import pytest
import torch
from mirage.errors import MirageError
from mirage.foreign.layout import Layout, fit
from mirage.foreign.reading import container, read_state
from mirage.runtime import files
from torch import nn

STATE = {
    "conv.weight": torch.arange(6.0).view(3, 2),
    "norm.running_mean": torch.tensor([0.5, -1.0]),
    "norm.num_batches_tracked": torch.tensor(7),
}
LAYOUT = Layout("a small network", STATE)


def _same(found):
    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in STATE.items())


def _write(path, content, kind="torch zip"):
    if kind == "safetensors":
        files.save_tensors(path, content)
    else:
        torch.save(content, path, _use_new_zipfile_serialization=kind == "torch zip")
    return path


@pytest.mark.parametrize("kind", ["torch zip", "torch legacy", "safetensors"])
def test_every_container_gives_the_same_tensors(tmp_path, kind):
    # The content decides, whatever the file is called.
    path = _write(tmp_path / "weights.bin", STATE, kind)
    assert container(path) == kind
    _same(read_state(path))


@pytest.mark.parametrize("key", ["model_state_dict", "state_dict"])
def test_weights_beside_epoch_and_optimiser_are_found(tmp_path, key):
    optimiser = {"state": {0: {"step": 3, "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1}]}
    content = {"epoch": 100, key: STATE, "optimizer_state_dict": optimiser}
    _same(read_state(_write(tmp_path / "checkpoint.pth", content)))


@pytest.mark.parametrize(
    "prefix", ["module.", "model.", "_orig_mod.", "model._orig_mod.", "_orig_mod.model.module."]
)
def test_known_wrappers_are_taken_off(prefix):
    _same(fit({prefix + name: tensor for name, tensor in STATE.items()}, LAYOUT, "file"))


def test_a_layer_that_is_called_like_a_wrapper_is_kept():
    layout = Layout("a network", {"model.weight": torch.zeros(2)})
    assert list(fit({"model.weight": torch.ones(2)}, layout, "file")) == ["model.weight"]
    assert list(fit({"module.model.weight": torch.ones(2)}, layout, "file")) == ["model.weight"]


def test_old_files_lack_the_counters_of_batch_norm():
    old = {name: tensor for name, tensor in STATE.items() if "tracked" not in name}
    assert fit(old, LAYOUT, "file")["norm.num_batches_tracked"].item() == 0


def test_one_message_tells_all_that_is_wrong():
    wrong = {
        "conv.weight": torch.zeros(2, 3),
        "norm.running_mean": torch.tensor([0.5, torch.nan]),
        "norm.num_batches_tracked": torch.tensor(7.0),
        "fc.weight": torch.zeros(1),
    }
    wide = Layout("a small network", {**STATE, "head.bias": torch.zeros(1)})
    with pytest.raises(MirageError) as caught:
        fit(wrong, wide, "x.pth")
    for part in (
        "x.pth does not fit a small network",
        "1 missing (head.bias)",
        "1 unexpected (fc.weight)",
        "1 of another shape (conv.weight [2, 3] instead of [3, 2])",
        "1 of another dtype (norm.num_batches_tracked float32 instead of int64)",
        "1 not finite (norm.running_mean)",
    ):
        assert part in str(caught.value)


def test_half_precision_and_doubled_names_are_refused():
    half = {**STATE, "conv.weight": STATE["conv.weight"].half()}
    with pytest.raises(MirageError, match="float16 instead of float32"):
        fit(half, LAYOUT, "file")
    with pytest.raises(MirageError, match="twice"):
        fit({**STATE, "module.conv.weight": STATE["conv.weight"]}, LAYOUT, "file")


def test_ignored_parts_are_left_out_and_counted_nowhere():
    layout = Layout("a small network", STATE, ignored=("logits.",))
    _same(fit({**STATE, "logits.weight": torch.zeros(9)}, layout, "file"))


class _Call:
    def __reduce__(self):
        return os.system, ("touch harm",)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("hostile", [_Call(), nn.Linear(1, 1)])
def test_a_file_that_asks_for_code_is_refused_and_runs_none(tmp_path, monkeypatch, zipped, hostile):
    monkeypatch.chdir(tmp_path)
    torch.save({"x": hostile}, "bad.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(MirageError, match=r"bad\.pth is refused"):
        read_state("bad.pth")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.pth"]


def _quantised(tensor):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch announces another way to quantise
        return torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "make",
    [
        lambda tensor: tensor.to_sparse(),
        lambda tensor: tensor.to_sparse_csr(),
        lambda tensor: tensor.to("meta"),
        lambda tensor: torch.nested.nested_tensor([tensor]),
        _quantised,
    ],
    ids=["sparse", "csr", "meta", "nested", "quantised"],
)
def test_tensors_without_a_value_in_every_place_are_refused(tmp_path, make):
    state = {**STATE, "conv.weight": make(STATE["conv.weight"])}
    with pytest.raises(MirageError, match=r"w\.pth.*conv\.weight is a tensor that is sparse"):
        read_state(_write(tmp_path / "w.pth", state))


def test_a_few_bytes_that_claim_any_size_are_refused_unseen(tmp_path):
    huge = {**STATE, "conv.weight": torch.zeros(1).expand(2**55)}
    with pytest.raises(MirageError, match=r"conv\.weight.* larger than its storage"):
        read_state(_write(tmp_path / "w.pth", huge))
    eighth = {**STATE, "conv.weight": STATE["conv.weight"].to(torch.float8_e4m3fn)}
    state = read_state(_write(tmp_path / "w.pth", eighth))
    with pytest.raises(MirageError, match="of another dtype"):
        fit(state, LAYOUT, "w.pth")


def _deflated(parts, path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def _shared(parts, path):
    """The directory gives both tensors the same bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            if name != "w/data/1":
                archive.writestr(name, content)
        again = copy.copy(archive.getinfo("w/data/0"))
        again.filename = "w/data/1"
        archive.filelist.append(again)


@pytest.mark.parametrize("repack", [_deflated, _shared])
def test_a_zip_that_unpacks_to_more_than_its_size_is_refused(tmp_path, repack):
    path = _write(tmp_path / "w.pth", {"a": torch.zeros(500_000), "b": torch.zeros(500_000)})
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    repack(parts, path)
    with pytest.raises(MirageError, match=r"w\.pth cannot be read.*it is a zip made anew"):
        read_state(path)


def _tar(path):
    with tarfile.open(path, "w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (_tar, "tar archive"),
        (lambda path: path.write_text("\n<!DOCTYPE html><html>"), "web page"),
        (lambda path: path.write_bytes(b""), "cannot be read"),
        (lambda path: path.write_bytes(b"PK\x03\x04 torn"), "cannot be read"),
        (lambda path: torch.save([1, 2], path), "no state dict"),
        (lambda path: torch.save({"epoch": 3}, path), "no state dict"),
        (lambda path: torch.save({}, path), "no state dict"),
        (lambda path: None, "is missing"),
        (lambda path: path.mkdir(), "cannot be read, it is a folder"),
    ],
)
def test_other_files_are_named(tmp_path, write, message):
    write(tmp_path / "w.pth")
    with pytest.raises(MirageError, match=message):
        read_state(tmp_path / "w.pth")


@pytest.mark.parametrize("kind", ["torch zip", "torch legacy", "safetensors"])
def test_a_truncated_file_is_named(tmp_path, kind):
    path = _write(tmp_path / "w.pth", {"a": torch.zeros(1000)}, kind)
    path.write_bytes(path.read_bytes()[:-1500])
    with pytest.raises(MirageError, match=r"w\.pth"):
        read_state(path)
