"""From latents of whichever prior to the images that networks see."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

from torch import Tensor

from mirage import imaging
from mirage.numerics import autocast
from mirage.priors.kinds import RENDERINGS
from mirage.priors.weights import kind_of, load_generator
from mirage.recipes import Precision


class Rendering(Protocol):
    """What evaluation asks of a prior: ``ImagePipeline`` and ``Prior`` both are one."""

    def at(self, precision: Precision) -> Self:
        """The same at another precision."""

    @property
    def latent_dim(self) -> int:
        """Numbers of one latent."""

    def sizes(
        self, latents: Tensor, sizes: Iterable[int], labels: Tensor | None = None
    ) -> dict[int, Tensor]:
        """Render latents [N, latent_dim] once and resize that one image to each size.

        Labels are the classes they are of, int64 [N], which conditional generators follow.
        """


@dataclass(frozen=True)
class Prior:
    """Renders latents of a GAN that works on [0, 1], whole.

    Attributes:
        generator: ``(z [N, z_dim], labels int64 [N] or None) -> [N, C, px, px]`` in [0, 1], frozen
            and in eval mode; has ``z_dim``.
        crop_px: side of its images: none is cut.
        precision: arithmetic of the synthesis; images are float32 at each.
    """

    generator: Any
    crop_px: int
    precision: Precision = "fp32"

    def at(self, precision: Precision) -> Self:
        """The same prior at another precision."""
        return replace(self, precision=precision)

    @property
    def z_dim(self) -> int:
        """Numbers of one latent."""
        return int(self.generator.z_dim)

    latent_dim = z_dim

    def generate(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images of latents [N, z_dim], in network range: 2 g - 1; differentiable."""
        with autocast(self.precision, z.device):
            unit: Tensor = self.generator(z, labels)
        return 2 * unit.float() - 1

    def sizes(
        self, latents: Tensor, sizes: Iterable[int], labels: Tensor | None = None
    ) -> dict[int, Tensor]:
        """Render latents once and resize that one image to each size."""
        images = self.generate(latents, labels)
        return {image_px: imaging.resize(images, image_px) for image_px in sizes}


def load_rendering(path: str | Path, crop_px: int, device: str) -> Any:
    """Read a generator and make what renders its kind: a ``Rendering``.

    Raises:
        MirageError: as ``weights.load_generator``.
    """
    generator = load_generator(path, device)
    return RENDERINGS[kind_of(path)](generator, crop_px)
