"""The pool of candidate latents: sampled and synthesised once, rated by every target."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from mirage import imaging
from mirage.errors import MirageError
from mirage.numerics import Precision, numerics
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.stylegan2.mapping import truncate
from mirage.recipes import Recipe, require
from mirage.runtime import files
from mirage.runtime.checkpoint import Checkpoint
from mirage.runtime.progress import Progress
from mirage.runtime.spool import Spool


@dataclass(frozen=True)
class PoolRecipe(Recipe):
    """How candidates are drawn and shown to the targets.

    Attributes:
        size: number of latents (paper B.4: 2,000 FaceScrub, 5,000 CelebA).
        seed: of the latents z (paper: the attack's seed, 42).
        psi: truncation towards the mean w, in [0, 1].
        cutoff: only the first ``cutoff`` layers are truncated; None truncates all.
        clip: clamp images to [-1, 1] before they are resized (official code: true here, and only
            here; facts, quirk 5).
        fidelity: ``paper`` rates images whose layers from ``cutoff`` on use the untruncated w,
            although the optimisation starts from the truncated w in all layers (facts, quirk 4);
            ``corrected`` rates the images the optimisation starts from.
        precision: arithmetic of the synthesis; see ``mirage.numerics``.
    """

    size: int
    seed: int = 42
    psi: float = 0.5
    cutoff: int | None = 8
    clip: bool = True
    fidelity: Literal["paper", "corrected"] = "paper"
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        require(self.size > 0, "size", self.size, "at least one candidate")
        require(0 <= self.seed < 2**32, "seed", self.seed, "a value in [0, 2^32)")
        require(0 <= self.psi <= 1, "psi", self.psi, "a value in [0, 1]")
        require(self.cutoff is None or self.cutoff > 0, "cutoff", self.cutoff, "1 or more, or null")


@dataclass(frozen=True)
class Pool:
    """Candidates shared by all attacks on one prior and crop.

    Attributes:
        w: the single truncated w of each candidate, float32 [N, w_dim].
        images: their rated images, float32 [N, C, image_px, image_px].
    """

    w: Tensor
    images: Tensor

    def save(self, path: str | Path, metadata: dict[str, Any]) -> None:
        """Write the pool with a description of how it was made."""
        files.save_tensors(path, {"w": self.w, "images": self.images}, metadata)

    @classmethod
    def load(cls, path: str | Path) -> "Pool":
        """Read a pool onto the CPU.

        Raises:
            MirageError: the file is missing, damaged or no pool.
        """
        return cls(**files.load_tensors(path, "w", "images"))


def draw_latents(count: int, dimensions: int, seed: int) -> Tensor:
    """Draw z as the official code does, float32 [count, dimensions].

    NumPy's legacy generator is fixed for good, and the first n latents do not depend on
    ``count``.
    """
    z = np.random.RandomState(seed).standard_normal((count, dimensions))
    return torch.from_numpy(z.astype(np.float32))


@torch.no_grad()
def synthesise_pool(
    pipeline: ImagePipeline,
    recipe: PoolRecipe,
    image_px: int,
    batch_size: int,
    device: str,
    checkpoint: Checkpoint,
    label: str = "candidate pool",
) -> Pool:
    """Draw the candidates and render them once.

    Args:
        pipeline: prior and crop, on ``device``.
        recipe: the pool's settings.
        image_px: input size of the targets.
        batch_size: latents per pass.
        device: where the generator lies.
        checkpoint: state of an interrupted run; ticks after each pass.
        label: name of the work in progress lines.

    Raises:
        MirageError: ``cutoff`` exceeds the generator's layers.

    Source: paper B.4, stage 1; details of the official code as stated in the facts, section 4.
    """
    generator = pipeline.generator
    if recipe.cutoff is not None and recipe.cutoff > generator.num_ws:
        raise MirageError(
            f"cutoff is {recipe.cutoff}",
            f"at most {generator.num_ws}, the layers of this prior",
            "lower it, or set null to truncate all layers",
        )
    pipeline = pipeline.at(recipe.precision)
    state = checkpoint.load()
    rendered = Spool(checkpoint)
    done = int(state["done"]) if state is not None and rendered.resume(state) else 0
    with numerics(recipe.precision, device), Progress(label, recipe.size, done) as progress:
        z = draw_latents(recipe.size, generator.z_dim, recipe.seed).to(device)
        w = generator.mapping(z)  # [N, w_dim]
        single = truncate(w, generator.w_avg, 1, recipe.psi, None)[:, 0]
        for start in range(done, recipe.size, batch_size):
            rows = slice(start, start + batch_size)
            ws = pipeline.repeat(single[rows])
            if recipe.fidelity == "paper":
                ws = truncate(w[rows], generator.w_avg, generator.num_ws, recipe.psi, recipe.cutoff)
            images = imaging.resize(pipeline.crop(ws, recipe.clip), image_px)
            rendered.append({"images": images.cpu()})
            progress.advance(len(ws))
            checkpoint.tick(lambda: {"done": torch.tensor(progress.done), **rendered.mark()})
    return Pool(single.cpu(), rendered.joined()["images"])
