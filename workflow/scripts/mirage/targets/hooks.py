"""Where each architecture's four main stages end, for parts that look at hidden activations.

Here and not beside the networks: planning refuses a treatment whose activations an architecture
has not, and imports no torch. Inception-v3 has no four stages that the paper speaks of.
"""

from collections.abc import Mapping
from types import MappingProxyType

NAMES = ("stage1", "stage2", "stage3", "stage4")
"""Names that parts ask for, from the image on."""


def _ends(*modules: str) -> Mapping[str, str]:
    return dict(zip(NAMES, modules, strict=True))


_RESIDUAL = _ends(*(f"trunk.layer{stage}" for stage in (1, 2, 3, 4)))

STAGES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "resnet152": _RESIDUAL,
        "resnet50": _RESIDUAL,
        "resnet18": _RESIDUAL,
        "resnext50": _RESIDUAL,
        "densenet121": _ends(*(f"trunk.features.denseblock{block}" for block in (1, 2, 3, 4))),
        "resnet-mini": _ends("trunk.1", "trunk.2", "trunk.3", "trunk.4"),
        "resnext-mini": _ends("trunk.1", "trunk.2", "trunk.3", "trunk.4"),
        "densenet-mini": _ends("trunk.3", "trunk.9", "trunk.15", "trunk.21"),  # dense blocks
        "convnet-mini": _ends("trunk.0", "trunk.1", "trunk.2", "trunk.3"),  # after pooling
    }
)
"""Architecture -> name -> the submodule whose output it is."""
