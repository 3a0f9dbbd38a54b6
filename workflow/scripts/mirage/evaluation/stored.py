"""Stored features: what embedding leaves behind and scoring starts from.

NumPy only, so that a scoring job starts without loading torch.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from mirage.errors import MirageError
from mirage.evaluation.fidelity import CORRECTED, Fidelity
from mirage.runtime import files
from mirage.visible import listed

Array = NDArray[Any]
Value = TypeVar("Value")


class Stored:
    """Arrays in a file of their own: one by itself, the others in groups under names."""

    def save(self, path: str | Path) -> None:
        """Write one safetensors file."""
        from safetensors.numpy import save

        arrays: dict[str, Array] = {}
        for field, value in vars(self).items():
            if isinstance(value, Mapping):
                arrays |= {f"{field}.{name}": array for name, array in value.items()}
            else:
                arrays[field] = value
        ready = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        with files.writing(path) as temporary:
            temporary.write_bytes(save(ready, {"mirage": "{}"}))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Open what ``save`` wrote: an array of a group is read whenever it is asked for.

        All of them fill gigabytes at the paper's scale, and scoring looks at one network at a time.

        Raises:
            MirageError: the file is missing, damaged or holds something else.
        """
        from safetensors import safe_open

        files.read_metadata(path)  # refuses a missing, damaged or foreign file in plain words
        index, *groups = [field.name for field in fields(cls)]  # type: ignore[arg-type]
        with safe_open(str(path), framework="np") as file:
            names = list(file.keys())
            first = file.get_tensor(index) if index in names else None
        if first is None:
            raise MirageError(
                f"{path} holds no {index!r}",
                "a file of embedded images, of attack or of real ones as asked",
                "delete it; the next run makes it anew",
            )
        held: dict[str, dict[str, str]] = {group: {} for group in groups}
        for name in names:
            group, _, key = name.partition(".")
            if key:
                held[group][key] = name
        made: Callable[..., Self] = cls
        return made(first, **{group: _OnDisk(path, own) for group, own in held.items()})


class _OnDisk(Mapping[str, Array]):
    """Arrays of a file, each read when it is asked for."""

    def __init__(self, path: str | Path, names: Mapping[str, str]) -> None:
        """Take the arrays' names in the file under their own."""
        self._path, self._names = path, names

    def __getitem__(self, name: str) -> Array:
        from safetensors import safe_open

        with safe_open(str(self._path), framework="np") as file:
            array: Array = file.get_tensor(self._names[name])
            return array

    def __contains__(self, name: object) -> bool:
        return name in self._names  # by default, whether it can be read

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class _Features(Stored):
    """Features under the names "network.fidelity"."""

    features: Mapping[str, Array]

    def of(self, network: str, fidelity: Fidelity) -> Array:
        """Features in one network: [K, m, D] of attack images, [N, D] of real ones.

        Raises:
            MirageError: the network embedded nothing.
        """
        held = f"{network}.{fidelity}" in self.features
        return _one(self.features, "features", network, fidelity if held else CORRECTED)


@dataclass(frozen=True)
class AttackFeatures(_Features):
    """Embedded attack images of K classes, m each, in order of selection score.

    Attributes:
        classes: the attacked classes, int64 [K].
        features: "network.fidelity" -> float32 [K, m, D].
        logits: "network.fidelity" -> float32 [K, m, N], for networks that classify.
    """

    classes: NDArray[np.int64]
    features: Mapping[str, Array]
    logits: Mapping[str, Array]

    def logits_of(self, network: str, fidelity: Fidelity) -> Array:
        """Logits [K, m, N] of one network.

        Raises:
            MirageError: the network embedded nothing or is no classifier.
        """
        return _one(self.logits, "logits", network, fidelity)


def best_logits(
    path: str | Path, network: str, fidelity: Fidelity
) -> tuple[NDArray[np.int64], Array]:
    """Read the logits of each class's best image alone: the whole file may hold gigabytes.

    Args:
        path: what ``AttackFeatures.save`` wrote.
        network: one that classifies.
        fidelity: of its logits.

    Returns:
        The attacked classes [K], and logits [K, 1, N].

    Raises:
        MirageError: the file is missing or damaged, or the network embedded nothing.
    """
    from safetensors import safe_open

    files.read_metadata(path)  # refuses a missing, damaged or foreign file in plain words
    with safe_open(str(path), framework="np") as file:
        names = [name for name in file.keys() if name.startswith("logits.")]  # noqa: SIM118
        held = {name.removeprefix("logits."): name for name in names}
        named = _one(held, "logits", network, fidelity)
        return file.get_tensor("classes"), file.get_slice(named)[:, :1]


@dataclass(frozen=True)
class RealFeatures(_Features):
    """Embedded private training images.

    Attributes:
        labels: their classes, int64 [N].
        features: "network.fidelity" -> float32 [N, D]; where both fidelities feed the network the
            same images, only ``corrected`` is there.
    """

    labels: NDArray[np.int64]
    features: Mapping[str, Array]


def networks(*held: AttackFeatures | RealFeatures) -> set[str]:
    """Names of the networks that embedded any of these images."""
    return {name.partition(".")[0] for features in held for name in features.features}


def _one(arrays: Mapping[str, Value], kind: str, network: str, fidelity: Fidelity) -> Value:
    name = f"{network}.{fidelity}"
    if name not in arrays:
        raise MirageError(
            f"there are no {kind} of the evaluation network {network!r} ({fidelity})",
            f"one of {listed(sorted(arrays))}",
            "name it among the evaluation networks and embed again",
        )
    return arrays[name]
