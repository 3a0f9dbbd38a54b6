"""Published pickles: an imitation is read bit for bit, hostile ones are refused unharmed.

The imitation is written by pickle and PyTorch themselves, from classes that bear the official
modules' names, so the globals and nested storages are those of a real file.
"""

import builtins
import os
import pickle
import sys
import types
from collections import OrderedDict

import numpy as np
import pytest
import torch
from mirage.errors import MirageError
from mirage.foreign.known import KnownFile
from mirage.memory_format import laid_out
from mirage.priors import nvidia_pickle, weights
from mirage.runtime import files


def _reconstruct_persistent_obj(meta):
    raise AssertionError("the official loader must never run")


class EasyDict(dict):
    pass


class _Module:
    """An official module: pickled as (class_name, module_src, state)."""

    def __init__(self, class_name, **attributes):
        self.class_name, self.kind = class_name, "class"
        self.state = {
            "training": False,
            "_parameters": OrderedDict(),
            "_buffers": OrderedDict(),
            "_modules": OrderedDict(),
            "_forward_hooks": OrderedDict(),
            "_init_args": (),
            "_init_kwargs": EasyDict(w_dim=8),
            **attributes,
        }

    def __reduce__(self):
        source = "import os\nos.system('touch executed')"
        meta = {
            "type": self.kind,
            "version": 6,
            "module_src": source,
            "class_name": self.class_name,
            "state": self.state,
        }
        return _reconstruct_persistent_obj, (meta,)


def _attributes(name, weight, config):
    """What the official code notes on a layer of that name."""
    last = name.rsplit(".")[-1]
    fan_in = weight[0].numel() if weight is not None else 1
    multiplier = config.mapping_lr_multiplier if name.startswith("mapping.") else 1.0
    gains = {"weight_gain": np.float64(multiplier) / np.sqrt(fan_in)}
    if last == "affine" or last.startswith("fc") or last == "out":
        linear = last in ("affine", "out")
        return gains | {"bias_gain": multiplier, "activation": "linear" if linear else "lrelu"}
    if last == "torgb":
        return gains | {"conv_clamp": config.conv_clamp}
    if name.startswith("synthesis."):
        return {
            "up": 2 if last == "conv0" else 1,
            "use_noise": True,
            "activation": "lrelu",
            "conv_clamp": config.conv_clamp,
            "act_gain": np.sqrt(np.float64(2)),
        }
    skip = last == "skip"
    return gains | {
        "up": 1,
        "down": 2 if last in ("conv1", "skip") else 1,
        "activation": "linear" if skip else "lrelu",
        "conv_clamp": None if skip else config.conv_clamp,
        "act_gain": np.float64(1) if skip else np.sqrt(np.float64(2)),
    }


def _imitate(network, class_name, **attributes):
    """The official module tree of one of our networks."""
    config = network.config
    root = _Module(
        class_name,
        c_dim=0,
        img_resolution=config.image_px,
        img_channels=config.image_channels,
        **attributes,
    )
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    tree = {"": root}
    parameters = dict(network.named_parameters())
    for name, tensor in network.state_dict().items():
        *path, leaf = name.split(".")
        for depth in range(1, len(path) + 1):
            here, above = ".".join(path[:depth]), ".".join(path[: depth - 1])
            if here in tree:
                continue
            weight = parameters.get(f"{here}.weight")
            tree[here] = child = _Module("Layer")
            tree[above].state["_modules"][path[depth - 1]] = child
            if weight is not None:
                child.state |= _attributes(here, weight, config)
            elif here not in ("mapping", "synthesis"):
                child.state["architecture"] = "skip" if class_name == "Generator" else "resnet"
            if path[depth - 1].startswith(("b", "conv")):
                child.state["_buffers"]["resample_filter"] = torch.outer(taps, taps) / 64
        state = tree[".".join(path)].state
        if name in parameters:
            state["_parameters"][leaf] = torch.nn.Parameter(tensor.clone())
        else:
            state["_buffers"][leaf] = tensor.clone()
    return tree


@pytest.fixture
def official(monkeypatch, make_generator, make_discriminator):
    """The contents of a published file, and the networks they must give."""
    homes = {"torch_utils": (), "dnnlib": (), "dnnlib.util": (EasyDict,)}
    homes["torch_utils.persistence"] = (_reconstruct_persistent_obj,)
    for name, members in homes.items():
        module = types.ModuleType(name)
        for member in members:
            setattr(module, member.__name__, member)
            monkeypatch.setattr(member, "__module__", name)
        monkeypatch.setitem(sys.modules, name, module)
    generator = make_generator(conv_clamp=256.0, mapping_lr_multiplier=0.02)
    discriminator = make_discriminator(conv_clamp=256.0, deviation_group=2)
    g = _imitate(generator, "Generator", z_dim=9, w_dim=8, num_ws=8)
    d = _imitate(discriminator, "Discriminator")
    d["b4"].state["_modules"]["mbstd"] = _Module("MinibatchStd", group_size=2, num_channels=1)
    content = {
        "training_set_kwargs": EasyDict(path="x", size=np.int64(7)),
        "G": None,
        "D": d[""],
        "G_ema": g[""],
        "augment_pipe": None,
    }
    return types.SimpleNamespace(
        content=content, g=g, d=d, generator=generator, discriminator=discriminator
    )


