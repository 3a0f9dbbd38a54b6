"""A world in which everything is linear, so that what an inversion finds is known in advance."""

from functools import cache

import torch
from mirage.attacks.inversion_loss import InversionLoss
from mirage.attacks.losses import LOSSES
from mirage.targets.architectures.classifier import Classifier
from mirage.targets.bottleneck import Bottleneck
from torch import nn

PX, Z, K = 4, 6, 5


@cache
def matrices(seed=0, dtype=torch.float32):
    """Generator [PX * PX, Z], target [K, PX * PX] and its bias [K]."""
    stream = torch.Generator().manual_seed(seed)
    shapes = ((PX * PX, Z), (K, PX * PX), (K,))
    return [torch.randn(shape, generator=stream, dtype=torch.float64).to(dtype) for shape in shapes]


def generate(z, labels=None):
    """Images 2 A z - 1, so that those in unit range are A z."""
    made = z @ matrices(dtype=z.dtype)[0].T
    return 2 * made.view(-1, 1, PX, PX) - 1


def unit(z):
    return z @ matrices(dtype=z.dtype)[0].T


def target(images, *noise):
    """Features are the pixels of the image in unit range."""
    _, weights, bias = matrices(dtype=images.dtype)
    features = (images.flatten(1) + 1) / 2
    return features, features @ weights.T + bias


def student(images):
    _, weights, bias = matrices(seed=1, dtype=images.dtype)
    return ((images.flatten(1) + 1) / 2) @ weights.T + bias


def no_doubt(images, sizes):
    return images.new_zeros(len(images))


def goal(name="identity", doubt=no_doubt, **terms):
    return InversionLoss(generate, doubt, target, LOSSES[name], **terms)


def corners(classes, networks=(0,)):
    """The corner of the box [-1, 1]^Z where the mean logit of networks is largest, [K, Z]."""
    generator = matrices(dtype=torch.float64)[0]
    weights = [matrices(seed, torch.float64)[1] for seed in networks]
    return (torch.stack(weights).mean(0)[list(classes)] @ generator).sign().float()


class LinearGenerator(nn.Module):
    """As a file would hold it: z to images in unit range."""

    z_dim = Z

    def forward(self, z, labels=None):
        return unit(z).view(-1, 1, PX, PX)


class Unit(nn.Module):
    def forward(self, images):
        return (images.flatten(1) + 1) / 2


def classifier(seed=0):
    """The target, or a student, as a classifier."""
    _, weights, bias = matrices(seed)
    head = nn.Linear(PX * PX, K)
    head.weight.data, head.bias.data = weights.clone(), bias.clone()  # tests change them
    return Classifier(Unit(), head, 1).freeze()


def noisy_classifier():
    """A target with MID's bottleneck, whose noise weighs as much as its image."""
    model = classifier()
    model.head = Bottleneck(PX * PX, K, True, torch.Generator().manual_seed(0))
    model.head.statistics.bias.data += 6
    return model.freeze()
