"""What following an attack's gradients takes beside the attack itself."""

import argparse
from collections.abc import Sequence

import torch
from mirage.attacks.given import Given
from mirage.attacks.kinds.ppa.optimise import optimise_latents
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.evaluation.measures.gradients.pairs import Pairs
from mirage.evaluation.measures.gradients.walk import WalkedModel, walk
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2.generator import Generator
from mirage.priors.weights import frozen, load_generator
from mirage.recipes import Precision
from mirage.runtime.checkpoint import Checkpoint
from mirage.targets.architectures import build

from benchmarks.paired import Ratio, paired
from benchmarks.run import PRIOR
from benchmarks.table import markdown


def model(size: str, device: str, steps: int, precision: Precision) -> WalkedModel:
    """The demo's prior and target, or networks of the paper's shapes with random weights."""
    if size == "demo":
        generator, crop_px, px = load_generator(PRIOR, device), 32, 32
        target = build("resnet-mini", 24, 1)
    else:
        generator = frozen(Generator(GeneratorConfig(1024)), device)
        crop_px, px, target = 800, 224, build("resnet152", 530, 3)
    recipe = OptimisationRecipe(steps, batch_size=6 if size == "demo" else 25, precision=precision)
    return WalkedModel(ImagePipeline(generator, crop_px), target.to(device).freeze(), px, recipe)


def compare(walked: WalkedModel, count: int, device: str, repetitions: int) -> Ratio:
    """Time both on as many latents; the ratio is the measure over the attack."""
    w_dim = walked.pipeline.generator.w_dim
    latents = torch.randn(count, w_dim, generator=torch.Generator().manual_seed(1))
    recipe = walked.recipe
    targets = torch.arange(count) // recipe.batch_size
    nothing = Checkpoint(None, {})

    def attack() -> None:
        classes = targets[:: recipe.batch_size].tolist()
        starts = latents.view(-1, recipe.batch_size, w_dim)
        crop_px = walked.pipeline.crop_px
        given = Given({}, {}, classes, walked.image_px, crop_px, 0, device, count, nothing)
        optimise_latents(given, recipe, walked.pipeline, walked.classifier, starts)

    def measure() -> None:
        walk(walked, Pairs(latents, targets), ["poincare"], 0, count, device, nothing)

    return paired(attack, measure, repetitions)


def main(options: Sequence[str]) -> int:
    """Compare at one size."""
    parser = argparse.ArgumentParser(prog="benchmarks/run.py gradients")
    parser.add_argument("--size", choices=("demo", "paper"), default="demo")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--latents", type=int, help="whole batches: of 6 in the demo, else of 25")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--precision", choices=("fp32", "tf32", "bf16"), default="fp32")
    chosen = parser.parse_args(options)
    count = chosen.latents or {"demo": 72, "paper": 50}[chosen.size]
    walked = model(chosen.size, chosen.device, chosen.steps, chosen.precision)
    ratio = compare(walked, count, chosen.device, chosen.repetitions)
    each = count * chosen.steps
    row = (
        f"{chosen.size}, {count} latents, {chosen.steps} steps, {chosen.precision}, "
        f"{chosen.device}",
        f"{1000 * ratio.ours / each:.2f} ms", f"{1000 * ratio.reference / each:.2f} ms",
        f"{ratio.median:.2f} ({ratio.low:.2f}..{ratio.high:.2f})",
    )  # fmt: skip
    header = ("size", "attack, a latent's step", "measure, a latent's step", "measure / attack")
    print(markdown(header, [row]))
    return 0
