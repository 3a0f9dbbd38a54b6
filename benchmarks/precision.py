"""What a precision changes at the demo's size: run.py precision.

Images and gradients are held against float64 at the same latents and weights; the metrics of the
demo's attack against those of fp32. A CPU knows no tf32 (there it is fp32), so it shows bf16 only.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from mirage.attacks.batches import official_batches
from mirage.attacks.compiled import UNCOMPILED, Compiling
from mirage.attacks.given import Given
from mirage.attacks.kinds.ppa.optimise import make_stack, optimise_latents
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe, SamplingRecipe, SelectionRecipe
from mirage.attacks.kinds.ppa.sample import sample_candidates
from mirage.attacks.kinds.ppa.select import select_latents
from mirage.attacks.losses import LOSSES
from mirage.attacks.objective import Objective, step_gradient
from mirage.attacks.pool import synthesise_pool
from mirage.attacks.recipe import PoolRecipe
from mirage.data.dataset import DatasetRecipe
from mirage.data.splits import first_per_class
from mirage.data.store import Store, prepare_store
from mirage.data.views import LabelledImages, View, ViewRecipe, prepare_view
from mirage.evaluation.accuracy import position_of_class
from mirage.evaluation.distances import nearest_squared
from mirage.evaluation.features import embed_attack, embed_real
from mirage.evaluation.networks import Embedded, EvaluationNetwork
from mirage.evaluation.recipe import NetworkSpec
from mirage.numerics import at_precision, autocast, numerics
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.weights import load_generator
from mirage.recipes import Precision
from mirage.runtime.checkpoint import Checkpoint
from mirage.runtime.devices import choose_device
from mirage.study.cells import Attack, Target, parse
from mirage.study.study import Study
from mirage.study.treatment import Treatment
from mirage.targets.architectures import Classifier, build
from mirage.targets.images import network_range
from mirage.targets.recipe import TrainingRecipe
from mirage.targets.smoothing import smoothed_cross_entropy
from mirage.targets.training import train_classifier
from mirage.targets.treatments import make
from torch import Tensor

from benchmarks.table import markdown

ROOT = Path(__file__).parents[1]
PRIOR = ROOT / "workflow/presets/priors/orl-faces/generator.safetensors"
DATASET, ARCHITECTURE, SAMPLES, SEED = "orl", "resnet-mini", 3, 1
STEP = ("step", "precision", "image max", "PSNR dB", "gradient cosine (median, worst)",
        "gradient error (median)", "same sign", "time / fp32")  # fmt: skip
METRICS = ("target", "attack", "evaluation", "Acc@1 %", "Acc@5 %", "δ face", "robust confidence",
           "same results %", "s")  # fmt: skip


class World(NamedTuple):
    """The demo's people, prior and networks.

    Attributes:
        study: the demo's configuration.
        device: where everything computes.
        train: all training images of the private people.
        few: the target's share of them.
        pipeline: the shipped prior.
        networks: evaluation networks ``eval`` and ``face``.
        seed: of the cell that is attacked.
    """

    study: Study
    device: str
    train: LabelledImages
    few: LabelledImages
    pipeline: ImagePipeline
    networks: dict[str, EvaluationNetwork]
    seed: int = SEED


def world(device: str, seed: int = SEED) -> World:
    """Prepare data and train the evaluation networks as the demo does (half a minute)."""
    study = Study(yaml.safe_load((ROOT / "config.yaml").read_text())["scales"]["demo"])
    view_name = study.architecture(ARCHITECTURE)["view"]
    with tempfile.TemporaryDirectory() as folder:
        prepare_store(DatasetRecipe.of(study.dataset(DATASET)["recipe"]), folder)
        prepare_view(Store(folder), ViewRecipe.of(study.view(DATASET, view_name)), f"{folder}/view")
        view = View(f"{folder}/view", seed)
        train = _copied(view.select(view.train))
        kept = first_per_class(view.labels.numpy(), view.train.numpy(), SAMPLES)
        few = _copied(view.select(kept))
    networks = {}
    for role in ("eval", "face"):
        weights = Path(study.network_weights(DATASET, role, seed))
        model = trained(study, parse(str(weights.parent)), train, device)
        networks[role] = EvaluationNetwork(
            NetworkSpec.of(study.network_spec(DATASET, role)), _forward(model), device
        )
    generator = load_generator(PRIOR, device)
    pipeline = ImagePipeline(generator, generator.image_px)
    return World(study, device, train, few, pipeline, networks, seed)


def _copied(images: LabelledImages) -> LabelledImages:
    """Images that outlive the file they were read from."""
    return LabelledImages(images.pixels.clone(), images.labels.clone(), images.classes)


def trained(study: Study, target: Target, images: LabelledImages, device: str) -> Classifier:
    recipe, treatment = TrainingRecipe.of(study.training(target)), make(study.treatment(target))
    return train_classifier(
        target.architecture, images, None, recipe, target.seed, Checkpoint(None, {}), device,
        treatment=treatment,
    ).model  # fmt: skip


def _forward(model: Classifier) -> Callable[[Tensor], Embedded]:
    def forward(images: Tensor) -> Embedded:
        features = model.features(images)
        return Embedded(features, model.head(features))

    return forward


def attack_of(alpha: float, seed: int = SEED) -> Attack:
    """The attacked cell of one smoothing factor."""
    return Attack(Target(DATASET, ARCHITECTURE, Treatment.smoothing(alpha), SAMPLES, seed), "ppa")


# ------------------------------------------------------------------------- against float64


class Step(NamedTuple):
    """One step: images [N, ...] or None, gradient rows [N, D], and how long it took."""

    images: Tensor | None
    gradient: Tensor
    seconds: float


def attack_step(
    world: World, target: Classifier, w: Tensor, precision: Precision, exact: bool, turns: int
) -> Step:
    """Generator, crop, resize, target, loss and gradient at latents w [K, w_dim] of K classes."""
    dtype, device = torch.float64 if exact else torch.float32, world.device
    pipeline, classifier = world.pipeline, target
    if exact:
        pipeline = ImagePipeline(deepcopy(pipeline.generator).double(), pipeline.crop_px)
        classifier = deepcopy(target).double()
    settings = world.study.attack(attack_of(0.0))["optimisation"]
    recipe = OptimisationRecipe.of({**settings, "precision": precision})
    pipeline, px = pipeline.at(precision), world.train.pixels.shape[-1]
    batches = official_batches(range(len(w)), 1, 1)
    given = Given(
        {}, {}, range(len(w)), px, pipeline.crop_px, SEED, device, len(w), Checkpoint(None, {})
    )
    stack = make_stack(given, recipe, pipeline, batches, dtype)
    objective = Objective(pipeline, at_precision(classifier, precision), LOSSES[recipe.loss])
    point = w.to(device, dtype).requires_grad_()
    with numerics(precision, device):
        gradient, seconds = _timed(lambda: step_gradient(objective, stack, point, 0)[0], turns)
        with torch.no_grad():
            images = pipeline.crop(pipeline.repeat(point))
    return Step(images, gradient, seconds)


def training_step(world: World, precision: Precision, exact: bool, turns: int) -> Step:
    """Forward, loss and gradient of a fresh target on one batch of 24 images."""
    images = world.few
    model = build(ARCHITECTURE, images.classes, images.pixels.shape[1], seed=SEED)
    model = model.to(world.device, torch.float64 if exact else torch.float32).train()
    shown = network_range(images.pixels[::SAMPLES]).to(next(model.parameters()))
    labels = images.labels[::SAMPLES].to(world.device)

    def gradient() -> Tensor:
        with autocast(precision, world.device):
            logits, _ = model.training_logits(shown)
        logits = logits if exact else logits.float()
        loss = smoothed_cross_entropy(logits, labels, 0.1)
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, [*model.parameters()])])

    with numerics(precision, world.device):
        found, seconds = _timed(gradient, turns)
    return Step(None, found[None], seconds)


def _timed(work: Callable[[], Tensor], turns: int) -> tuple[Tensor, float]:
    """Result, and the median seconds of ``turns`` calls after one untimed."""
    result = work()
    times = []
    for _ in range(turns):
        began = _clock(result.device.type)
        result = work()
        times.append(_clock(result.device.type) - began)
    return result, sorted(times)[len(times) // 2]


def _clock(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()  # other work on a shared CPU does not count


def compared(name: str, precision: str, step: Step, exact: Step, plain: Step) -> tuple[str, ...]:
    """One row: a step against float64, its time against fp32's."""
    image = psnr = ""
    if step.images is not None and exact.images is not None:
        gap = step.images.double() - exact.images
        image = f"{float(gap.abs().max()):.1e}"
        psnr = f"{float(10 * (4 / gap.square().mean()).log10()):.0f}"  # images span 2
    ours, true = step.gradient.double(), exact.gradient
    cosine = torch.cosine_similarity(ours, true, dim=1)
    error = (ours - true).norm(dim=1) / true.norm(dim=1)
    same = (ours.sign() == true.sign()).double().mean()
    return (
        name, precision, image, psnr, f"{1 - float(cosine.median()):.1e}, "
        f"{1 - float(cosine.min()):.1e} below 1", f"{float(error.median()):.1e}",
        f"{float(same):.1%}", f"{step.seconds / plain.seconds:.2f}",
    )  # fmt: skip


