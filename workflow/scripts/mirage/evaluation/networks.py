"""Evaluation networks: how an image becomes features, and for classifiers logits.

All take images in [-1, 1] and are frozen. ``classifier`` are files of our own; ``facenet`` is
InceptionResnetV1 with the VGGFace2 state dict of facenet-pytorch, unit-length embeddings of 512
values; ``inception_fid`` the state dict ``pt_inception-2015-12-05`` of pytorch-fid, 2,048 pooled
features (see ``inception`` for the official input range).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

import torch
from torch import Tensor

from mirage.errors import MirageError
from mirage.evaluation.evaluator import remap
from mirage.evaluation.fidelity import PAPER, Fidelity
from mirage.evaluation.inputs import INPUTS
from mirage.evaluation.recipe import NetworkSpec
from mirage.numerics import autocast
from mirage.recipes import Precision


class Embedded(NamedTuple):
    """Features [N, D] and, of networks that classify, logits [N, K]; float32."""

    features: Tensor
    logits: Tensor | None


Forward = Callable[[Tensor], Embedded]


class NetworkKind(NamedTuple):
    """One kind of network.

    Attributes:
        load: (weights file, device) -> forward pass on images in [-1, 1].
        paper_input: what the official code feeds the network for an image in [-1, 1]; None where
            that is the image itself.
    """

    load: Callable[[Path, str], Forward]
    paper_input: Callable[[Tensor], Tensor] | None = None


def _load_classifier(path: Path, device: str) -> Forward:
    """A classifier of ours; penultimate features and logits from one pass."""
    from mirage.targets.weights import load_classifier

    model = load_classifier(path, device)

    def forward(images: Tensor) -> Embedded:
        features = model.features(images)
        return Embedded(features, model.head(features))

    return forward


def _load_foreign(kind: str, path: Path, device: str) -> Forward:
    """A network of others, as published or as imported, that gives features alone."""
    from mirage.foreign.file_kinds import ForeignRecipe, load_foreign

    model = load_foreign(ForeignRecipe(kind), path).to(device)
    return lambda images: Embedded(model(images), None)


KINDS = {
    "classifier": NetworkKind(_load_classifier),
    "facenet": NetworkKind(partial(_load_foreign, "facenet")),
    "inception_fid": NetworkKind(
        partial(_load_foreign, "inception_fid"), lambda images: 2 * images - 1
    ),
}
"""Kinds by the name they have in the configuration."""


@dataclass(frozen=True)
class EvaluationNetwork:
    """A loaded network; see ``load_network``.

    Attributes:
        spec: its settings.
        forward: images in [-1, 1] on the device -> features and logits.
        device: where it computes.
        precision: arithmetic of its forward pass; see ``mirage.numerics``.
    """

    spec: NetworkSpec
    forward: Forward = field(repr=False)
    device: str
    precision: Precision = "fp32"

    def at(self, precision: Precision) -> Self:
        """The same network at another precision."""
        return replace(self, precision=precision)

    @property
    def has_paper_input(self) -> bool:
        """Whether the two fidelities differ even for images within [-1, 1]."""
        return self.spec.remap or KINDS[self.spec.kind].paper_input is not None

    @torch.inference_mode()
    def embed(self, images: Tensor, fidelity: Fidelity = "corrected") -> Embedded:
        """Embed images under one of the two readings; the spec says how they are enlarged.

        Args:
            images: float [N, C, px, px] with px the ``image_px`` of the spec, nominally in
                [-1, 1]; a generator may exceed that.
            fidelity: ``corrected`` clamps to [-1, 1], and re-maps where the spec says so;
                ``paper`` does neither, and rescales where the official code does (quirks
                clipped-pool, fid-range, remapped-evaluator).

        Returns:
            Features and logits on the device.

        Raises:
            MirageError: the images have another size.
        """
        if images.shape[-2:] != (self.spec.image_px, self.spec.image_px):
            raise MirageError(
                f"the {self.spec.kind} network was given images of {tuple(images.shape[-2:])} px",
                f"{self.spec.image_px} px, as image_px of the network says",
            )
        images = images.to(self.device)
        paper_input = KINDS[self.spec.kind].paper_input
        if fidelity != PAPER:
            images = images.clamp(-1, 1)
        if self.spec.input_px is not None:
            images = INPUTS[self.spec.input](images, self.spec.input_px)
        if fidelity != PAPER:
            images = remap(images) if self.spec.remap else images
        elif paper_input is not None:
            images = paper_input(images)
        with autocast(self.precision, self.device):
            features, logits = self.forward(images)
        features = features.float() if self.precision == "bf16" else features
        if self.spec.l2_normalise:
            features = torch.nn.functional.normalize(features, dim=1)
        return Embedded(features, logits)


def load_network(spec: NetworkSpec, weights_path: str | Path, device: str) -> EvaluationNetwork:
    """Load an evaluation network, frozen and in eval mode.

    Raises:
        MirageError: the weights are missing or do not fit.
    """
    return EvaluationNetwork(spec, KINDS[spec.kind].load(Path(weights_path), device), device)


def load_networks(
    specs: Mapping[str, Mapping[str, object]], weights: Iterable[str | Path], device: str
) -> dict[str, EvaluationNetwork]:
    """Load the networks of all roles.

    Args:
        specs: role -> settings of a ``NetworkSpec``.
        weights: their weights files, in the same order.
        device: where they compute.

    Raises:
        MirageError: settings or weights do not fit.
    """
    return {
        role: load_network(NetworkSpec.of(spec), path, device)
        for (role, spec), path in zip(specs.items(), weights, strict=True)
    }
