"""Small networks for the demo, each with the design of one published architecture.

Measured choices of the demo scale: 3x3 stem of stride 2, four stages, batch norm, global average
pool; 24k to 100k weights, so that one 32 px training takes seconds on one core.
"""

from collections.abc import Callable
from itertools import pairwise

from torch import nn

from mirage.targets.architectures.classifier import Blueprint, Builder, Classifier
from mirage.targets.architectures.layers import (
    BatchNorm,
    ConvNorm,
    DenseLayer,
    GlobalAverage,
    Kernel,
    Linear,
    Residual,
    initialise,
)

_WIDTHS = (8, 16, 32, 64)
Body = Callable[[int, int, int], list[nn.Module]]


def resnet_mini(plan: Blueprint) -> Classifier:
    """Stand-in for ResNet-152: one basic block per stage, widths 8 to 64."""

    def body(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
        return [
            ConvNorm(inputs, outputs, 3, stride),
            ConvNorm(outputs, outputs, 3, relu=False),
        ]

    return _residual(plan, body)


def resnext_mini(plan: Blueprint) -> Classifier:
    """Stand-in for ResNeXt-50: one bottleneck with 4 groups per stage, widths 8 to 64."""

    def body(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
        return [
            ConvNorm(inputs, outputs, 1),
            ConvNorm(outputs, outputs, 3, stride, 4),
            ConvNorm(outputs, outputs, 1, relu=False),
        ]

    return _residual(plan, body)


def _residual(plan: Blueprint, body: Body) -> Classifier:
    layers: list[nn.Module] = [ConvNorm(plan.channels, _WIDTHS[0], 3, 2)]
    inputs = _WIDTHS[0]
    for stage, width in enumerate(_WIDTHS):
        stride = 1 if stage == 0 else 2
        branch = nn.Sequential(*body(inputs, width, stride))
        layers.append(Residual(branch, inputs, width, stride))
        inputs = width
    return _classifier(plan, layers, inputs)


def densenet_mini(plan: Blueprint, width: int = 16, growth: int = 7) -> Classifier:
    """Stand-in for DenseNet-121: 4 blocks of 3 dense layers, halved in between."""
    layers: list[nn.Module] = [Kernel(plan.channels, width, 3, 2)]
    for block in range(4):
        if block > 0:
            layers += [BatchNorm(width, relu=True), Kernel(width, width // 2, 1), nn.AvgPool2d(2)]
            width //= 2
        for _ in range(3):
            layers.append(DenseLayer(width, growth))
            width += growth
    layers.append(BatchNorm(width, relu=True))
    return _classifier(plan, layers, width)


def convnet_mini(plan: Blueprint) -> Classifier:
    """Evaluation model of the demo: plain convolutions and max pooling, widths 16 to 128."""
    widths = (plan.channels, 16, 32, 64, 128)
    layers: list[nn.Module] = [
        ConvNorm(inputs, outputs, 3, pool=2) for inputs, outputs in pairwise(widths)
    ]
    return _classifier(plan, layers, widths[-1])


def digitnet(plan: Blueprint) -> Classifier:
    """Network of 8 px images: three convolutions, whose 64 maps of 2 x 2 are all seen by the head.

    Without a global average, so that what stands in a corner tells where it stands.
    """
    widths = (plan.channels, 16, 32, 64)
    pools = (2, 2, 1)
    layers: list[nn.Module] = [
        ConvNorm(inputs, outputs, 3, pool=pool)
        for (inputs, outputs), pool in zip(pairwise(widths), pools, strict=True)
    ]
    trunk = nn.Sequential(*layers, nn.Flatten())
    model = Classifier(trunk, Linear(widths[-1] * 2 * 2, plan.classes), plan.channels)
    initialise(model, plan.generator)
    return model


def _classifier(plan: Blueprint, layers: list[nn.Module], width: int) -> Classifier:
    trunk = nn.Sequential(*layers, GlobalAverage())
    model = Classifier(trunk, Linear(width, plan.classes), plan.channels)
    initialise(model, plan.generator)
    return model


BUILDERS: dict[str, Builder] = {
    "resnet-mini": resnet_mini,
    "resnext-mini": resnext_mini,
    "densenet-mini": densenet_mini,
    "convnet-mini": convnet_mini,
    "digitnet": digitnet,
}