def step_rows(
    world: World, target: Classifier, precisions: Sequence[Precision], turns: int
) -> list[tuple[str, ...]]:
    """Both steps at every precision against float64."""
    pool = PoolRecipe.of(_pool(world.study))
    w = synthesise_pool(
        world.pipeline, pool, world.train.pixels.shape[-1], 250, world.device, Checkpoint(None, {})
    ).w[: world.train.classes]
    rows = []
    for name, work in (
        ("attack", lambda precision, exact: attack_step(world, target, w, precision, exact, turns)),
        ("training", lambda precision, exact: training_step(world, precision, exact, turns)),
    ):
        exact = work("fp32", True)
        steps = {precision: work(precision, False) for precision in precisions}
        plain = steps["fp32"]
        rows += [compared(name, p, step, exact, plain) for p, step in steps.items()]
    return rows


def _pool(study: Study, seed: int = SEED) -> dict[str, Any]:
    settings = study.pool_settings(study.drawn_pool(attack_of(0.0, seed)))
    return {key: value for key, value in settings.items() if key != "prior"}


# ------------------------------------------------------------------------------- metrics


class Attacked(NamedTuple):
    """Selected latents [K, m, w_dim], their places among the candidates, and their scores."""

    latents: Tensor
    indices: Tensor
    scores: Tensor
    seconds: float


