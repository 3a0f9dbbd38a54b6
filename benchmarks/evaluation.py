"""Evaluation of one attack at the size of the demo: features and the student behind xi."""

from collections.abc import Callable, Iterable
from functools import partial

import torch
from mirage.data.views import LabelledImages
from mirage.evaluation.features import EmbeddedAttack, embed_attack
from mirage.evaluation.networks import Embedded, EvaluationNetwork
from mirage.evaluation.recipe import KnowledgeRecipe, NetworkSpec
from mirage.evaluation.student import extract_knowledge
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.stylegan2.generator import Generator
from mirage.runtime.checkpoint import Checkpoint
from mirage.targets.architectures import Classifier, build
from mirage.targets.images import network_range
from torch import Tensor

from benchmarks.attack import official_images
from benchmarks.paired import Ratio, paired
from benchmarks.reference import evaluation as reference
from benchmarks.table import Row, relative

STUDENT = "resnet-mini"
BATCH = 8
FORWARD_BATCH = 250


class Counting:
    """A renderer that counts the latents it synthesises."""

    def __init__(self, render: Callable[[Tensor], Tensor]) -> None:
        """Start at zero."""
        self.render, self.passes = render, 0

    def __call__(self, w: Tensor) -> Tensor:
        """Render latents [N, w_dim]."""
        self.passes += len(w)
        return self.render(w)

    def sizes(
        self, w: Tensor, sizes: Iterable[int], labels: Tensor | None = None
    ) -> dict[int, Tensor]:
        """Render once for all sizes, as ``ImagePipeline.sizes`` (one size in the demo)."""
        images = self(w)
        return {size: images for size in sizes}


def network(model: Classifier, image_px: int) -> EvaluationNetwork:
    """Wrap a classifier as an evaluation network."""

    def forward(images: Tensor) -> Embedded:
        features = model.features(images)
        return Embedded(features, model.head(features))

    return EvaluationNetwork(NetworkSpec("classifier", image_px), forward, "cpu")


def rows(generator: Generator, real: LabelledImages) -> list[Row]:
    """Synthesis passes, and wall time of embedding and student."""
    return compare(generator, real, per_class=3, epochs=25, repetitions=3)


def compare(
    generator: Generator, real: LabelledImages, per_class: int, epochs: int, repetitions: int
) -> list[Row]:
    """Run both on ``per_class`` latents of every class of ``real``."""
    px, channels, count = generator.image_px, generator.config.image_channels, real.classes
    draws = torch.randn(
        count * per_class, generator.z_dim, generator=torch.Generator().manual_seed(2)
    )
    with torch.no_grad():
        latents = generator.mapping(draws)
    labels = torch.arange(count).repeat_interleave(per_class)
    models = {
        name: build("convnet-mini", count, channels, seed=seed).freeze()
        for seed, name in enumerate(("eval", "face", "fid"))
    }
    networks = {name: network(model, px) for name, model in models.items()}
    recipe = KnowledgeRecipe(STUDENT, px, epochs=epochs, batch_size=BATCH)
    own = Counting(partial(ImagePipeline(generator, px).images, image_px=px))
    theirs = Counting(official_images(generator))
    pixels = network_range(real.pixels)

    def ours() -> EmbeddedAttack:
        own.passes = 0
        embedded = embed_attack(
            own, networks, latents.view(count, per_class, -1), torch.arange(count), px, px,
            FORWARD_BATCH, "cpu", Checkpoint(None, {}),
        )  # fmt: skip
        images = embedded.images
        extract_knowledge(images, labels, real, real, recipe, 0, Checkpoint(None, {}), "cpu")
        return embedded

    def official() -> dict[str, Tensor]:
        theirs.passes = 0
        outputs = reference.embed(
            theirs, {name: model.features for name, model in models.items()}, latents, BATCH
        )
        student = build(STUDENT, count, channels, seed=0)
        reference.knowledge(theirs, student, latents, labels, (pixels, real.labels), epochs, BATCH)
        return outputs

    ratio = paired(ours, official, repetitions)
    gap = features_gap(ours(), official())
    saved = theirs.passes / own.passes
    passes = Ratio(saved, saved, saved, own.passes, theirs.passes)
    agreement = ("features", gap)
    return [
        Row("evaluation, synthesis passes", passes, "passes", 3.0, agreement, 1e-4),
        Row("evaluation, embedding and student", ratio, "s", None, agreement, 1e-4),
    ]


def features_gap(embedded: EmbeddedAttack, outputs: dict[str, Tensor]) -> float:
    """Largest relative difference of the features, which every metric is computed from."""
    gaps = []
    for metric, name in reference.PASSES.items():
        ours = torch.from_numpy(embedded.features.of(name, "paper")).flatten(0, 1)
        gaps.append(relative(ours, outputs[metric]))
    return max(gaps)
