"""Classifiers as files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mirage.errors import MirageError
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
    architecture = {
        "name": model.name,
        "classes": model.classes,
        "channels": model.channels,
        "auxiliary": model.auxiliary,
    }
    files.save_tensors(path, model.state_dict(), {**metadata, "architecture": architecture})


def load_classifier(path: str | Path, device: str) -> Classifier:
    """Read a classifier: frozen, in eval mode, on ``device``.

    Raises:
        MirageError: the file is missing, damaged, no classifier of this project, or its weights
            do not fit the architecture it names.
    """
    metadata = files.read_metadata(path)
    state = files.load_tensors(path)
    try:
        model = build(**metadata["architecture"])
        for part in make(metadata.get("treatment", ())):
            model = part.wrap(model, 0)
        model.load_state_dict(state)
    except (KeyError, TypeError, RuntimeError) as error:
        raise MirageError(
            f"{path} does not hold a classifier ({str(error)[:300]})",
            "weights that fit the architecture named in their header",
            "delete it; the next run makes it anew",
        ) from error
    return model.to(device).freeze()
