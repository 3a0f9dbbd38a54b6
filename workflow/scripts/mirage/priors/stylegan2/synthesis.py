"""The synthesis network: w of every layer to an image, or to a region of it."""

from typing import cast

import torch
from torch import Tensor, nn

from mirage.numerics import full_precision
from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2 import frozen, layers, resampling
from mirage.priors.stylegan2.blocks import SynthesisBlock
from mirage.priors.stylegan2.regions import Window, cut, levels

LARGE_PX = 256
"""Side of images from which a frozen network works in fewer passes over its features.

Those of smaller images lie in a processor's cache, where passes cost little.
"""


class Synthesis(nn.Module):
    """Blocks b4, b8, ... whose RGB outputs are upsampled and summed ("skip" architecture)."""

    def __init__(self, config: GeneratorConfig, draws: torch.Generator) -> None:
        super().__init__()
        self.config = config
        inputs = 0
        for resolution in config.resolutions:
            block = SynthesisBlock(inputs, resolution, config, draws)
            self.add_module(f"b{resolution}", block)
            inputs = config.channels_at(resolution)

    def forward(
        self, ws: Tensor, region: Window | None = None, noise: torch.Generator | None = None
    ) -> Tensor:
        """Make images; more than ``INDEXABLE`` allows together are made in parts.

        Args:
            ws: one w per layer, [N, num_ws, w_dim].
            region: the part to compute, exactly as it is in the whole image; None for all.
            noise: CPU stream of fresh noise maps (training); None for the constant maps.

        Returns:
            [N, image_channels, height, width] of the region; roughly [-1, 1], not clamped.
        """
        region = region or Window.whole(self.config.image_px)
        together = max(layers.INDEXABLE // self.largest_activation(region), 1)
        if noise is None and len(ws) > together:
            parts = torch.split(ws, together)
            return torch.cat([self._images(part, region, None) for part in parts])
        return self._images(ws, region, noise)

    def _images(self, ws: Tensor, region: Window, noise: torch.Generator | None) -> Tensor:
        if noise is None and self._pays_to_fuse(ws):
            return self._frozen_images(ws, region)
        plan = levels(region, self.config.image_px)
        per_layer = ws.unbind(1)
        block, level = self._block(4), plan[4]
        x = cut(block.const, Window.whole(4), level.inner).expand(len(ws), -1, -1, -1)
        x = block.conv1(x, per_layer[0], level.inner, level.features, noise)
        index = 1  # each toRGB shares its w with the next block's conv0
        image = cut(block.torgb(x, per_layer[index]), level.features, level.rgb)
        for resolution in list(plan)[1:]:
            block = self._block(resolution)
            below, level = level, plan[resolution]
            x = block.conv0(x, per_layer[index], below.features, level.inner, noise)
            x = block.conv1(x, per_layer[index + 1], level.inner, level.features, noise)
            index += 2
            image = resampling.upsample_image(image, below.rgb, level.rgb)
            image = image + cut(block.torgb(x, per_layer[index]), level.features, level.rgb)
        return image

    def _pays_to_fuse(self, ws: Tensor) -> bool:
        """Whether only ws has a gradient, and features are large.

        Without a gradient single operations in place take less memory, and a compiler fuses them
        by itself.
        """
        wanted = torch.is_grad_enabled() and ws.requires_grad and not torch.compiler.is_compiling()
        large = self.config.image_px >= LARGE_PX
        return wanted and large and not any(weight.requires_grad for weight in self.parameters())

    def _frozen_images(self, ws: Tensor, region: Window) -> Tensor:
        """The same function in fewer passes, differentiable once and with respect to ws alone."""
        plan, per_layer = levels(region, self.config.image_px), ws.unbind(1)
        blocks = [(self._block(resolution), level) for resolution, level in plan.items()]
        convolutions = [pair for block, level in blocks for pair in block.convolutions(level)]
        with full_precision(ws):
            styles = [
                layer.affine(w) for (layer, _), w in zip(convolutions, per_layer, strict=False)
            ]
        held = plan[4].inner
        x = cut(self._block(4).const, Window.whole(4), held) * styles[0][:, :, None, None]
        index, below, image = 0, held, ws.new_zeros(())
        for block, level in blocks:
            for layer, wanted in block.convolutions(level):
                x, rgb = frozen.between(
                    layer.convolve(x, held, wanted, frozen.convolution),
                    layer.epilogue(styles[index], wanted),
                    styles[index + 1] if index + 1 < len(styles) else None,
                    None if layer.up else block.torgb.colour(per_layer[index + 1]),
                )
                held, index = wanted, index + 1
            rgb = cut(block.torgb.finish(rgb), level.features, level.rgb)
            if index > 1:
                rgb = resampling.upsample_image(image, below, level.rgb) + rgb
            image, below = rgb, level.rgb
        return image

    def largest_activation(self, region: Window) -> int:
        """Most elements that any tensor has for one image, or its region."""
        sizes = [16 * self.config.channels_at(4)]
        plan = levels(region, self.config.image_px)
        for resolution in list(plan)[1:]:
            held, wanted = plan[resolution // 2].features, plan[resolution].inner
            height, width = resampling.transposed_shape(held, wanted)
            sizes.append(self.config.channels_at(resolution) * height * width)
        return max(sizes)

    def _block(self, resolution: int) -> SynthesisBlock:
        return cast("SynthesisBlock", self.get_submodule(f"b{resolution}"))
