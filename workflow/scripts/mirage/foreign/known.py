"""What is publicly known about a foreign file, and how an import compares with it.

``workflow/presets/weights.yaml`` holds per asset the official file name, the SHA-256 digits that
name carries, and, where anyone has published one, the answer to a fixed input. Where none is known
the answer is recorded and every later import of the same file must repeat it.
"""

import hashlib
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mirage.errors import MirageError
from mirage.foreign.fingerprint import TOLERANCE, difference, fingerprint
from mirage.recipes import Recipe, require
from mirage.runtime import files
from mirage.runtime.regular import opened

_log = logging.getLogger("mirage")

FACENET_TOLERANCE = 0.01
"""Bound of facenet-pytorch's own test, as the norm of the matrix of differences."""
IMAGE_TOLERANCE = 0.01
"""Largest mean absolute difference to a published image, whose own program uses other kernels."""
VALUE_TOLERANCE = 5e-4
"""Largest difference to a published value of a discriminator: five times that of flaxmodels' own
test. The value for FFHQ is -0.0008, so that an answer of 0 does not pass."""

REFERENCE_IMAGE = "generator/ffhq_output_ref.npy"
"""Published image of the fixed latent, below the folder of a prior's reference."""
REFERENCE_INPUT = "discriminator/ffhq_input_img.npy"
"""Image a discriminator is asked about there; uniform noise in [0, 1), taken as it is."""
REFERENCE_VALUE = "discriminator/ffhq_output_ref.npy"
"""The discriminator's published answer to it."""

_FACE_PX = 160

_OTHER_PICKLE = (
    "fetch pickle and reference again; if the pickle is another one than ffhq.pkl of "
    "stylegan2-ada-pytorch, leave out `reference` of the prior in config.yaml: that the published "
    "answers are of this file is our inference"
)


@dataclass(frozen=True)
class KnownFile(Recipe):
    """One row of the table.

    Attributes:
        source: where the facts come from.
        file: official file name.
        sha256: the first hexadecimal digits of its SHA-256, at least eight.
        fingerprint: answer to the fixed input, as ``fingerprint`` tells it.
        people: names of the sample images, where distances are published.
        distances: Euclidean distances of their embeddings, a square matrix.
    """

    source: str = ""
    file: str | None = None
    sha256: str | None = None
    fingerprint: Any = None
    people: tuple[str, ...] = ()
    distances: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        long = self.sha256 is None or 8 <= len(self.sha256) <= 64
        require(long, "sha256", self.sha256, "8 to 64 hexadecimal digits")
        square = all(len(row) == len(self.people) == len(self.distances) for row in self.distances)
        require(square, "distances", len(self.distances), "a square matrix, one row per person")


def published(table: str | Path, asset: str) -> KnownFile:
    """Read an asset's row; one that says nothing where there is none.

    Raises:
        MirageError: the table is missing or a row has an unknown key.
    """
    import yaml

    from mirage.yaml_file import read_yaml

    try:
        rows = read_yaml(table) or {}
        row = rows.get(asset, {})
    except FileNotFoundError as error:
        raise MirageError(f"{table} is missing", remedy="restore it") from error
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark is not None else ""
        raise MirageError(f"{table} is no valid table{line}", "YAML", "restore it") from error
    return KnownFile.of(row)


def judge(path: str | Path, answer: Tensor, known: KnownFile, memory: str | Path) -> dict[str, Any]:
    """Compare a file and its network's answer with the table, else with an earlier import.

    Args:
        path: the published file.
        answer: of its network to the fixed input.
        known: the asset's row.
        memory: file in which the answer is kept between imports, outside declared outputs.

    Returns:
        JSON-able: ``file`` and ``sha256``, ``bytes`` (whether they are the published ones),
        ``fingerprint`` and ``status`` of the answer.

    Raises:
        MirageError: the answer is not finite, differs from the table, or the same file answered
            otherwise before.
    """
    with Path(path).open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    as_published = "no checksum published"
    if known.sha256 is not None:
        as_published = "as published" if sha256.startswith(known.sha256) else "other than published"
    if as_published == "other than published":
        _log.warning("the file's SHA-256 %s… is not that of %s", sha256[:8], known.file)
    if not bool(torch.isfinite(answer).all()):
        raise MirageError(
            "the network answers a fixed image with infinite or undefined values",
            "finite features",
            "fetch the weights again and compare their checksum",
        )
    found = fingerprint(answer)
    if known.fingerprint is not None:
        gap = difference(found, known.fingerprint)
        if gap > TOLERANCE:
            raise MirageError(
                f"the network's answer to the fixed image differs from the known one by {gap:.2g} "
                "of its span",
                f"at most {TOLERANCE}, as for the file in workflow/presets/weights.yaml",
                "fetch the published file; if the table is wrong, correct it",
            )
        status = "agrees with the reference table"
    else:
        status = _remember(found, sha256, Path(memory))
    return {
        "file": Path(path).name,
        "sha256": sha256,
        "bytes": as_published,
        "fingerprint": found,
        "status": status,
    }


def _remember(found: Mapping[str, Any], sha256: str, memory: Path) -> str:
    status = "recorded, no published reference"
    if memory.exists():
        before = files.read_json(memory)
        gap = difference(found, before["fingerprint"])
        if before["sha256"] != sha256:
            _log.warning("the file is another one than at the last import; its answer is recorded")
            status = "recorded anew: another file than at the last import"
        elif gap > TOLERANCE:
            raise MirageError(
                f"the same file answers the fixed image otherwise than at the last import "
                f"(by {gap:.2g} of the span; {memory})",
                "the same numbers up to rounding",
                "look for changed versions of PyTorch or torchvision; if the change is wanted, "
                "delete that file",
            )
        else:
            return "as at the last import, no published reference"
    files.write_json(memory, {"sha256": sha256, "fingerprint": dict(found)})
    return status


