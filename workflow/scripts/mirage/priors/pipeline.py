"""From latent to the image a network sees: synthesise, centre-crop, resize."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from mirage import imaging
from mirage.numerics import autocast
from mirage.priors.stylegan2.generator import Generator
from mirage.priors.stylegan2.regions import Window, centre_region
from mirage.recipes import Precision


@dataclass(frozen=True)
class ImagePipeline:
    """Renders latents of one prior with one centre crop.

    Only the pixels of the crop are synthesised, which is exact (see ``regions``).

    Attributes:
        generator: the prior, frozen and in eval mode.
        crop_px: side of the centre crop in generator pixels (paper B.4: 800 of 1024).
        precision: arithmetic of the synthesis; images are float32 at each.
    """

    generator: Generator
    crop_px: int
    precision: Precision = "fp32"

    def at(self, precision: Precision) -> Self:
        """The same pipeline at another precision."""
        return replace(self, precision=precision)

    @property
    def region(self) -> Window:
        """The part of the generator's image inside the crop."""
        return centre_region(self.generator.image_px, self.crop_px)

    def crop(self, ws: Tensor, clip: bool = False) -> Tensor:
        """Synthesise the crop of latents [N, num_ws, w_dim] as [N, C, crop_px, crop_px].

        Args:
            ws: one w per layer; a single w goes through ``repeat`` first.
            clip: clamp to [-1, 1] before any resize (the official stage 1 does, stages 2 and 3
                and the metrics do not: quirk clipped-pool).
        """
        images = self._synthesise(ws, self.region)
        return images.clamp(-1, 1) if clip else images

    def whole(self, ws: Tensor) -> Tensor:
        """Synthesise whole images, neither cropped nor clipped."""
        return self._synthesise(ws, None)

    def _synthesise(self, ws: Tensor, region: Window | None) -> Tensor:
        with autocast(self.precision, ws.device):
            images: Tensor = self.generator.synthesis(ws, region=region)
        return images

    def repeat(self, w: Tensor) -> Tensor:
        """Use a single w [N, w_dim] in every layer: [N, num_ws, w_dim]."""
        return w[:, None].expand(-1, self.generator.num_ws, -1)

    def images(self, w: Tensor, image_px: int, clip: bool = False) -> Tensor:
        """Render single-w latents [N, w_dim] at one size: [N, C, image_px, image_px]."""
        return imaging.resize(self.crop(self.repeat(w), clip), image_px)

    @property
    def latent_dim(self) -> int:
        """Numbers of one latent."""
        return self.generator.w_dim

    def sizes(
        self, latents: Tensor, sizes: Iterable[int], labels: Tensor | None = None
    ) -> dict[int, Tensor]:
        """Render single-w latents once and resize that one image to each size.

        It has no use for ``labels``.
        """
        crop = self.crop(self.repeat(latents))
        return {image_px: imaging.resize(crop, image_px) for image_px in sizes}
