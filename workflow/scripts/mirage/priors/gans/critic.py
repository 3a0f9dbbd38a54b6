"""Discriminators without classes given: GMI's critic, and KED-MI's, which classifies.

Sources: Zhang et al., CVPR 2020 (GMI) and Chen et al., ICCV 2021 (KED-MI), as the KED-MI repository
computes them; Salimans et al., NeurIPS 2016 (minibatch discrimination).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from mirage import streams
from mirage.priors.gans.layers import UnfilledConvolution, UnfilledLinear, initialise
from mirage.priors.gans.sizes import ClassifyingConfig, CriticConfig

_SLOPE = 0.2


class Critic(nn.Module):
    """Images to scores, higher for real ones."""

    def __init__(self, config: CriticConfig, seed: int = 0) -> None:
        """Make a critic with fresh weights, drawn by ``seed``."""
        super().__init__()
        self.config = config
        widths = [config.image_channels, *reversed(config.channels)]
        layers = [_block(widths[0], widths[1], normalised=False)]
        layers += [_block(*pair) for pair in pairwise(widths[1:])]
        self.body = nn.Sequential(*layers)
        self.score = UnfilledConvolution(widths[-1], 1, 4)
        initialise(self, streams.generator(seed, "priors", "critic"))

    def forward(self, images: Tensor) -> Tensor:
        """Score images [N, image_channels, image_px, image_px] in [0, 1]: [N], unbounded."""
        scores: Tensor = self.score(self.body(images)).flatten()
        return scores


class ClassifyingDiscriminator(nn.Module):
    """Images to features and to logits of the target's classes; that of "fake" is always 0.

    An image is real with probability Z / (Z + 1), Z = sum over classes of exp(logit).
    """

    def __init__(self, config: ClassifyingConfig, seed: int = 0) -> None:
        """Make a discriminator with fresh weights, drawn by ``seed``."""
        super().__init__()
        self.config = config
        widths = [config.image_channels, *reversed(config.channels)]
        pairs = list(pairwise(widths))
        layers = [_block(*pair) for pair in pairs[:-1]]
        self.body = nn.Sequential(*layers, _block(*pairs[-1], kernel=3), nn.Flatten())
        features = widths[-1] * 16
        self.compare = MinibatchDiscrimination(features, config.kernels, config.kernel_dims)
        self.classify = UnfilledLinear(features + config.kernels, config.classes)
        stream = streams.generator(seed, "priors", "classifying discriminator")
        initialise(self, stream)
        nn.init.normal_(self.compare.projection, generator=stream)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features [N, D] and logits [N, K] of images in [0, 1].

        The images of a batch are compared with one another: its size is part of the result.
        """
        features = self.features(images)
        return features, self.judge(features)

    def features(self, images: Tensor) -> Tensor:
        """Activations before the images are compared, [N, D]; each image's own."""
        activations: Tensor = self.body(images)
        return activations

    def judge(self, features: Tensor) -> Tensor:
        """Logits [N, K] of a batch from its features [N, D]."""
        logits: Tensor = self.classify(self.compare(features))
        return logits


class MinibatchDiscrimination(nn.Module):
    """Appends how close each image of a batch is to the others (quirk idle-comparison).

    Statistic b of image i is the sum over the other images j of exp(-|M_ib - M_jb|_1), where
    M_ib are ``dims`` linear functions of the features of i.
    """

    def __init__(self, features: int, kernels: int, dims: int) -> None:
        """Leave the projection empty; published networks start from N(0, 1)."""
        super().__init__()
        self.projection = nn.Parameter(torch.empty(features, kernels, dims))

    def forward(self, features: Tensor) -> Tensor:
        """Map [N, D] to [N, D + kernels]."""
        projected = torch.tensordot(features, self.projection, dims=1).transpose(0, 1)  # [b, N, d]
        closeness = torch.exp(-torch.cdist(projected, projected, p=1.0)).sum(dim=2) - 1
        return torch.cat([features, closeness.t()], dim=1)


def _block(inputs: int, outputs: int, kernel: int = 5, normalised: bool = True) -> nn.Module:
    """Halves the size."""
    layers: list[nn.Module] = [UnfilledConvolution(inputs, outputs, kernel, 2, padding=kernel // 2)]
    if normalised:
        layers.append(nn.InstanceNorm2d(outputs, affine=True))
    return nn.Sequential(*layers, nn.LeakyReLU(_SLOPE, inplace=True))