@torch.inference_mode()
def check_distances(network: torch.nn.Module, folder: str | Path, known: KnownFile) -> float:
    """Compare FaceNet's distances between the official sample faces with the published ones.

    Args:
        network: FaceNet, frozen, on the CPU.
        folder: the project's ``data/test_images_aligned``: one folder per person with ``1.png``,
            160 px.
        known: people and distances.

    Returns:
        Norm of the matrix of differences.

    Raises:
        MirageError: an image is missing, or the distances differ.
    """
    import numpy as np
    from PIL import Image

    faces = []
    for person in known.people:
        path = Path(folder) / person / "1.png"
        try:
            with opened(path, "fetch the sample faces as listed") as file:
                image = Image.open(file)
                if image.size != (_FACE_PX, _FACE_PX):
                    raise ValueError
                faces.append(torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as problem:
            raise MirageError(
                f"{path} cannot be read as a sample face",
                f"a photograph of {_FACE_PX} x {_FACE_PX} pixels",
                "fetch the sample faces as listed",
            ) from problem
    # The project's own range, (x - 127.5) / 128.
    embedded = network((torch.stack(faces).float() - 127.5) / 128)
    wide = embedded.double()
    found = (wide[:, None] - wide[None]).norm(dim=2)
    off = float((found - torch.tensor(known.distances, dtype=torch.float64)).norm())
    if not off < FACENET_TOLERANCE:
        raise MirageError(
            f"FaceNet's distances between the sample faces are off by {off:.3g}",
            f"less than {FACENET_TOLERANCE} from the published ones ({known.source})",
            "fetch weights and sample faces again and compare their checksums",
        )
    return off


def check_image(image: Tensor, reference: str | Path) -> float:
    """Compare a generator's image with one published as a NumPy file.

    Args:
        image: float [1, C, px, px], made from the fixed latent without truncation.
        reference: ``.npy`` with [1, C, px, px] or [1, px, px, C].

    Returns:
        Mean absolute difference.

    Raises:
        MirageError: the file is missing, damaged, of another shape, or the images differ.
    """
    gap = float((image.double().cpu() - _published_image(reference, image.shape)).abs().mean())
    if not gap < IMAGE_TOLERANCE:
        raise MirageError(
            f"the generator's image of the fixed latent differs from {reference} by {gap:.3g} "
            "in the mean",
            f"less than {IMAGE_TOLERANCE}",
            _OTHER_PICKLE,
        )
    return gap


@torch.inference_mode()
def check_value(
    discriminator: Callable[[Tensor], Tensor], shape: Sequence[int], folder: str | Path
) -> float:
    """Compare a discriminator's value of a published image with the published value.

    Args:
        discriminator: float32 images [N, C, px, px] to values [N, 1], on the CPU.
        shape: of its images, [1, C, px, px].
        folder: holds ``REFERENCE_INPUT`` and ``REFERENCE_VALUE``.

    Returns:
        Absolute difference.

    Raises:
        MirageError: a file is missing, damaged, of another shape, or the values differ.
    """
    known = _published_array(Path(folder, REFERENCE_VALUE), 1)
    image = _published_image(Path(folder, REFERENCE_INPUT), shape)
    found = discriminator(image.float()).double()
    if known.shape != found.shape:
        raise _misshapen(Path(folder, REFERENCE_VALUE), known, found.shape)
    gap = float((found - known).abs().max())
    if not gap < VALUE_TOLERANCE:
        raise MirageError(
            f"the discriminator's value of {Path(folder, REFERENCE_INPUT)} is {float(found):.5g}",
            f"{float(known):.5g}, as {REFERENCE_VALUE} says, within {VALUE_TOLERANCE}",
            _OTHER_PICKLE,
        )
    return gap


def _published_image(path: str | Path, shape: Sequence[int]) -> Tensor:
    """A published image as float64 of the shape [1, C, px, px], whichever way it is stored."""
    known = _published_array(path, math.prod(shape))
    if known.ndim == 4 and known.shape[-1] == shape[1]:
        known = known.permute(0, 3, 1, 2)
    if known.shape != tuple(shape):
        raise _misshapen(path, known, shape)
    return known


def _published_array(path: str | Path, most: int) -> Tensor:
    """The numbers of a NumPy file as float64.

    One of more than ``most`` numbers is of another shape anyway; of it the shape alone is given.
    """
    import numpy as np
    from numpy.lib.format import open_memmap

    with opened(path, "fetch it again"):
        try:
            values = open_memmap(path, mode="r")  # runs no pickle, and maps no more than there is
            if values.dtype.kind not in "fiu":
                raise ValueError
        except (OSError, ValueError, EOFError, SyntaxError, MemoryError, TypeError) as error:
            raise MirageError(
                f"{path} cannot be read, it is no array of numbers as NumPy saves it, or cut short",
                "an array of numbers",
                "fetch it again",
            ) from error
    if values.size > most:
        return torch.empty(values.shape, device="meta")
    return torch.from_numpy(values.astype(np.float64))


def _misshapen(path: str | Path, known: Tensor, shape: Sequence[int]) -> MirageError:
    return MirageError(
        f"{path} has the shape {list(known.shape)}", f"that of {list(shape)}", _OTHER_PICKLE
    )
