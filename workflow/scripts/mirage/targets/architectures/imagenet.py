"""The paper's networks from torchvision (B.2, B.3); only the last linear layer is replaced.

torchvision is imported where a network is built: it costs seconds that demo jobs need not pay.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mirage.foreign.layout import Layout, fit, layout_of
from mirage.foreign.reading import read_state
from mirage.recipes import require
from mirage.targets.architectures.classifier import Blueprint, Classifier, register
from mirage.targets.architectures.layers import StreamDropout

IMAGENET_CLASSES = 1000
# torchvision's DenseNet files still have names that Python modules may not have any more.
_RENAMES = ((r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2."),)


class Original(NamedTuple):
    """A network as torchvision builds it.

    Attributes:
        name: of torchvision's constructor.
        last: its last linear layer.
        image_px: side of the images it was designed for.
    """

    name: str
    last: str
    image_px: int = 224


ORIGINALS = {
    "resnet152": Original("resnet152", "fc"),
    "resnet50": Original("resnet50", "fc"),
    "resnet18": Original("resnet18", "fc"),
    "resnext50": Original("resnext50_32x4d", "fc"),
    "densenet121": Original("densenet121", "classifier"),
    "inception-v3": Original("inception_v3", "fc", 299),
}
"""Registered name -> torchvision's network."""


@register("resnet152")
def resnet152(plan: Blueprint) -> Classifier:
    """ResNet-152 (He et al. 2016)."""
    return _with_head(plan, "resnet152")


@register("resnet50")
def resnet50(plan: Blueprint) -> Classifier:
    """ResNet-50 (He et al. 2016); the student of the knowledge extraction score."""
    return _with_head(plan, "resnet50")


@register("resnet18")
def resnet18(plan: Blueprint) -> Classifier:
    """ResNet-18 (He et al. 2016)."""
    return _with_head(plan, "resnet18")


@register("resnext50")
def resnext50(plan: Blueprint) -> Classifier:
    """ResNeXt-50 32x4d (Xie et al. 2017)."""
    return _with_head(plan, "resnext50")


@register("densenet121")
def densenet121(plan: Blueprint) -> Classifier:
    """DenseNet-121 (Huang et al. 2017)."""
    return _with_head(plan, "densenet121")


class InceptionClassifier(Classifier):
    """Inception-v3, which carries an auxiliary head in training."""

    def features(self, x: Tensor) -> Tensor:
        """Penultimate activations [N, 2048], after dropout in training mode."""
        output = self.trunk(x)
        activations: Tensor = output[0] if isinstance(output, tuple) else output
        return activations

    def training_logits(self, x: Tensor, *noise: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits [N, K] and the auxiliary head's, [N, 1000] in ``paper`` fidelity."""
        activations, auxiliary = self.trunk(x)
        return self.head(activations, *noise), auxiliary


@register("inception-v3")
def inception_v3(plan: Blueprint) -> Classifier:
    """Inception-v3 (Szegedy et al. 2016), the evaluation model, for images of 299 px.

    torchvision's input re-mapping (``transform_input``) stays off. The official evaluators were
    trained with it on and then used with it off (quirk remapped-evaluator); here both are off.
    """
    with _from(plan.generator):
        network = _network("inception-v3", plan, init_weights=plan.init is None)
        network.dropout = StreamDropout(0.5)
        if plan.auxiliary == "corrected":
            network.AuxLogits.fc = nn.Linear(network.AuxLogits.fc.in_features, plan.classes)
        require(
            network.AuxLogits.fc.out_features >= plan.classes,
            "classes",
            plan.classes,
            "no more than the auxiliary head's 1000 outputs, or auxiliary: corrected",
        )
        model = InceptionClassifier(
            network, _replace(network, "inception-v3", plan.classes), 3, 299
        )
    model.auxiliary = plan.auxiliary
    model.auxiliary_weight = 1.0 if plan.auxiliary == "paper" else 0.4
    return model


def original(architecture: str, classes: int = IMAGENET_CLASSES, **options: Any) -> Any:
    """Build torchvision's own network, all layers and names as published.

    Args:
        architecture: a name of ``ORIGINALS``.
        classes: outputs of the last layer; Inception's auxiliary head keeps its 1,000 (quirk
            auxiliary-head).
        options: more for torchvision's constructor.
    """
    from torchvision import models

    known = ORIGINALS[architecture]
    if architecture == "inception-v3":
        options = {"aux_logits": True, "transform_input": False, "init_weights": False} | options
    constructor: Callable[..., nn.Module] = getattr(models, known.name)
    network = constructor(weights=None, num_classes=IMAGENET_CLASSES, **options)
    if classes != IMAGENET_CLASSES:
        inputs = getattr(network, known.last).in_features
        setattr(network, known.last, nn.Linear(inputs, classes))
    return network


def original_layout(architecture: str, classes: int = IMAGENET_CLASSES) -> Layout:
    """What a file of such a network's weights holds."""
    with torch.device("meta"):
        network = original(architecture, classes)
    return layout_of(network, f"{architecture} with {classes} classes", renames=_RENAMES)


def _with_head(plan: Blueprint, architecture: str) -> Classifier:
    with _from(plan.generator):
        network = _network(architecture, plan)
        return Classifier(network, _replace(network, architecture, plan.classes), 3, 224)


def _replace(network: nn.Module, architecture: str, classes: int) -> nn.Linear:
    """Cut the last linear layer off ``network`` and return a fresh one for K classes."""
    last = ORIGINALS[architecture].last
    old: nn.Linear = getattr(network, last)
    setattr(network, last, nn.Identity())
    return nn.Linear(old.in_features, classes)


def _network(architecture: str, plan: Blueprint, **options: Any) -> Any:
    require(plan.channels == 3, "channels", plan.channels, f"3 channels for {architecture}")
    network = original(architecture, **options)
    if plan.init is not None:
        layout = layout_of(network, f"{architecture} of ImageNet", renames=_RENAMES)
        network.load_state_dict(fit(read_state(plan.init), layout, plan.init))
    return network


@contextmanager
def _from(generator: torch.Generator) -> Iterator[None]:
    """Let torchvision draw its weights from ``generator``.

    Its constructors know only PyTorch's global CPU state, so that state is seeded for the length
    of the block and put back afterwards; no one else sees a difference.
    """
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(generator.initial_seed())
    try:
        yield
    finally:
        torch.set_rng_state(before)
