"""The paper's networks from torchvision (B.2, B.3); only the last linear layer is replaced.

torchvision is imported where a network is built: it costs seconds that demo jobs need not pay.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mirage.errors import MirageError
from mirage.recipes import require
from mirage.runtime import files
from mirage.targets.architectures.layers import StreamDropout
from mirage.targets.architectures.registry import Classifier, Plan, register

IMAGENET_CLASSES = 1000


@register("resnet152")
def resnet152(plan: Plan) -> Classifier:
    """ResNet-152 (He et al. 2016)."""
    return _with_head(plan, "resnet152", "fc")


@register("resnet50")
def resnet50(plan: Plan) -> Classifier:
    """ResNet-50 (He et al. 2016); the student of the knowledge extraction score."""
    return _with_head(plan, "resnet50", "fc")


@register("resnet18")
def resnet18(plan: Plan) -> Classifier:
    """ResNet-18 (He et al. 2016)."""
    return _with_head(plan, "resnet18", "fc")


@register("resnext50")
def resnext50(plan: Plan) -> Classifier:
    """ResNeXt-50 32x4d (Xie et al. 2017)."""
    return _with_head(plan, "resnext50_32x4d", "fc")


@register("densenet121")
def densenet121(plan: Plan) -> Classifier:
    """DenseNet-121 (Huang et al. 2017)."""
    return _with_head(plan, "densenet121", "classifier")


class InceptionClassifier(Classifier):
    """Inception-v3, which carries an auxiliary head in training."""

    def features(self, x: Tensor) -> Tensor:
        """Penultimate activations [N, 2048], after dropout in training mode."""
        output = self.trunk(x)
        activations: Tensor = output[0] if isinstance(output, tuple) else output
        return activations

    def training_logits(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits [N, K] and the auxiliary head's, [N, 1000] in ``paper`` fidelity."""
        activations, auxiliary = self.trunk(x)
        return self.head(activations), auxiliary


@register("inception-v3")
def inception_v3(plan: Plan) -> Classifier:
    """Inception-v3 (Szegedy et al. 2016), the evaluation model, for images of 299 px.

    torchvision's input re-mapping (``transform_input``) stays off. The official evaluators were
    trained with it on and then used with it off (facts of the PPA code); here both are off.
    """
    with _from(plan.generator):
        network = _network(
            "inception_v3",
            plan,
            aux_logits=True,
            transform_input=False,
            init_weights=plan.init is None,
        )
        network.dropout = StreamDropout(0.5)
        if plan.auxiliary == "corrected":
            network.AuxLogits.fc = nn.Linear(network.AuxLogits.fc.in_features, plan.classes)
        require(
            network.AuxLogits.fc.out_features >= plan.classes,
            "classes",
            plan.classes,
            "no more than the auxiliary head's 1000 outputs, or auxiliary: corrected",
        )
        model = InceptionClassifier(network, _replace(network, "fc", plan.classes), 3, 299)
    model.auxiliary = plan.auxiliary
    model.auxiliary_weight = 1.0 if plan.auxiliary == "paper" else 0.4
    return model


def _with_head(plan: Plan, torchvision_name: str, last: str) -> Classifier:
    with _from(plan.generator):
        network = _network(torchvision_name, plan)
        return Classifier(network, _replace(network, last, plan.classes), 3, 224)


def _replace(network: nn.Module, last: str, classes: int) -> nn.Linear:
    """Cut the last linear layer off ``network`` and return a fresh one for K classes."""
    old: nn.Linear = getattr(network, last)
    setattr(network, last, nn.Identity())
    return nn.Linear(old.in_features, classes)


def _network(torchvision_name: str, plan: Plan, **options: Any) -> Any:
    from torchvision import models

    require(plan.channels == 3, "channels", plan.channels, f"3 channels for {torchvision_name}")
    constructor: Callable[..., nn.Module] = getattr(models, torchvision_name)
    network = constructor(weights=None, num_classes=IMAGENET_CLASSES, **options)
    if plan.init is not None:
        _load_imagenet(network, plan.init, torchvision_name)
    return network


def _load_imagenet(network: nn.Module, path: Path, torchvision_name: str) -> None:
    state = _read(path)
    # torchvision's DenseNet files still have names that Python modules may not have any more.
    state = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", key): value
        for key, value in state.items()
    }
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise MirageError(
            f"{path} does not fit {torchvision_name} ({str(error)[:300]})",
            "torchvision's ImageNet weights of this architecture",
            "correct the path of the weights in the configuration",
        ) from error


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        return files.load_tensors(path)
    if not path.exists():
        raise MirageError(f"{path} is missing", remedy="fetch the ImageNet weights first")
    try:
        state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch raises many kinds here: pickle, zip, runtime and end-of-file errors.
        raise MirageError(
            f"{path} cannot be read ({str(error)[:200]})",
            "a plain state dict saved by PyTorch, or safetensors",
            "fetch the file again",
        ) from error
    return state


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
