"""Weights of priors on disk: safetensors, with the network's shape in the metadata header."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn

from mirage.errors import MirageError
from mirage.priors.stylegan2.discriminator import Discriminator, DiscriminatorConfig
from mirage.priors.stylegan2.generator import Generator, GeneratorConfig
from mirage.runtime import files
from mirage.visible import listed

Network = TypeVar("Network", bound=nn.Module)

GENERATOR = "stylegan2.generator"
DISCRIMINATOR = "stylegan2.discriminator"


def save_generator(
    path: str | Path, generator: Generator, metadata: Mapping[str, Any] | None = None
) -> None:
    """Write a generator; its header holds ``metadata`` beside ``network`` and ``config``."""
    _save(path, GENERATOR, generator, generator.config, metadata)


def load_generator(path: str | Path, device: str = "cpu") -> Generator:
    """Read a generator, frozen and in eval mode.

    Raises:
        MirageError: the file is missing or damaged, holds another network, or its tensors do not
            fit the shape its header states.
    """
    generator = Generator(GeneratorConfig.of(_config(path, GENERATOR)))
    fill(generator, files.load_tensors(path), str(path))
    return frozen(generator, device)


def save_discriminator(
    path: str | Path, discriminator: Discriminator, metadata: Mapping[str, Any] | None = None
) -> None:
    """Write a discriminator; its header holds ``metadata`` beside ``network`` and ``config``."""
    _save(path, DISCRIMINATOR, discriminator, discriminator.config, metadata)


def load_discriminator(path: str | Path, device: str = "cpu") -> Discriminator:
    """Read a discriminator, frozen and in eval mode; raises as ``load_generator``."""
    discriminator = Discriminator(DiscriminatorConfig.of(_config(path, DISCRIMINATOR)))
    fill(discriminator, files.load_tensors(path), str(path))
    return frozen(discriminator, device)


def frozen(network: Network, device: str) -> Network:
    """Move to a device, switch to eval mode, and stop gradients to the weights."""
    return network.to(device).eval().requires_grad_(False)


def fill(network: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Copy tensors into a network.

    Args:
        network: takes the values, in its own dtype and on its own device.
        tensors: exactly the network's ``state_dict`` names.
        source: the file, for messages.

    Raises:
        MirageError: a tensor is missing, unknown or of another shape; names the first few.
    """
    wanted = network.state_dict()
    problems = [f"{name} is missing" for name in wanted if name not in tensors]
    problems += [f"{name} is unknown" for name in tensors if name not in wanted]
    problems += [
        f"{name} has shape {list(tensors[name].shape)} instead of {list(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in tensors and tensors[name].shape != tensor.shape
    ]
    if problems:
        raise MirageError(
            f"{source} does not fit the network its description states: "
            f"{listed(problems, most=3, joint='; ')}",
            remedy="make or import it anew",
        )
    network.load_state_dict(tensors)


def _save(
    path: str | Path, kind: str, network: nn.Module, config: Any, metadata: Mapping[str, Any] | None
) -> None:
    header = {**(metadata or {}), "network": kind, "config": dataclasses.asdict(config)}
    files.save_tensors(path, network.state_dict(), header)


def _config(path: str | Path, kind: str) -> Mapping[str, Any]:
    header = files.read_metadata(path)
    if header.get("network") != kind or not isinstance(header.get("config"), dict):
        raise MirageError(
            f"{path} holds {header.get('network', 'no network')}",
            f"a {kind}",
            "correct the path or make the file anew",
        )
    config: Mapping[str, Any] = header["config"]
    return config
