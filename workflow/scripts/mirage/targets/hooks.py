"""Where each architecture's main stages end, for parts that look at hidden activations.

Here and not beside the networks: planning refuses a treatment whose activations an architecture
has not, and imports no torch. Inception-v3 has no four stages that the paper speaks of.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType

NAMES = ("stage1", "stage2", "stage3", "stage4")
"""Names that parts ask for, from the image on."""
FIFTH = "stage5"
"""VGG-16's last: what its classifier sees."""
INPUT = "input"
"""The image as the network's first layer sees it, where that is not its input."""


def stages_of(names: Collection[str]) -> tuple[str, ...]:
    """The four stages, and the fifth where it is among these names."""
    return (*NAMES, FIFTH) if FIFTH in names else NAMES


def _ends(*modules: str) -> Mapping[str, str]:
    return dict(zip(NAMES, modules, strict=True))


def _vgg(*blocks: str) -> Mapping[str, str]:
    """Four blocks after pooling; the fifth flattened and normalised (BiDO's repository)."""
    return {INPUT: "trunk.range", **_ends(*blocks), FIFTH: "trunk.norm"}


_RESIDUAL = _ends(*(f"trunk.layer{stage}" for stage in (1, 2, 3, 4)))

STAGES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "resnet152": _RESIDUAL,
        "resnet50": _RESIDUAL,
        "resnet18": _RESIDUAL,
        "resnext50": _RESIDUAL,
        "densenet121": _ends(*(f"trunk.features.denseblock{block}" for block in (1, 2, 3, 4))),
        "vgg16": _vgg(*(f"trunk.features.{pool}" for pool in (6, 13, 23, 33))),
        "ir50": {INPUT: "trunk.range", **_ends(*(f"trunk.body.{unit}" for unit in (2, 6, 20, 23)))},
        "resnet-mini": _ends("trunk.1", "trunk.2", "trunk.3", "trunk.4"),
        "resnext-mini": _ends("trunk.1", "trunk.2", "trunk.3", "trunk.4"),
        "densenet-mini": _ends("trunk.3", "trunk.9", "trunk.15", "trunk.21"),  # dense blocks
        "convnet-mini": _ends("trunk.0", "trunk.1", "trunk.2", "trunk.3"),  # after pooling
        "vgg-mini": _vgg(*(f"trunk.block{block}" for block in (1, 2, 3, 4))),
    }
)
"""Architecture -> name -> the submodule whose output it is."""
