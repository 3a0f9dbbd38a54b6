"""Networks on disk: whole round trips, and clear refusals."""

from dataclasses import dataclass

import pytest
import torch
from mirage.errors import MirageError
from mirage.memory_format import laid_out
from mirage.priors import weights
from mirage.priors.kinds import Network
from mirage.recipes import Recipe
from mirage.runtime import files


def test_generator_round_trip(make_generator, randn, tmp_path):
    generator = make_generator(conv_clamp=256.0)
    weights.save_generator(tmp_path / "g.safetensors", generator, {"seed": 3})
    loaded = weights.load_generator(tmp_path / "g.safetensors")
    ws = randn(2, 8, 8).float()
    assert loaded.config == generator.config
    assert torch.equal(loaded.synthesis(ws), laid_out(generator, "cpu").synthesis(ws))
    assert torch.equal(loaded.w_avg, generator.w_avg)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    assert files.read_metadata(tmp_path / "g.safetensors")["seed"] == 3


def test_discriminator_round_trip(make_discriminator, randn, tmp_path):
    network = make_discriminator(deviation_group=2)
    weights.save_discriminator(tmp_path / "d.safetensors", network, {})
    loaded = weights.load_discriminator(tmp_path / "d.safetensors")
    images = randn(4, 3, 16, 16).float()
    assert loaded.config == network.config
    assert torch.equal(loaded(images), laid_out(network, "cpu")(images))


def test_another_network_is_refused(make_discriminator, tmp_path):
    weights.save_discriminator(tmp_path / "d.safetensors", make_discriminator(), {})
    with pytest.raises(MirageError, match="generator"):
        weights.load_generator(tmp_path / "d.safetensors")


@pytest.mark.parametrize("damage", ["missing", "unknown", "shape"])
def test_tensors_that_do_not_fit_are_named(make_generator, tmp_path, damage):
    path = tmp_path / "g.safetensors"
    weights.save_generator(path, make_generator(), {})
    tensors, header = files.load_tensors(path), files.read_metadata(path)
    name = "synthesis.b8.conv0.weight"
    if damage == "missing":
        del tensors[name]
    elif damage == "unknown":
        name = "synthesis.b8.conv7.weight"
        tensors[name] = torch.zeros(2)
    else:
        tensors[name] = tensors[name][:, 1:]
    files.save_tensors(path, tensors, header)
    with pytest.raises(MirageError, match=name):
        weights.load_generator(path)


def test_missing_file(tmp_path):
    with pytest.raises(MirageError, match="missing"):
        weights.load_generator(tmp_path / "none.safetensors")


def test_the_header_names_the_kind(monkeypatch, tmp_path):
    @dataclass(frozen=True)
    class Config(Recipe):
        width: int

    class Linear(torch.nn.Linear):
        def __init__(self, config):
            super().__init__(config.width, 1)

    path = tmp_path / "g.safetensors"
    tensors = {"weight": torch.ones(1, 3), "bias": torch.zeros(1)}
    files.save_tensors(path, tensors, {"network": "linear.generator", "config": {"width": 3}})
    with pytest.raises(MirageError, match=r"linear\.generator.*one of the kinds .* stylegan2"):
        weights.load_generator(path)
    monkeypatch.setattr(weights, "KINDS", {"linear": {"generator": Network(Config, Linear)}})
    assert weights.load_generator(path)(torch.ones(1, 3)).item() == 3
