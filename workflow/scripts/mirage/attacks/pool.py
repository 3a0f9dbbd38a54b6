"""The pool of candidate latents: sampled and synthesised once, rated by every target."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mirage import imaging
from mirage.attacks.recipe import PoolRecipe
from mirage.errors import MirageError
from mirage.numerics import numerics
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.stylegan2.mapping import truncate
from mirage.runtime import files
from mirage.runtime.checkpoint import Checkpoint
from mirage.runtime.progress import Progress
from mirage.runtime.spool import Spool


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
) -> Pool:
    """Draw the candidates and render them once.

    Args:
        pipeline: prior and crop, on ``device``.
        recipe: the pool's settings.
        image_px: input size of the targets.
        batch_size: latents per pass.
        device: where the generator lies.
        checkpoint: state of an interrupted run; ticks after each pass.

    Raises:
        MirageError: ``cutoff`` exceeds the generator's layers.

    Source: paper B.4, stage 1; official code (quirks partly-truncated-pool, clipped-pool).
    """
    generator = pipeline.generator
    if recipe.cutoff is not None and recipe.cutoff > generator.num_ws:
        raise MirageError(
            f"cutoff is {recipe.cutoff}",
            f"at most {generator.num_ws}, the layers of this prior",
            "lower it, or set null to truncate all layers",
        )
    pipeline = pipeline.at(recipe.precision)
    rendered = Spool(checkpoint)
    rendered.resume(checkpoint.load())
    done = rendered.pieces * batch_size
    progress = Progress("candidate pool", recipe.size, done)
    with numerics(recipe.precision, device), progress:
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
            checkpoint.tick(rendered.mark)
    return Pool(single.cpu(), rendered.joined()["images"])