def _write(path, content, protocol=4):
    with path.open("wb") as file:
        pickle.dump(content, file, protocol=protocol)
    return path


@pytest.mark.parametrize("protocol", [3, 4])
def test_imitation_is_read_bit_for_bit(official, tmp_path, randn, monkeypatch, protocol):
    monkeypatch.chdir(tmp_path)
    path = _write(tmp_path / "ffhq.pkl", official.content, protocol)
    generator, discriminator, _ = nvidia_pickle.read_networks(path)
    assert generator.config == official.generator.config
    assert discriminator.config == official.discriminator.config
    z, images = randn(2, 9).float(), randn(2, 3, 16, 16).float()
    assert torch.equal(generator(z), laid_out(official.generator, "cpu")(z))
    assert torch.equal(generator.w_avg, official.generator.w_avg)
    assert torch.equal(discriminator(images), laid_out(official.discriminator, "cpu")(images))
    assert not any(p.requires_grad for p in generator.parameters())
    assert [item.name for item in tmp_path.iterdir()] == ["ffhq.pkl"]


def test_conversion_to_weight_files(official, tmp_path, randn):
    path = _write(tmp_path / "ffhq.pkl", official.content)
    files_made = tmp_path / "g.safetensors", tmp_path / "d.safetensors"
    nvidia_pickle.import_pickle(path, *files_made, KnownFile(), tmp_path / "memory.json")
    z = randn(2, 9).float()
    generator = weights.load_generator(tmp_path / "g.safetensors")
    assert torch.equal(generator(z), laid_out(official.generator, "cpu")(z))
    assert weights.load_discriminator(tmp_path / "d.safetensors").config.deviation_group == 2
    source = files.read_metadata(tmp_path / "g.safetensors")["source"]
    assert source["file"] == "ffhq.pkl"
    assert len(source["sha256"]) == 64


def test_no_clamp_in_the_file_is_no_clamp(official, tmp_path):
    for module in official.g.values():
        if "conv_clamp" in module.state:
            module.state["conv_clamp"] = None
    path = _write(tmp_path / "ffhq.pkl", official.content)
    assert nvidia_pickle.read_networks(path)[0].config.conv_clamp is None