def attacked(
    world: World,
    target: Classifier,
    alpha: float,
    precision: Precision,
    device_batch: int,
    compiling: Compiling = UNCOMPILED,
) -> Attacked:
    """All stages of the demo's attack at one precision."""
    settings = world.study.attack(attack_of(alpha, world.seed))
    px = world.train.pixels.shape[-1]
    classes, device = list(range(world.train.classes)), world.device
    nothing, at = Checkpoint(None, {}), {"precision": precision}
    began = _clock(device)
    pool = synthesise_pool(
        world.pipeline, PoolRecipe.of(_pool(world.study, world.seed) | at), px, 250, device, nothing
    )
    given = Given({}, {}, classes, px, world.pipeline.crop_px, world.seed, device, 250, nothing)
    found = sample_candidates(given, SamplingRecipe.of(settings["sampling"] | at), target, pool)
    optimised = optimise_latents(
        replace(given, batch=device_batch, compiling=compiling),
        OptimisationRecipe.of(settings["optimisation"] | at),
        world.pipeline, target, found.latents,
    )  # fmt: skip
    selected = select_latents(
        given, SelectionRecipe.of(settings["selection"] | at), world.pipeline, target,
        optimised.latents,
    )  # fmt: skip
    origins = found.indices.take_along_dim(selected.indices, dim=1)
    return Attacked(selected.latents, origins, selected.scores, _clock(device) - began)


