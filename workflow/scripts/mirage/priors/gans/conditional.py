"""PLG-MI's generator: residual blocks whose batch norms know the class.

Source: Yuan et al., AAAI 2023 (PLG-MI), as its repository computes it; the design is that of
projection GANs (Miyato & Koyama, ICLR 2018).
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mirage import streams
from mirage.priors.gans.layers import UnfilledConvolution, UnfilledLinear, initialise
from mirage.priors.gans.sizes import ConditionalConfig


class ConditionalGenerator(nn.Module):
    """Latents and classes to images."""

    def __init__(self, config: ConditionalConfig, seed: int = 0) -> None:
        """Make a generator with fresh weights, drawn by ``seed``."""
        super().__init__()
        self.config, self.z_dim = config, config.z_dim
        first, last = config.channels[0], config.channels[-1]
        self.project = UnfilledLinear(config.z_dim, first * 16)
        self.blocks = nn.ModuleList(
            ConditionalBlock(*widths, config.classes) for widths in pairwise(config.channels)
        )
        self.norm = nn.BatchNorm2d(last)
        self.image = UnfilledConvolution(last, config.image_channels, 1)
        initialise(self, streams.generator(seed, "priors", "conditional generator"))

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Map z [N, z_dim] and classes int64 [N] to images [N, C, image_px, image_px].

        They lie in (-1, 1) and are taken for images in [0, 1] (quirk tanh-of-unit-range): the
        discriminator teaches the generator to stay there.
        """
        x = self.project(z).view(len(z), self.config.channels[0], 4, 4)
        # Pixels whose channels lie together cost a CPU's kernels a third less here.
        x = x.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x = block(x, labels)
        images: Tensor = self.image(F.relu(self.norm(x))).tanh()
        return images


class ConditionalBlock(nn.Module):
    """Residual block that doubles the size."""

    def __init__(self, inputs: int, outputs: int, classes: int) -> None:
        super().__init__()
        self.norm1 = ConditionalNorm(inputs, classes)
        self.conv1 = UnfilledConvolution(inputs, outputs, 3, padding=1)
        self.norm2 = ConditionalNorm(outputs, classes)
        self.conv2 = UnfilledConvolution(outputs, outputs, 3, padding=1)
        self.shortcut = UnfilledConvolution(inputs, outputs, 1)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """Map [N, inputs, h, w] to [N, outputs, 2h, 2w]."""
        y = self.conv1(_doubled(F.relu(self.norm1(x, labels))))
        y = self.conv2(F.relu(self.norm2(y, labels)))
        # As published the shortcut is doubled first; a kernel of one pixel and a mean of pixels
        # commute, and this way it costs a quarter.
        return torch.add(y, _doubled(self.shortcut(x)))


class ConditionalNorm(nn.Module):
    """Batch norm with a scale and a shift for each class; the statistics are those of all."""

    def __init__(self, channels: int, classes: int) -> None:
        """Start with scale 1 and shift 0."""
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale = nn.Parameter(torch.ones(classes, channels))
        self.shift = nn.Parameter(torch.zeros(classes, channels))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """Keep the shape [N, channels, h, w]; ``labels`` are int64 [N]."""
        scale = F.embedding(labels, self.scale)[:, :, None, None]
        shift = F.embedding(labels, self.shift)[:, :, None, None]
        return torch.addcmul(shift, self.norm(x), scale)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