class _Call:
    """Pickles as the call of any function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class _Blob:
    """Pickles as a nested storage file of any bytes."""

    def __init__(self, data):
        self.data = data

    def __reduce__(self):
        return torch.storage._load_from_bytes, (self.data,)


def _system(official):
    official.content["training_set_kwargs"] = _Call(os.system, "touch harm")
    return "system"


def _eval(official):
    official.content["training_set_kwargs"] = _Call(builtins.eval, "open('harm', 'w')")
    return "eval"


def _deep(official):
    call = _Call(os.system, "touch harm")
    official.g["synthesis.b8.conv0"].state["_parameters"]["weight"] = call
    return "system"


def _persistent(official):
    official.content["augment_pipe"] = module = _Module("Anything")
    module.kind = "module"
    return "'module'"


def _tensor_of(blob):
    return _Call(torch._utils._rebuild_tensor_v2, _Blob(blob), 0, (6,), (1,), False, OrderedDict())


def _nested_pickle(official):
    blob = pickle.dumps(_Call(os.system, "touch harm"))
    official.g["synthesis.b8.conv0"].state["_parameters"]["bias"] = _tensor_of(blob)
    return "system"


def _nested_fifth_pickle(official):
    parts = [0x1950A86A20F9469CFC6C, 1001, {}, _Call(os.system, "touch harm")]
    blob = b"".join(pickle.dumps(part, 2) for part in parts)
    official.g["synthesis.b8.conv0"].state["_parameters"]["bias"] = _tensor_of(blob)
    return "system"


def _nested_zip(official):
    import io

    buffer = io.BytesIO()
    torch.save(_Call(os.system, "touch harm"), buffer)
    official.g["synthesis.b8.conv0"].state["_parameters"]["bias"] = _tensor_of(buffer.getvalue())
    return "tensor"


def _huge_tensor(official):
    values = torch.zeros(1).expand(2**60)
    official.g["synthesis.b8.conv0"].state["_parameters"]["bias"] = values
    return "larger"


def _outside_storage(official):
    storage = torch.zeros(6)._typed_storage()
    arguments = (storage, 4, (6,), (1,), False, OrderedDict())
    official.g["synthesis.b8.conv0"].state["_parameters"]["bias"] = _Call(
        torch._utils._rebuild_tensor_v2, *arguments
    )
    return "tensor"


def _no_g_ema(official):
    del official.content["G_ema"]
    return "G_ema"


def _other_class(official):
    official.g[""].class_name = "Discriminator"
    return "G_ema"


def _missing_tensor(official):
    del official.g["synthesis.b8.conv1"].state["_parameters"]["weight"]
    return "synthesis.b8.conv1"


def _extra_tensor(official):
    official.g["synthesis.b8.conv1"].state["_parameters"]["extra"] = torch.zeros(2)
    return "synthesis.b8.conv1.extra is unknown"


def _conditional(official):
    official.g[""].state["c_dim"] = 10
    return "c_dim"


def _other_architecture(official):
    official.g["synthesis.b16"].state["architecture"] = "orig"
    return "architecture"


def _other_clamp_in_one_layer(official):
    official.g["synthesis.b16.torgb"].state["conv_clamp"] = 3
    return "b16.torgb.conv_clamp"


def _other_gain(official):
    official.g["mapping.fc1"].state["weight_gain"] = np.float64(0.5)
    return "fc1.weight_gain"


def _other_filter(official):
    official.g["synthesis.b16"].state["_buffers"]["resample_filter"] = torch.ones(4, 4) / 16
    return "filter"


def _itself(official):
    official.g["mapping"].state["_modules"]["again"] = official.g["mapping.fc0"]
    return "two places"


def _odd_state(official):
    official.g["mapping"].state["_modules"] = 5
    return "unknown way"


_HOSTILE = [
    _system, _eval, _deep, _persistent, _nested_pickle, _nested_fifth_pickle, _nested_zip,
    _huge_tensor, _outside_storage, _no_g_ema, _other_class, _missing_tensor, _extra_tensor,
    _conditional, _other_architecture, _other_clamp_in_one_layer, _other_gain, _other_filter,
    _itself, _odd_state,
]  # fmt: skip


@pytest.mark.parametrize("change", _HOSTILE, ids=lambda change: change.__name__.strip("_"))
def test_hostile_and_foreign_files_are_refused(official, tmp_path, monkeypatch, change):
    monkeypatch.chdir(tmp_path)
    named = change(official)
    path = _write(tmp_path / "bad.pkl", official.content)
    with pytest.raises(MirageError, match=named):
        nvidia_pickle.read_networks(path)
    assert [item.name for item in tmp_path.iterdir()] == ["bad.pkl"]


def test_the_hostile_calls_would_do_harm_elsewhere(official, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _system(official)
    content = {"only": official.content["training_set_kwargs"]}
    pickle.loads(pickle.dumps(content))
    assert (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-1],
        lambda whole: b"",
        lambda whole: b"PK\x03\x04 a zip file",
        lambda whole: pickle.dumps([1, 2]),
        lambda whole: b"(S'x'\nP",  # a reference outside the file
        lambda whole: b"cposix\nsystem\n(S'touch harm'\ntR.",
        lambda whole: b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x0atouch harm\x85R.",
        lambda whole: b"\x80\x02\x82\x01.",  # an extension code
    ],
)
def test_damaged_files_are_refused(official, tmp_path, monkeypatch, damage):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bad.pkl"
    path.write_bytes(damage(pickle.dumps(official.content)))
    with pytest.raises(MirageError, match=r"bad\.pkl"):
        nvidia_pickle.read_networks(path)
    assert [item.name for item in tmp_path.iterdir()] == ["bad.pkl"]


def test_truncated_nested_storage_is_refused(official, tmp_path):
    blob = torch.zeros(6)._typed_storage().__reduce__()[1][0]
    bias = official.g["synthesis.b8.conv0"].state["_parameters"]
    bias["bias"] = _tensor_of(blob[:-1])
    path = _write(tmp_path / "bad.pkl", official.content)
    with pytest.raises(MirageError, match="truncated"):
        nvidia_pickle.read_networks(path)


def test_missing_file(tmp_path):
    with pytest.raises(MirageError, match="missing"):
        nvidia_pickle.read_networks(tmp_path / "none.pkl")


def test_nothing_is_written_when_one_network_is_bad(official, tmp_path):
    official.d["b16"].state["architecture"] = "skip"
    path = _write(tmp_path / "bad.pkl", official.content)
    with pytest.raises(MirageError, match="architecture"):
        nvidia_pickle.import_pickle(
            path, tmp_path / "g", tmp_path / "d", KnownFile(), tmp_path / "memory.json"
        )
    assert [item.name for item in tmp_path.iterdir()] == ["bad.pkl"]
