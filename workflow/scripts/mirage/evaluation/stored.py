"""Stored features: what embedding leaves behind and scoring starts from.

NumPy only, so that a scoring job starts without loading torch.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mirage.errors import MirageError
from mirage.evaluation.fidelity import CORRECTED, Fidelity
from mirage.runtime import files
from mirage.visible import listed

Array = NDArray[Any]


@dataclass(frozen=True)
class AttackFeatures:
    """Embedded attack images of K classes, m each, in order of selection score.

    Attributes:
        classes: the attacked classes, int64 [K].
        features: "network.fidelity" -> float32 [K, m, D].
        logits: "network.fidelity" -> float32 [K, m, N], for networks that classify.
    """

    classes: NDArray[np.int64]
    features: Mapping[str, Array]
    logits: Mapping[str, Array]

    def of(self, network: str, fidelity: Fidelity) -> Array:
        """Features [K, m, D] in one network.

        Raises:
            MirageError: the network embedded nothing.
        """
        return _one(self.features, "features", network, fidelity)

    def logits_of(self, network: str, fidelity: Fidelity) -> Array:
        """Logits [K, m, N] of one network.

        Raises:
            MirageError: the network embedded nothing or is no classifier.
        """
        return _one(self.logits, "logits", network, fidelity)

    def save(self, path: str | Path, metadata: Mapping[str, Any] | None = None) -> None:
        """Write one safetensors file."""
        _save(path, self, metadata)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what ``save`` wrote.

        Raises:
            MirageError: the file is missing, damaged or holds something else.
        """
        return cls(*_load(path, "classes"))


@dataclass(frozen=True)
class RealFeatures:
    """Embedded private training images.

    Attributes:
        labels: their classes, int64 [N].
        features: "network.fidelity" -> float32 [N, D]; where both fidelities feed the network the
            same images, only ``corrected`` is there.
    """

    labels: NDArray[np.int64]
    features: Mapping[str, Array]

    def of(self, network: str, fidelity: Fidelity) -> Array:
        """Features [N, D] in one network.

        Raises:
            MirageError: the network embedded nothing.
        """
        held = f"{network}.{fidelity}" in self.features
        return _one(self.features, "features", network, fidelity if held else CORRECTED)

    def save(self, path: str | Path, metadata: Mapping[str, Any] | None = None) -> None:
        """Write one safetensors file."""
        _save(path, self, metadata)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what ``save`` wrote.

        Raises:
            MirageError: the file is missing, damaged or holds something else.
        """
        labels, features, _ = _load(path, "labels")
        return cls(labels, features)


def networks(*held: AttackFeatures | RealFeatures) -> set[str]:
    """Names of the networks that embedded any of these images."""
    return {name.partition(".")[0] for features in held for name in features.features}


def _one(arrays: Mapping[str, Array], kind: str, network: str, fidelity: Fidelity) -> Array:
    name = f"{network}.{fidelity}"
    if name not in arrays:
        raise MirageError(
            f"there are no {kind} of the evaluation network {network!r} ({fidelity})",
            f"one of {listed(sorted(arrays))}",
            "name it among the evaluation networks and embed again",
        )
    return arrays[name]


def _save(
    path: str | Path, held: AttackFeatures | RealFeatures, metadata: Mapping[str, Any] | None
) -> None:
    from safetensors.numpy import save

    arrays: dict[str, Array] = {}
    for field, value in vars(held).items():
        if isinstance(value, Mapping):
            arrays |= {f"{field}.{name}": array for name, array in value.items()}
        else:
            arrays[field] = value
    header = {"mirage": json.dumps(dict(metadata or {}), sort_keys=True)}
    content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, header)
    with files.writing(path) as temporary:
        temporary.write_bytes(content)


def _load(path: str | Path, index: str) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    from safetensors.numpy import load_file

    files.read_metadata(path)  # refuses a missing, damaged or foreign file in plain words
    arrays = load_file(path)
    if index not in arrays:
        raise MirageError(
            f"{path} holds no {index!r}",
            "a file of embedded images, of attack or of real ones as asked",
            "delete it; the next run makes it anew",
        )
    groups: dict[str, dict[str, Array]] = {"features": {}, "logits": {}}
    for name, array in arrays.items():
        group, _, key = name.partition(".")
        if group in groups:
            groups[group][key] = array
    return arrays[index], groups["features"], groups["logits"]
