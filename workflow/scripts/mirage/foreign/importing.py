"""The import of a foreign file: read, check, try once, write as safetensors."""

import hashlib
from pathlib import Path
from typing import Any

import torch

from mirage.foreign.file_kinds import ForeignRecipe, describe, freeze
from mirage.foreign.fingerprint import fixed_image
from mirage.foreign.known import KnownFile, check_distances, judge_answer, judge_bytes
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
        What was found, JSON-able: ``file``, ``sha256``, ``container``, ``network``, ``tensors``,
        ``bytes``, ``fingerprint``, ``status``, and with samples ``reference_error``.

    Raises:
        MirageError: the file cannot be read, holds another network, or does not answer as known;
            then nothing is written.
    """
    network = describe(recipe)
    state = fit(read_state(source), network.layout, source)
    sha256 = sha256_of(source)
    record = {
        "file": Path(source).name,
        "sha256": sha256,
        "container": container(source),
        "network": network.layout.what,
        "tensors": len(state),
        "bytes": judge_bytes(sha256, known),
    }
    model = freeze(network.build(state))
    with torch.inference_mode():
        answer = model(fixed_image(recipe.channels, network.image_px))
    record |= judge_answer(answer, sha256, known, Path(memory))
    if samples is not None:
        record["reference_error"] = check_distances(model, samples, known)
        record["status"] = "agrees with the published reference"
    network.write(Path(destination), state, {"source": {"file": record["file"], "sha256": sha256}})
    return record


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
