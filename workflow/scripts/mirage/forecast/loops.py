"""Real loops with random weights and no assets, to be counted or timed.

Each kind of unit has a maker of loops here. A loop runs the very code of the jobs, for ever, and
ticks the checkpoint it is given after each step; the checkpoint ends it. On the device ``meta``
it computes shapes alone, which is how FLOPs and memory are counted without time or memory.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mirage.attacks.kinds.ppa.optimise import optimise_latents
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.attacks.terms import FeatureStatistics
from mirage.attacks.transforms import draw_steps, plan_crops, spread
from mirage.data.views import LabelledImages
from mirage.errors import MirageError
from mirage.evaluation.fidelity import FIDELITIES, PAPER
from mirage.evaluation.networks import EvaluationNetwork, load_network
from mirage.evaluation.recipe import KnowledgeRecipe, NetworkSpec
from mirage.forecast.units import Settings, Unit
from mirage.numerics import at_precision, numerics
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.recipe import PriorRecipe
from mirage.priors.shapes import DiscriminatorConfig, GeneratorConfig
from mirage.priors.stylegan2.discriminator import Discriminator
from mirage.priors.stylegan2.generator import Generator
from mirage.priors.training import train_prior
from mirage.priors.weights import frozen
from mirage.runtime.checkpoint import Checkpoint
from mirage.streams import generator
from mirage.targets.architectures import Classifier, build
from mirage.targets.images import network_range
from mirage.targets.recipe import TrainingRecipe
from mirage.targets.training import train_classifier
from mirage.targets.weights import save_classifier

Loop = Callable[[Checkpoint], None]
Maker = Callable[[Settings, int, str], Loop]

# An epoch of the demo has 9 steps; larger images make the epoch shorter, not the memory larger.
_EPOCH_STEPS = 9
_EPOCH_BYTES = 256 * 2**20
_TINY_LR = 1e-6  # so that training on noise cannot end in an infinite loss

_MAKERS: dict[str, Maker] = {}


def make_loop(unit: Unit, batch: int, device: str) -> Loop:
    """Make the endless loop of a unit.

    Args:
        unit: what to run.
        batch: images of one step.
        device: ``cpu``, ``cuda`` or ``meta``.

    Raises:
        MirageError: an architecture or kind of network that is not known.
    """
    once = _MAKERS[unit.kind](unit.settings, batch, device)

    def loop(checkpoint: Checkpoint) -> None:
        with numerics(unit.settings.get("precision", "fp32"), device):
            while True:
                once(checkpoint)

    return loop


def _maker(kind: str) -> Callable[[Maker], Maker]:
    def enter(maker: Maker) -> Maker:
        _MAKERS[kind] = maker
        return maker

    return enter


@_maker("train")
def _train(settings: Settings, batch: int, device: str) -> Loop:
    return _training(settings, TrainingRecipe.of(settings["recipe"]), batch, device, torch.uint8)


@_maker("student")
def _student(settings: Settings, batch: int, device: str) -> Loop:
    recipe = KnowledgeRecipe.of(settings["recipe"]).training
    return _training(settings, recipe, batch, device, torch.float16)


def _training(
    settings: Settings, recipe: TrainingRecipe, batch: int, device: str, dtype: torch.dtype
) -> Loop:
    side, channels = settings["image_px"], settings["channels"]
    steps = min(_EPOCH_STEPS, max(3, _EPOCH_BYTES // (batch * channels * side**2)))
    labels = torch.arange(steps * batch) % settings["classes"]
    pixels = torch.zeros(len(labels), channels, side, side, dtype=dtype)
    images = LabelledImages(pixels, labels, settings["classes"])
    slow = replace(recipe.optimiser, lr=_TINY_LR)
    endless = replace(recipe, epochs=10**6, batch_size=batch, optimiser=slow, keep="last")

    def once(checkpoint: Checkpoint) -> None:
        train_classifier(
            settings["architecture"], images, None, endless, 0, checkpoint, device, label="training"
        )

    return once


@_maker("attack")
def _attack(settings: Settings, batch: int, device: str) -> Loop:
    recipe = OptimisationRecipe.of(settings["recipe"])
    recipe = replace(recipe, batch_size=min(recipe.batch_size, batch))
    pipeline, classifier = _pipeline(settings, device), _classifier(settings, device)
    discriminator = statistics = None
    if recipe.discriminator_weight > 0:
        config = DiscriminatorConfig.of(settings["discriminator"])
        discriminator = frozen(Discriminator(config), device)
    if recipe.feature_weight > 0:
        width = torch.ones(classifier.head.in_features, device=device)
        statistics = FeatureStatistics(0 * width, width)
    official = batch // recipe.batch_size
    latents = torch.zeros(official, recipe.batch_size, pipeline.generator.w_dim)

    def once(checkpoint: Checkpoint) -> None:
        optimise_latents(
            pipeline, classifier, latents, range(official), recipe, settings["image_px"], 0, device,
            batch, checkpoint, "attack", discriminator, statistics,
        )  # fmt: skip

    return once


@_maker("render")
def _render(settings: Settings, batch: int, device: str) -> Loop:
    pipeline = _pipeline(settings, device)
    w = torch.zeros(batch, pipeline.generator.w_dim, device=device)
    return _passes(lambda: pipeline.images(w, settings["image_px"]))


@_maker("classify")
def _classify(settings: Settings, batch: int, device: str) -> Loop:
    classifier, side = _passing(settings, device), settings["image_px"]
    pixels = torch.zeros(batch, settings["channels"], side, side, dtype=torch.uint8)
    shown = pixels.to(device)
    return _passes(lambda: classifier(network_range(shown)))


@_maker("rate")
def _rate(settings: Settings, batch: int, device: str) -> Loop:
    classifier, side = _passing(settings, device), settings["image_px"]
    images = torch.zeros(batch, settings["channels"], side, side, device=device)
    stream = [generator(0, "forecast", "rate")]
    boxes = spread(draw_steps(stream, 1, side, (0.5, 0.9), (0.8, 1.2), 0.5), [batch])
    crops = plan_crops(boxes, side, side, device, images.dtype)
    return _passes(lambda: classifier(crops.cut(images, 0)).softmax(dim=1))


@_maker("embed_attack")
def _embed_attack(settings: Settings, batch: int, device: str) -> Loop:
    pipeline, networks = _pipeline(settings, device), _networks(settings, device)
    w = torch.zeros(batch, pipeline.generator.w_dim, device=device)
    sizes = {settings["student_px"] or settings["gallery_px"], settings["gallery_px"]}
    sizes |= {network.spec.image_px for network in networks}

    def work() -> None:
        views = pipeline.sizes(w, sizes)
        for network in networks:
            for fidelity in FIDELITIES:
                network.embed(views[network.spec.image_px], fidelity)

    return _passes(work)


@_maker("embed_real")
def _embed_real(settings: Settings, batch: int, device: str) -> Loop:
    networks = _networks(settings, device)
    channels = next(iter(settings["networks"].values()))["channels"]

    def work() -> None:
        for network in networks:
            side = network.spec.image_px
            pixels = torch.zeros(batch, channels, side, side, dtype=torch.uint8, device=device)
            for fidelity in FIDELITIES:
                if fidelity != PAPER or network.has_paper_input:
                    network.embed(network_range(pixels), fidelity)

    return _passes(work)


@_maker("prior")
def _prior(settings: Settings, batch: int, device: str) -> Loop:
    recipe = replace(PriorRecipe.of(settings["recipe"]), batch_size=batch)
    side, channels = recipe.generator.image_px, recipe.generator.image_channels
    images = torch.zeros(2 * batch, channels, side, side, dtype=torch.uint8)
    return lambda checkpoint: _ignore(train_prior(images, recipe, 0, checkpoint, device))


def weights(unit: Unit) -> int:
    """Bytes of a network that a unit runs alone, as its file holds them; 0 for other units."""
    if unit.kind == "classify":
        network: nn.Module = _classifier(unit.settings, "cpu")
    elif unit.kind == "render":
        network = _pipeline(unit.settings, "cpu").generator
    else:
        return 0
    return sum(tensor.nbytes for tensor in network.state_dict().values())


def _ignore(_: object) -> None:
    """Drop a result."""


def _passes(work: Callable[[], Any]) -> Loop:
    """One forward pass, then a tick."""

    def once(checkpoint: Checkpoint) -> None:
        with torch.inference_mode():
            work()
        checkpoint.tick(dict)

    return once


def _pipeline(settings: Settings, device: str) -> ImagePipeline:
    shape = GeneratorConfig.of(settings["generator"])
    precision = settings.get("precision", "fp32")
    return ImagePipeline(frozen(Generator(shape), device), settings["crop_px"], precision)


def _classifier(settings: Settings, device: str) -> Classifier:
    model = build(settings["architecture"], settings["classes"], settings["channels"])
    return model.to(device).freeze()


def _passing(settings: Settings, device: str) -> Callable[[Tensor], Tensor]:
    """A frozen classifier for forward passes alone, at the unit's precision."""
    model: Callable[[Tensor], Tensor] = at_precision(
        _classifier(settings, device), settings["precision"]
    )
    return model


def _networks(settings: Settings, device: str) -> list[EvaluationNetwork]:
    """Evaluation networks with random weights, through the loaders that jobs use."""
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
