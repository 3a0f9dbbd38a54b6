"""The generator of GMI, KED-MI and LOMMA: a projection and transposed convolutions.

Source: Zhang et al., CVPR 2020 (GMI) and Chen et al., ICCV 2021 (KED-MI), as the KED-MI repository
computes it.
"""

from itertools import pairwise

from torch import Tensor, nn

from mirage import streams
from mirage.priors.gans.layers import UnfilledDeconvolution, UnfilledLinear, initialise
from mirage.priors.gans.sizes import DeconvolutionConfig


class DeconvolutionGenerator(nn.Module):
    """Latents to images; every layer but the last has a batch norm and a ReLU.

    Deviation: the batch norms see whole batches (quirk split-batches).
    """

    def __init__(self, config: DeconvolutionConfig, seed: int = 0) -> None:
        """Make a generator with fresh weights, drawn by ``seed``."""
        super().__init__()
        self.config, self.z_dim = config, config.z_dim
        first, last = config.channels[0], config.channels[-1]
        self.project = nn.Sequential(
            UnfilledLinear(config.z_dim, first * 16, bias=False),
            nn.BatchNorm1d(first * 16),
            nn.ReLU(inplace=True),
        )
        blocks = [_block(inputs, outputs) for inputs, outputs in pairwise(config.channels)]
        self.blocks = nn.Sequential(*blocks)
        self.image = _deconvolution(last, config.image_channels, bias=True)
        initialise(self, streams.generator(seed, "priors", "deconvolution", "generator"))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map z [N, z_dim] to images [N, image_channels, image_px, image_px] in [0, 1].

        ``labels`` are ignored: this prior knows no classes.
        """
        x = self.project(z).view(len(z), self.config.channels[0], 4, 4)
        images: Tensor = self.image(self.blocks(x)).sigmoid()
        return images


def _deconvolution(inputs: int, outputs: int, bias: bool) -> nn.Module:
    """5x5, to twice the size."""
    return UnfilledDeconvolution(inputs, outputs, 5, 2, padding=2, output_padding=1, bias=bias)


def _block(inputs: int, outputs: int) -> nn.Module:
    layer = _deconvolution(inputs, outputs, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
