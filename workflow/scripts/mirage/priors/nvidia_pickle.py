"""Import of the published StyleGAN2(-ADA) networks in the official PyTorch format.

Two packagings are in use: that of the stylegan2-ada-pytorch repository (``ffhq.pkl``) and that of
the stylegan3 repository (``stylegan2-ffhq-1024x1024.pkl``). Networks converted from the original
TensorFlow weights have no clamp, those trained in PyTorch usually one of 256.

The shape of a network is derived from its tensors and checked against its attributes; whatever this
project's networks do not compute (conditioning, other architectures, filters or activations) is
refused rather than computed wrongly.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from mirage.errors import MirageError
from mirage.foreign.fingerprint import fixed_latent
from mirage.foreign.known import REFERENCE_IMAGE, KnownFile, check_image, check_value, judge
from mirage.foreign.plain_pickle import Refused
from mirage.foreign.torch_files import StoredTensor
from mirage.foreign.wording import plain
from mirage.priors import weights
from mirage.priors.restricted_pickle import ModuleRecord, read_records
from mirage.priors.shapes import DiscriminatorConfig, GeneratorConfig
from mirage.priors.stylegan2.discriminator import Discriminator
from mirage.priors.stylegan2.generator import Generator
from mirage.priors.stylegan2.resampling import fir_kernel

Built = TypeVar("Built")

# The largest published network has 59 modules, 4 deep, and 184 tensors.
_MOST_MODULES = 1_000
_MOST_TENSORS = 5_000
_MOST_DEPTH = 10
_LONGEST_NAME = 60
_REMEDY = "use the official file, and compare its checksum"


def read_networks(pickle_path: str | Path) -> tuple[Generator, Discriminator, str]:
    """Read the moving-average generator ``G_ema`` and the discriminator ``D``.

    Returns:
        Both, frozen and in eval mode, and the code the pickle was written by. Both packagings have
        the same tensors; the newer code notes more attributes and takes the synthesis' settings as
        arguments of the generator itself.

    Raises:
        MirageError: the file is no such pickle, is damaged or hostile, or its networks differ from
            the ones this project computes.
    """
    records = read_records(pickle_path)
    generator = _build(records, pickle_path, "G_ema", "Generator", _generator)
    discriminator = _build(records, pickle_path, "D", "Discriminator", _discriminator)
    newer = "num_fp16_res" in records["G_ema"].state["_modules"]["synthesis"].state
    return generator, discriminator, "stylegan3" if newer else "stylegan2-ada-pytorch"


def import_pickle(
    pickle_path: str | Path,
    generator_path: str | Path,
    discriminator_path: str | Path,
    known: KnownFile,
    memory: str | Path,
    reference: str | Path | None = None,
    image_px: int | None = None,
) -> dict[str, Any]:
    """Convert a published pickle into this project's two weight files, and try them once.

    Their headers name the pickle and its SHA-256.

    Args:
        pickle_path: of either official packaging.
        generator_path: destination of ``G_ema``.
        discriminator_path: destination of ``D``.
        known: what is published about the pickle.
        memory: where the generator's answer is kept between imports.
        reference: folder of published answers (see ``references``), if that check is wanted.
        image_px: side its images must have; None for any.

    Returns:
        What was found, JSON-able: ``packaging``, ``network``, ``tensors``, what ``judge`` says of
        the image of the fixed latent, ``discriminator`` (its value for that image),
        ``w_avg_offset`` (distance of the stored mean w from that of 4,096 fresh ones, in standard
        deviations of w: near 0 for a trained network whose mapping is computed as in its training),
        and with a reference ``reference_error`` of the image and ``discriminator_error``.

    Raises:
        MirageError: as ``read_networks``, or the networks do not answer as known; then nothing is
            written.
    """
    generator, discriminator, packaging = read_networks(pickle_path)
    if image_px not in (None, generator.image_px):
        raise MirageError(
            f"{pickle_path} makes images of {generator.image_px} px",
            f"{image_px} px, as the prior's image_px says",
            "fetch the file the asset list names, or correct image_px and crop_px",
        )
    image, answers = _try(generator, discriminator)
    record = {
        "packaging": packaging,
        "network": f"StyleGAN2 of {generator.image_px} px",
        "tensors": len(generator.state_dict()) + len(discriminator.state_dict()),
        **judge(pickle_path, image, known, memory),
        **answers,
    }
    if reference is not None:
        record["reference_error"] = check_image(image, Path(reference, REFERENCE_IMAGE))
        record["discriminator_error"] = check_value(discriminator, image.shape, reference)
        record["status"] = "agrees with the published reference"
    source = {"source": {key: record[key] for key in ("file", "sha256")}}
    weights.save_generator(generator_path, generator, source)
    weights.save_discriminator(discriminator_path, discriminator, source)
    return record


@torch.inference_mode()
def _try(generator: Generator, discriminator: Discriminator) -> tuple[Tensor, dict[str, float]]:
    """Image of the fixed latent, and the figures beside it."""
    image = generator(fixed_latent(generator.z_dim))
    draws = torch.Generator().manual_seed(0)
    w = generator.mapping(torch.randn(4096, generator.z_dim, generator=draws))
    offset = (w.mean(dim=0) - generator.w_avg).norm() / w.std(dim=0).norm()
    answers = {"w_avg_offset": float(offset)}
    if image.shape[-1] == discriminator.config.image_px:
        answers["discriminator"] = float(discriminator(image))
    return image, answers


def _build(
    records: Any,
    path: str | Path,
    key: str,
    class_name: str,
    make: Callable[["_Network"], Built],
) -> Built:
    root = records.get(key) if isinstance(records, dict) else None
    if not isinstance(root, ModuleRecord) or root.class_name != class_name:
        raise MirageError(
            f"{path} holds no network {key} of class {class_name}",
            "a pickle of the official PyTorch training code",
        )
    try:
        return make(_Network(root, f"{path} ({key})"))
    except MirageError:
        raise
    except Exception as error:  # records of any shape may stand in a hostile file
        why = error if isinstance(error, Refused) else type(error).__name__
        raise MirageError(
            f"{path} describes its network {key} in an unknown way ({why})",
            "a complete pickle of the official PyTorch training code",
            "fetch it again",
        ) from error


def _generator(network: "_Network") -> Generator:
    multiplier = network.attribute("mapping.fc0", "bias_gain")
    clamp = network.attribute("synthesis.b4.conv1", "conv_clamp")
    settings = network.pyramid("synthesis.b{}.conv1.bias") | {
        "conv_clamp": clamp,
        "z_dim": network.attribute("", "z_dim"),
        "w_dim": network.attribute("", "w_dim"),
        "mapping_layers": sum(f"mapping.fc{i}" in network.modules for i in range(100)),
        "mapping_lr_multiplier": multiplier,
    }
    config = weights.described(GeneratorConfig, settings, network.source)
    network.hold_to(weights.shapes_of(lambda: Generator(config)))
    generator = Generator(config)
    network.demand("", "num_ws", generator.num_ws)
    network.demand_all("architecture", lambda _: "skip")
    network.demand_all("conv_clamp", lambda _: clamp)
    network.demand_all("use_noise", lambda _: True)
    network.demand_all("up", lambda name: 2 if name.endswith("conv0") else 1)
    network.demand_layers(lambda name: multiplier if name.startswith("mapping.") else 1.0)
    generator.load_state_dict(network.values())
    return weights.frozen(generator, "cpu")


def _discriminator(network: "_Network") -> Discriminator:
    settings = network.pyramid("b{}.conv0.bias", "b4.conv.bias")
    clamp = network.attribute("b4.conv", "conv_clamp")
    settings |= {
        "conv_clamp": clamp,
        "deviation_group": network.attribute("b4.mbstd", "group_size"),
        "deviation_channels": network.attribute("b4.mbstd", "num_channels"),
    }
    config = weights.described(DiscriminatorConfig, settings, network.source)
    network.hold_to(weights.shapes_of(lambda: Discriminator(config)))
    discriminator = Discriminator(config)
    network.demand_all("architecture", lambda _: "resnet")
    network.demand_all("conv_clamp", lambda name: None if name.endswith("skip") else clamp)
    network.demand_all("down", lambda name: 2 if name.endswith(("conv1", "skip")) else 1)
    network.demand_layers(lambda _: 1.0)
    discriminator.load_state_dict(network.values())
    return weights.frozen(discriminator, "cpu")


class _Network:
    """A network's records: its modules by dotted name, and its tensors."""

    def __init__(self, root: ModuleRecord, source: str) -> None:
        self.source = source
        self.modules = _modules(root)
        self.tensors: dict[str, StoredTensor] = {}
        self.filters: dict[str, StoredTensor] = {}  # low-pass, which are constants here
        for prefix, module in self.modules.items():
            for kind in ("_parameters", "_buffers"):
                for name, value in module.state.get(kind, {}).items():
                    if isinstance(value, StoredTensor):
                        kept = self.filters if name == "resample_filter" else self.tensors
                        kept[_joined(prefix, name)] = value
                        _bound(len(self.tensors) + len(self.filters), _MOST_TENSORS, "tensors")

    def attribute(self, module: str, name: str) -> Any:
        """A plain value; whatever else may stand there could not even be compared safely."""
        if module not in self.modules or name not in self.modules[module].state:
            raise MirageError(f"{self.source} lacks {_joined(module, name)}")
        value = self.modules[module].state[name]
        if not (value is None or isinstance(value, bool | int | float | str)):
            raise MirageError(
                f"{self.source} has {_joined(module, name)} of class {type(value).__name__}",
                "a number or a word",
                _REMEDY,
            )
        return value

    def demand(self, module: str, name: str, wanted: Any) -> None:
        """Refuse an attribute that has another value than the one computed here."""
        value = self.attribute(module, name)
        both_numbers = isinstance(wanted, float) and isinstance(value, int | float)
        if math.isclose(value, wanted, rel_tol=1e-6) if both_numbers else value == wanted:
            return
        raise MirageError(
            f"{self.source} has {_joined(module, name)} = {plain(repr(value))}",
            f"{wanted!r}, the only one supported",
            _REMEDY,
        )

    def demand_all(self, name: str, wanted: Callable[[str], Any]) -> None:
        """Check an attribute of every module that has it; ``wanted`` is asked by module name."""
        for module, record in self.modules.items():
            if name in record.state:
                self.demand(module, name, wanted(module))

    def demand_layers(self, multiplier: Callable[[str], float]) -> None:
        """Check activations and gains; ``multiplier`` gives a layer's learning-rate factor."""

        def linear(name: str) -> bool:
            return name.endswith(("affine", "skip", "out"))

        def weight_gain(name: str) -> float:
            fan_in = math.prod(self.tensors[f"{name}.weight"].size[1:])
            return float(multiplier(name)) / math.sqrt(fan_in)

        self.demand_all("activation", lambda name: "linear" if linear(name) else "lrelu")
        self.demand_all("act_gain", lambda name: 1.0 if linear(name) else math.sqrt(2))
        self.demand_all("weight_gain", weight_gain)
        self.demand_all("bias_gain", lambda name: float(multiplier(name)))

    def pyramid(self, biases: str, first: str | None = None) -> dict[str, Any]:
        """Settings that both networks share.

        Args:
            biases: name of a bias whose length is the channel count at resolution "{}".
            first: its name at 4 px, if that differs.
        """
        self.demand("", "c_dim", 0)
        image_px = self.attribute("", "img_resolution")
        resolutions = [2**power for power in range(2, int(image_px).bit_length())]
        names = [biases.format(resolution) for resolution in resolutions]
        names[0] = first or names[0]
        missing = [name for name in names if name not in self.tensors]
        if missing:
            raise MirageError(f"{self.source} lacks {missing[0]}")
        return {
            "image_px": image_px,
            "image_channels": self.attribute("", "img_channels"),
            "channels": [self.tensors[name].size[0] for name in names],
        }

    def hold_to(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Compare all shapes, which lie in the file, before a network of that size is built."""
        found = {name: record.size for name, record in self.tensors.items()}
        weights.compare(found, shapes, self.source)

    def values(self) -> Mapping[str, Tensor]:
        """All tensors but the low-pass filters, which must be those computed here."""
        expected = fir_kernel(1.0, torch.float32, torch.device("cpu"))[0, 0]
        for name, record in self.filters.items():
            same = record.size == tuple(expected.shape)
            if not (same and torch.allclose(record.decode().float(), expected, atol=1e-6)):
                raise MirageError(f"{self.source} has another filter in {name}", "[1, 3, 3, 1]")
        return {name: record.decode().float() for name, record in self.tensors.items()}


def _modules(root: ModuleRecord) -> dict[str, ModuleRecord]:
    """A module and all below it, by dotted name, in the file's order.

    Raises:
        Refused: a module stands in two places, or there are more or deeper ones than any network
            of this kind has.
    """
    found: dict[str, ModuleRecord] = {}
    seen: set[int] = set()
    waiting = [("", root, 0)]
    while waiting:
        name, module, depth = waiting.pop()
        if id(module) in seen:
            raise Refused(f"it holds module {plain(name)} in two places")
        seen.add(id(module))
        found[name] = module
        _bound(len(found), _MOST_MODULES, "modules")
        _bound(depth, _MOST_DEPTH, "modules within one another")
        children = module.state.get("_modules", {}).items()
        below = [
            (_joined(name, n), child, depth + 1)
            for n, child in children
            if isinstance(child, ModuleRecord)
        ]
        _bound(len(below), _MOST_MODULES, "modules")
        waiting += reversed(below)
    return found


def _joined(module: str, name: Any) -> str:
    """The dotted name; a hostile one is cut."""
    last = plain(name, _LONGEST_NAME)
    return f"{module}.{last}" if module else last


def _bound(number: int, most: int, what: str) -> None:
    if number > most:
        raise Refused(f"it has more than {most:,} {what}, which no StyleGAN2 network has")
