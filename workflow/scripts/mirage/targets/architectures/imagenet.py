"""The paper's networks from torchvision (B.2, B.3); only the last linear layer is replaced.

torchvision is imported where a network is built: it costs seconds that demo jobs need not pay.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mirage.foreign.layout import Layout, fit, layout_of
from mirage.foreign.reading import read_state
from mirage.recipes import require
from mirage.targets.architectures.classifier import Blueprint, Builder, Classifier
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
    "resnet152": Original("resnet152", "fc"),  # He et al. 2016
    "resnet50": Original("resnet50", "fc"),  # the student of the knowledge extraction score
    "resnet18": Original("resnet18", "fc"),
    "resnext50": Original("resnext50_32x4d", "fc"),  # Xie et al. 2017
    "densenet121": Original("densenet121", "classifier"),  # Huang et al. 2017
    "inception-v3": Original("inception_v3", "fc", 299),  # Szegedy et al. 2016
    "vgg16": Original("vgg16_bn", "classifier.6"),  # Simonyan and Zisserman 2015; see ``lowres``
    # Tan and Le 2019; see ``efficientnet``.
    **{f"efficientnet-b{n}": Original(f"efficientnet_b{n}", "classifier.1") for n in (0, 1, 2)},
}
"""Name -> torchvision's network."""


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


def with_head(architecture: str, plan: Blueprint) -> Classifier:
    """One of ``ORIGINALS`` with a fresh last layer for the classes of the plan."""
    with drawing_from(plan.generator):
        trunk = _trunk(architecture, plan)
        return Classifier(trunk, _replaced(trunk, architecture, plan.classes), plan.channels)


def inception_v3(plan: Blueprint) -> Classifier:
    """Inception-v3, the evaluation model, for images of 299 px.

    torchvision's input re-mapping (``transform_input``) stays off. The official evaluators were
    trained with it on and then used with it off (quirk remapped-evaluator); here both are off.
    """
    with drawing_from(plan.generator):
        trunk = _trunk("inception-v3", plan, init_weights=plan.init is None)
        trunk.dropout = StreamDropout(0.5)
        if plan.auxiliary == "corrected":
            trunk.AuxLogits.fc = nn.Linear(trunk.AuxLogits.fc.in_features, plan.classes)
        head = _replaced(trunk, "inception-v3", plan.classes)
    require(
        trunk.AuxLogits.fc.out_features >= plan.classes,
        "classes",
        plan.classes,
        "no more than the auxiliary head's 1000 outputs, or auxiliary: corrected",
    )
    model = InceptionClassifier(trunk, head, plan.channels)
    model.auxiliary = plan.auxiliary
    model.auxiliary_weight = 1.0 if plan.auxiliary == "paper" else 0.4
    return model


# Where the last layer stands deeper, another module says what becomes of the network.
BUILDERS: dict[str, Builder] = {
    name: partial(with_head, name) for name, known in ORIGINALS.items() if "." not in known.last
}
BUILDERS["inception-v3"] = inception_v3


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
    network = getattr(models, known.name)(weights=None, num_classes=IMAGENET_CLASSES, **options)
    if classes != IMAGENET_CLASSES:
        owner, _, last = known.last.rpartition(".")
        part = network.get_submodule(owner)
        setattr(part, last, nn.Linear(getattr(part, last).in_features, classes))
    return network


def original_layout(architecture: str, classes: int = IMAGENET_CLASSES) -> Layout:
    """What a file of such a network's weights holds."""
    with torch.device("meta"):
        network = original(architecture, classes)
    return layout_of(network, f"{architecture} with {classes} classes", renames=_RENAMES)


def _trunk(architecture: str, plan: Blueprint, **options: Any) -> Any:
    require(plan.channels == 3, "channels", plan.channels, f"3 channels for {architecture}")
    network = original(architecture, **options)
    if plan.init is not None:
        layout = original_layout(architecture)
        network.load_state_dict(fit(read_state(plan.init), layout, plan.init))
    return network


def _replaced(network: nn.Module, architecture: str, classes: int) -> nn.Linear:
    """Cut the last linear layer off ``network`` and return a fresh one for K classes."""
    last = ORIGINALS[architecture].last
    inputs = getattr(network, last).in_features
    setattr(network, last, nn.Identity())
    return nn.Linear(inputs, classes)


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Let PyTorch's own layers draw their weights from ``generator``.

    Their constructors know only PyTorch's global CPU state, so that state is seeded for the length
    of the block and put back afterwards; no one else sees a difference.
    """
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(generator.initial_seed())
    try:
        yield
    finally:
        torch.set_rng_state(before)
