"""The import of a foreign file: read, check, try once, write as safetensors."""

from pathlib import Path
from typing import Any

import torch

from mirage.foreign.file_kinds import ForeignRecipe, describe, freeze
from mirage.foreign.fingerprint import fixed_image
from mirage.foreign.known import KnownFile, check_distances, judge
from mirage.foreign.layout import fit
from mirage.foreign.reading import container, read_state


def import_weights(
    source: str | Path,
    recipe: ForeignRecipe,
    known: KnownFile,
    memory: str | Path,
    destination: str | Path,
    samples: str | Path | None = None,
) -> dict[str, Any]:
    """Import one file.

    Args:
        source: the published file.
        recipe: which network it holds.
        known: what is published about it.
        memory: where its answer to a fixed image is kept between imports.
        destination: safetensors; a ``classifier`` becomes a file of our own classifiers, the
            others keep their names and shapes.
        samples: folder with FaceNet's sample faces, if that check is wanted.

    Returns:
        What was found, JSON-able: ``container``, ``network``, ``tensors``, what ``judge`` says, and
        with samples ``reference_error``.

    Raises:
        MirageError: the file cannot be read, holds another network, or does not answer as known;
            then nothing is written.
    """
    network = describe(recipe)
    state = fit(read_state(source), network.layout, source)
    model = freeze(network.build(state))
    with torch.inference_mode():
        answer = model(fixed_image(recipe.channels, network.image_px))
    record = {
        "container": container(source),
        "network": network.layout.what,
        "tensors": len(state),
        **judge(source, answer, known, memory),
    }
    if samples is not None:
        record["reference_error"] = check_distances(model, samples, known)
        record["status"] = "agrees with the published reference"
    header = {"source": {key: record[key] for key in ("file", "sha256")}}
    network.write(Path(destination), state, header)
    return record
