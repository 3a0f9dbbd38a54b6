"""PLG-MI's discriminator: residual blocks, and the class enters as a projection.

Source: Yuan et al., AAAI 2023 (PLG-MI), as its repository computes it; Miyato & Koyama, ICLR 2018.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mirage import streams
from mirage.priors.gans.sizes import ProjectionConfig
from mirage.priors.gans.spectral import SpectralConvolution, SpectralEmbedding, SpectralLinear


class ProjectionDiscriminator(nn.Module):
    """Images and classes to scores w h + b + <e_y, h>; every weight has spectral norm 1."""

    def __init__(self, config: ProjectionConfig, seed: int = 0) -> None:
        """Make a discriminator with fresh weights, drawn by ``seed``."""
        super().__init__()
        self.config = config
        stream = streams.generator(seed, "priors", "projection discriminator")
        widths = [config.image_channels, *reversed(config.channels)]
        first, *rest = pairwise(widths)
        self.blocks = nn.Sequential(
            ProjectionBlock(*first, stream, of_image=True),
            *(ProjectionBlock(*pair, stream) for pair in rest),
        )
        self.score = SpectralLinear(widths[-1], 1, stream)
        self.embedding = SpectralEmbedding(config.classes, widths[-1], stream)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Score images [N, C, image_px, image_px] in [0, 1] as ones of classes int64 [N]: [N]."""
        h = F.relu(self.blocks(images)).sum(dim=(2, 3))
        scores: Tensor = self.score(h).squeeze(1) + (self.embedding(labels) * h).sum(dim=1)
        return scores


class ProjectionBlock(nn.Module):
    """Residual block that halves the size; that of the image begins with its convolution."""

    def __init__(
        self, inputs: int, outputs: int, stream: torch.Generator, of_image: bool = False
    ) -> None:
        super().__init__()
        self.of_image = of_image
        hidden = outputs if of_image else inputs
        self.conv1 = SpectralConvolution(inputs, hidden, 3, stream)
        self.conv2 = SpectralConvolution(hidden, outputs, 3, stream)
        self.shortcut = SpectralConvolution(inputs, outputs, 1, stream)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, inputs, h, w] to [N, outputs, h/2, w/2]."""
        y = self.conv1(x if self.of_image else F.relu(x))
        y = F.avg_pool2d(self.conv2(F.relu(y)), 2)
        # As published only the image's block pools its shortcut first; a kernel of one pixel and
        # a mean of pixels commute, and this way it costs a quarter.
        return torch.add(y, self.shortcut(F.avg_pool2d(x, 2)))
