"""Classifiers as files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from mirage.errors import MirageError
from mirage.memory_format import laid_out
from mirage.runtime import files
from mirage.targets.architectures import Classifier, build
from mirage.targets.treatments import make


def save_classifier(path: str | Path, model: Classifier, metadata: Mapping[str, Any]) -> None:
    """Write a classifier as safetensors.

    Args:
        path: destination.
        model: any registered architecture.
        metadata: JSON-able description of its training; kept beside the architecture. Settings of
            its treatment stand under ``treatment``: a part may have wrapped the network.
    """
    header = {**metadata, "architecture": _described(model)}
    files.save_tensors(path, model.state_dict(), header)


def save_classifiers(
    path: str | Path, models: Sequence[Classifier], metadata: Mapping[str, Any]
) -> None:
    """Write several classifiers, none of them wrapped, as one file of safetensors."""
    tensors = {
        f"{place}.{name}": tensor
        for place, model in enumerate(models)
        for name, tensor in model.state_dict().items()
    }
    header = {**metadata, "architectures": [_described(model) for model in models]}
    files.save_tensors(path, tensors, header)


def _described(model: Classifier) -> dict[str, Any]:
    """What ``build`` makes it of."""
    return {
        "name": model.name,
        "classes": model.classes,
        "channels": model.channels,
        "auxiliary": model.auxiliary,
    }


def load_classifier(path: str | Path, device: str) -> Classifier:
    """Read a classifier: frozen, in eval mode, on ``device``.

    Raises:
        MirageError: the file is missing, damaged, no classifier of this project, or its weights
            do not fit the architecture it names.
    """
    metadata = files.read_metadata(path)
    return _made(path, metadata, metadata.get("treatment", ()), files.load_tensors(path), device)


def load_classifiers(path: str | Path, device: str) -> list[Classifier]:
    """Read what ``save_classifiers`` wrote, in that order; see ``load_classifier``."""
    architectures = files.read_metadata(path).get("architectures", [])
    if not architectures:
        raise _none(path, "no 'architectures' in its header")
    tensors = files.load_tensors(path)
    return [
        _made(
            path,
            {"architecture": architecture},
            (),
            {
                name.removeprefix(f"{place}."): tensor
                for name, tensor in tensors.items()
                if name.startswith(f"{place}.")
            },
            device,
        )
        for place, architecture in enumerate(architectures)
    ]


def _made(
    path: str | Path,
    metadata: Mapping[str, Any],
    treatment: Sequence[Mapping[str, Any]],
    state: Mapping[str, Tensor],
    device: str,
) -> Classifier:
    """Build a classifier that a header describes, and give it its weights."""
    try:
        model = build(**metadata["architecture"])
        for part in make(treatment):
            model = part.wrap(model, 0)
        model.load_state_dict(state)
    except (KeyError, TypeError, RuntimeError) as error:
        raise _none(path, str(error)[:300]) from error
    return laid_out(model.to(device), device).freeze()


def _none(path: str | Path, problem: str) -> MirageError:
    return MirageError(
        f"{path} does not hold a classifier ({problem})",
        "weights that fit the architecture named in their header",
        "delete it; the next run makes it anew",
    )