class Scores(NamedTuple):
    """Metrics of the paper's reading."""

    acc1: float
    acc5: float
    delta_face: float


def scored(world: World, latents: Tensor, precision: Precision) -> Scores:
    """Embed latents and the real images at one precision and score them."""
    px, labels, nothing = world.train.pixels.shape[-1], world.train.labels, Checkpoint(None, {})
    views = dict.fromkeys(world.networks, world.train.pixels)
    real = embed_real(world.networks, views, labels, 250, nothing, precision)
    made = embed_attack(
        world.pipeline.at(precision), world.networks, latents, torch.arange(len(latents)), px, px,
        250, world.device, nothing, precision,
    ).features  # fmt: skip
    logits = made.logits_of("eval", "paper")
    squares = nearest_squared(
        made.of("face", "paper"), made.classes, real.of("face", "paper"), real.labels
    )
    top = [float((position_of_class(logits, made.classes) < k).mean()) for k in (1, 5)]
    return Scores(*top, float(squares.mean()))


def metric_rows(
    world: World, alpha: float, target: Classifier, precisions: Sequence[Precision]
) -> list[tuple[str, ...]]:
    """The demo's attack at every precision, and fp32 in other device batches as a yardstick."""
    runs: dict[str, tuple[Precision, int]] = {
        "fp32": ("fp32", 72), "fp32, other device batch": ("fp32", 36),
        **{p: (p, 72) for p in precisions if p != "fp32"},
    }  # fmt: skip
    made = {name: attacked(world, target, alpha, *how) for name, how in runs.items()}
    plain = made["fp32"]
    rows = []
    for name, result in made.items():
        # "same": the latent at this rank grew from the same candidate as in fp32.
        same = f"{100 * float((result.indices == plain.indices).double().mean()):.0f}"
        judges = precisions if name == "fp32" else ["fp32"]
        for judge in judges:
            scores = scored(world, result.latents, judge)
            rows.append(
                (
                    f"α = {alpha:g}", name, judge, f"{100 * scores.acc1:.1f}",
                    f"{100 * scores.acc5:.1f}", f"{scores.delta_face:.4f}",
                    f"{float(result.scores.mean()):.4f}", same, f"{result.seconds:.1f}",
                )
            )  # fmt: skip
    return rows


def main(arguments: Sequence[str]) -> int:
    """Print both tables."""
    options = argparse.ArgumentParser(prog="run.py precision", description=__doc__)
    options.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    options.add_argument("--turns", type=int, default=15, help="timed steps")
    told = options.parse_args(arguments)
    device = choose_device(told.device)
    cuda = device == "cuda"
    precisions: list[Precision] = ["fp32", "tf32", "bf16"] if cuda else ["fp32", "bf16"]
    name = torch.cuda.get_device_name() if cuda else f"CPU, {torch.get_num_threads()} thread(s)"
    print(f"{name}, PyTorch {torch.__version__}\n")
    made = world(device)
    targets = {
        alpha: trained(made.study, attack_of(alpha).target, made.few, device)
        for alpha in (0.0, -0.05)
    }
    print(markdown(STEP, step_rows(made, targets[0.0], precisions, told.turns)), end="\n\n")
    rows = [
        row for alpha, target in targets.items()
        for row in metric_rows(made, alpha, target, precisions)
    ]  # fmt: skip
    print(markdown(METRICS, rows))
    return 0
