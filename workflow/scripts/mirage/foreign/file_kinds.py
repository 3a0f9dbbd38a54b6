"""The networks whose weights come from elsewhere, by kind.

Each kind states what its file holds (``Layout``), how the network is built from that, and how the
imported file looks. torchvision and facenet-pytorch are imported where a network is built.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mirage.errors import MirageError
from mirage.foreign.layout import Layout, fit, layout_of
from mirage.foreign.reading import read_state
from mirage.recipes import Recipe, require
from mirage.runtime.files import save_tensors
from mirage.visible import listed

StateDict = dict[str, Tensor]


class Foreign(NamedTuple):
    """One network as others publish it.

    Attributes:
        layout: what its file holds.
        build: fitted state dict -> the network, from images [N, C, px, px] to features or logits.
        write: (destination, fitted state dict, metadata): the imported file.
        image_px: side of the image it is tried on.
    """

    layout: Layout
    build: Callable[[StateDict], nn.Module]
    write: Callable[[Path, StateDict, Mapping[str, Any]], None]
    image_px: int


@dataclass(frozen=True)
class ForeignRecipe(Recipe):
    """Which network a file holds.

    Attributes:
        kind: ``imagenet``, ``classifier`` (a released evaluator or target), ``facenet`` or
            ``inception_fid``.
        architecture: of the first two, a registered name.
        classes: outputs of a ``classifier``.
        channels: colour channels of its images.
        image_px: side of the image a ``classifier`` is tried on.
    """

    kind: str
    architecture: str | None = None
    classes: int | None = None
    channels: int = 3
    image_px: int | None = None

    def __post_init__(self) -> None:
        require(self.kind in KINDS, "kind", self.kind, f"one of {listed(KINDS)}")
        named = self.kind not in ("imagenet", "classifier") or self.architecture is not None
        require(named, "architecture", self.architecture, f"a name, for the kind {self.kind}")
        sized = self.kind != "classifier" or None not in (self.classes, self.image_px)
        require(sized, "classes and image_px", None, "numbers, for the kind classifier")


def describe(recipe: ForeignRecipe) -> Foreign:
    """The network a recipe means.

    Raises:
        MirageError: its architecture is not one that others publish.
    """
    return KINDS[recipe.kind](recipe)


def load_foreign(recipe: ForeignRecipe, path: str | Path) -> nn.Module:
    """Build a network from a file, published or imported; frozen, in eval mode, on the CPU.

    Raises:
        MirageError: the file cannot be read or holds another network.
    """
    network = describe(recipe)
    return freeze(network.build(fit(read_state(path), network.layout, path)))


def freeze(network: nn.Module) -> nn.Module:
    """Switch to eval mode and stop all gradients of the weights."""
    return network.eval().requires_grad_(False)


def _filled(make: Callable[[], Any]) -> Callable[[StateDict], nn.Module]:
    """Build without drawing weights that are replaced at once."""

    def build(state: StateDict) -> nn.Module:
        with torch.device("meta"):
            network: nn.Module = make()
        # Clones lie where PyTorch puts its own tensors: kernels round by the place in memory.
        network.load_state_dict({n: t.clone() for n, t in state.items()}, assign=True)
        return network

    return build


def _imagenet(recipe: ForeignRecipe) -> Foreign:
    """ImageNet weights of torchvision, all layers."""
    from mirage.targets.architectures.imagenet import ORIGINALS, original, original_layout

    name = recipe.architecture or ""
    if name not in ORIGINALS:
        raise MirageError(
            f"there are no published ImageNet weights of {name!r}",
            f"one of {listed(ORIGINALS)}",
            "take the architecture's `init` out of the configuration",
        )
    build = _filled(lambda: original(name))
    return Foreign(original_layout(name), build, save_tensors, ORIGINALS[name].image_px)


def _facenet(_: ForeignRecipe) -> Foreign:
    """facenet-pytorch's InceptionResnetV1; its VGGFace2 file also holds the training's logits."""
    from facenet_pytorch import InceptionResnetV1

    with torch.device("meta"):
        layout = layout_of(InceptionResnetV1(), "FaceNet (VGGFace2)", ignored=("logits.",))
    return Foreign(layout, _filled(InceptionResnetV1), save_tensors, 160)


def _inception_fid(_: ForeignRecipe) -> Foreign:
    """The FID Inception, 1,008 outputs; pytorch-fid's and torch-fidelity's file are one."""
    from mirage.evaluation.inception import bare_inception, fid_inception

    with torch.device("meta"):
        layout = layout_of(bare_inception(), "the FID Inception with 1008 outputs")
    return Foreign(layout, fid_inception, save_tensors, 299)


def _classifier(recipe: ForeignRecipe) -> Foreign:
    """A classifier of our own architectures, released by others in torchvision's or own names."""
    from mirage.targets.architectures import build
    from mirage.targets.architectures.imagenet import ORIGINALS, original_layout
    from mirage.targets.architectures.lowres import RELEASED
    from mirage.targets.weights import save_classifier

    name, classes = str(recipe.architecture), int(recipe.classes or 0)
    if name in ORIGINALS and name not in RELEASED:
        layout, last = original_layout(name, classes), f"{ORIGINALS[name].last}."
    else:
        model = build(name, classes, recipe.channels)
        renames = RELEASED.get(name, ())
        layout = layout_of(model, f"{name} with {classes} classes", renames=renames)
        last = None

    def our_name(name: str) -> str:
        # Our classifiers keep the last layer apart from the trunk.
        if last is None:
            return name
        return f"head.{name[len(last) :]}" if name.startswith(last) else f"trunk.{name}"

    def ours(state: StateDict) -> nn.Module:
        model = build(name, classes, recipe.channels)
        model.load_state_dict({our_name(key): value for key, value in state.items()})
        return model

    def write(path: Path, state: StateDict, metadata: Mapping[str, Any]) -> None:
        save_classifier(path, ours(state), metadata)  # type: ignore[arg-type]

    return Foreign(layout, ours, write, int(recipe.image_px or 0))


KINDS = {
    "imagenet": _imagenet,
    "classifier": _classifier,
    "facenet": _facenet,
    "inception_fid": _inception_fid,
}
