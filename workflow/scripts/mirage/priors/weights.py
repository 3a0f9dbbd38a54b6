"""Weights of priors on disk: safetensors, with the network's shape in the metadata header."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from mirage.errors import MirageError
from mirage.foreign.wording import plain
from mirage.memory_format import Network, laid_out
from mirage.priors.kinds import KINDS
from mirage.recipes import Recipe
from mirage.runtime import files
from mirage.visible import listed

Config = TypeVar("Config", bound=Recipe)


def save_generator(
    path: str | Path, network: nn.Module, metadata: Mapping[str, Any], kind: str = "stylegan2"
) -> None:
    """Write a generator; its header holds ``metadata`` beside ``network`` and ``config``."""
    _save(path, f"{kind}.generator", network, metadata)


def save_discriminator(
    path: str | Path, network: nn.Module, metadata: Mapping[str, Any], kind: str = "stylegan2"
) -> None:
    """Write a discriminator, as ``save_generator`` does."""
    _save(path, f"{kind}.discriminator", network, metadata)


def kind_of(path: str | Path) -> str:
    """Kind of the network in a file, as its header names it."""
    return str(files.read_metadata(path).get("network", "")).partition(".")[0]


def load_generator(path: str | Path, device: str = "cpu") -> Any:
    """Read a generator of the kind its header names, frozen and in eval mode.

    Raises:
        MirageError: the file is missing or damaged, holds another network, or its tensors do not
            fit the shape its header states.
    """
    return _load(path, "generator", device)


def load_discriminator(path: str | Path, device: str = "cpu") -> Any:
    """Read a discriminator, frozen and in eval mode; raises as ``load_generator``."""
    return _load(path, "discriminator", device)


def _load(path: str | Path, role: str, device: str) -> nn.Module:
    header = files.read_metadata(path)
    kind, _, held = str(header.get("network", "no network")).partition(".")
    if held != role or kind not in KINDS or not isinstance(header.get("config"), dict):
        raise MirageError(
            f"{path} holds {plain(header.get('network', 'no network'))}",
            f"a {role} of one of the kinds of priors: {listed(KINDS)}",
            "correct the path or make the file anew",
        )
    network = KINDS[kind][role]
    config = described(network.config, header["config"], str(path))
    tensors = files.load_tensors(path)
    # A header may describe any network: it is built only when the file holds as much.
    compare(shapes(tensors), shapes_of(lambda: network.build(config)), str(path))
    built = network.build(config)
    built.load_state_dict(tensors)
    return frozen(built, device)


def frozen(network: Network, device: str) -> Network:
    """Move to a device, switch to eval mode, and stop gradients to the weights."""
    return laid_out(network.to(device), device).eval().requires_grad_(False)


def described(config: type[Config], values: Mapping[str, Any], source: str) -> Config:
    """The shape of a network as a file states it.

    Args:
        config: of a generator or a discriminator.
        values: what the file says.
        source: the file, for messages.

    Raises:
        MirageError: no network of this kind has such a shape; names the file.
    """
    try:
        return config.of(values)
    except MirageError as problem:
        said = str(problem).removesuffix(" Correct it.")
        raise MirageError(
            f"{source} describes a network that cannot be: {plain(said, 400)}",
            remedy="use the published file, or make or import it anew",
        ) from problem


def shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Names and shapes."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def shapes_of(make: Callable[[], nn.Module]) -> dict[str, tuple[int, ...]]:
    """Names and shapes a network will have, without the memory it will take."""
    with torch.device("meta"):
        return shapes(make().state_dict())


def compare(
    found: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]], source: str
) -> None:
    """Hold the shapes of a file to those of a network.

    Raises:
        MirageError: a tensor is missing, unknown or of another shape; names the first few.
    """
    problems = [f"{name} is missing" for name in wanted if name not in found]
    problems += [f"{plain(name)} is unknown" for name in found if name not in wanted]
    problems += [
        f"{name} has shape {list(found[name])} instead of {list(shape)}"
        for name, shape in wanted.items()
        if name in found and found[name] != shape
    ]
    if problems:
        raise MirageError(
            f"{source} does not fit the network its description states: "
            f"{listed(problems, most=3, joint='; ')}",
            remedy="make or import it anew",
        )


def _save(path: str | Path, kind: str, network: Any, metadata: Mapping[str, Any]) -> None:
    header = {**metadata, "network": kind, "config": dataclasses.asdict(network.config)}
    files.save_tensors(path, network.state_dict(), header)
