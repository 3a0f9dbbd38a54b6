"""One photograph embedded in every evaluation network."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from mirage.errors import MirageError
from mirage.evaluation.fidelity import FIDELITIES, PAPER
from mirage.evaluation.networks import EvaluationNetwork, load_network
from mirage.evaluation.recipe import NetworkSpec
from mirage.forecast.loops import Loop
from mirage.forecast.loops._parts import passes
from mirage.forecast.units import Settings
from mirage.targets.architectures import build
from mirage.targets.images import network_range
from mirage.targets.weights import save_classifier


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Embed one batch in the fidelities that differ."""
    networks = blank_networks(settings, device)
    channels = next(iter(settings["networks"].values()))["channels"]

    def work() -> None:
        for network in networks:
            side = network.spec.image_px
            pixels = torch.zeros(batch, channels, side, side, dtype=torch.uint8, device=device)
            for fidelity in FIDELITIES:
                if fidelity != PAPER or network.has_paper_input:
                    network.embed(network_range(pixels), fidelity)

    return passes(work)


def blank_networks(settings: Settings, device: str) -> list[EvaluationNetwork]:
    """Networks with random weights, through the loaders that jobs use.

    Raises:
        MirageError: a kind of network that cannot be made up.
    """
    networks = []
    with tempfile.TemporaryDirectory() as folder:
        for role, entry in settings["networks"].items():
            spec = NetworkSpec.of(entry["spec"])
            if spec.kind not in _BLANKS:
                raise MirageError(f"no weights can be made up for a network of kind {spec.kind!r}")
            path = Path(folder) / role
            _BLANKS[spec.kind](path, {**entry, "classes": settings["classes"]})
            networks.append(load_network(spec, path, device).at(settings["precision"]))
    return networks


def _blank_classifier(path: Path, entry: Mapping[str, Any]) -> None:
    save_classifier(path, build(entry["architecture"], entry["classes"], entry["channels"]), {})


def _blank_facenet(path: Path, _: Mapping[str, Any]) -> None:
    from facenet_pytorch import InceptionResnetV1

    torch.save(InceptionResnetV1().state_dict(), path)


def _blank_inception(path: Path, _: Mapping[str, Any]) -> None:
    from torchvision.models import inception_v3

    network = inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False)
    torch.save(network.state_dict(), path)


_BLANKS: dict[str, Callable[[Path, Mapping[str, Any]], None]] = {
    "classifier": _blank_classifier,
    "facenet": _blank_facenet,
    "inception_fid": _blank_inception,
}
