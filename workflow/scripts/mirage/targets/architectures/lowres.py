"""Networks of the 64 px attacks, and their stand-in at 32 px.

They work on images in [0, 1], without any other normalisation (quirk unit-range); their first
module makes those of the house range. torchvision is imported where a network is built.
"""

from collections import OrderedDict
from itertools import pairwise

from torch import Tensor, nn

from mirage.foreign.layout import fit
from mirage.foreign.reading import read_state
from mirage.recipes import require
from mirage.targets.architectures.classifier import Blueprint, Builder, Classifier
from mirage.targets.architectures.imagenet import drawing_from, original_layout
from mirage.targets.architectures.layers import (
    BatchNorm,
    ConvNorm,
    Linear,
    StreamDropout,
    UnitRange,
    initialise,
)

_VGG_FEATURES = 512 * 2 * 2  # of 64 px
_VGG_PREFIX = "features."
_MINI_WIDTHS = (16, 32, 64, 64, 128)
_IR_STAGES = ((64, 3), (128, 4), (256, 14), (512, 3))  # channels, units
_IR_SIDE = 112 // 2 ** len(_IR_STAGES)


class FlatClassifier(Classifier):
    """A classifier of flattened maps, which batch norm without a shift stands behind."""

    def expect_bottleneck(self) -> None:
        """Leave that batch norm out, as published (quirk bare-bottleneck)."""
        self.trunk.norm = nn.Identity()


def vgg16(plan: Blueprint) -> Classifier:
    """VGG-16 with batch norm, the target: 16.8 million weights at 1,000 classes.

    The convolutional part is torchvision's, ImageNet weights if there are any; its 512 maps of
    2 x 2 are the features, behind batch norm whose shift is frozen at 0.

    Source: KED's repository; paper C.5 (quirk low-resolution-recipe).
    """
    from torchvision.models import vgg

    require(plan.channels == 3, "channels", plan.channels, "3 channels for vgg16")
    with drawing_from(plan.generator):
        features = vgg.make_layers(vgg.cfgs["D"], batch_norm=True)
        norm, head = nn.BatchNorm1d(_VGG_FEATURES), nn.Linear(_VGG_FEATURES, plan.classes)
    if plan.init is not None:
        state = fit(read_state(plan.init), original_layout("vgg16"), plan.init)
        own = {
            k.removeprefix(_VGG_PREFIX): v for k, v in state.items() if k.startswith(_VGG_PREFIX)
        }
        features.load_state_dict(own)
    else:
        _fill_vgg(features, plan)
    norm.bias.requires_grad_(False)
    parts = OrderedDict(range=UnitRange(), features=features, flatten=nn.Flatten(), norm=norm)
    return FlatClassifier(nn.Sequential(parts), head, plan.channels)


def vgg_mini(plan: Blueprint) -> Classifier:
    """Stand-in for VGG-16 at 32 px: one convolution per block, the same head."""
    widths = (plan.channels, *_MINI_WIDTHS)
    blocks = [ConvNorm(inputs, outputs, 3, pool=2) for inputs, outputs in pairwise(widths)]
    norm = BatchNorm(widths[-1])
    norm.shift.requires_grad_(False)
    parts = OrderedDict[str, nn.Module](range=UnitRange())
    parts.update((f"block{place}", block) for place, block in enumerate(blocks, start=1))
    parts.update(flatten=nn.Flatten(), norm=norm)
    model = FlatClassifier(nn.Sequential(parts), Linear(widths[-1], plan.classes), plan.channels)
    initialise(model, plan.generator)
    return model


class ResidualUnit(nn.Module):
    """IR unit: res_layer(x) + shortcut_layer(x), with nothing after the sum."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        """Map ``inputs`` to ``outputs`` channels at ``stride``."""
        super().__init__()
        self.shortcut_layer: nn.Module
        if inputs == outputs:
            self.shortcut_layer = nn.MaxPool2d(1, stride)
        else:
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut_layer = nn.Sequential(projection, nn.BatchNorm2d(outputs))
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to [N, C', H', W']."""
        y: Tensor = self.res_layer(x) + self.shortcut_layer(x)
        return y


def ir50(plan: Blueprint) -> Classifier:
    """IR-50 for faces of 112 px, the evaluation network.

    Source: face.evoLVe as KED's repository uses it; names of its parts are theirs, so that a
    released file fits.
    """
    with drawing_from(plan.generator):
        stem = nn.Conv2d(plan.channels, 64, 3, 1, 1, bias=False)
        units, inputs = [], 64
        for outputs, count in _IR_STAGES:
            for place in range(count):
                units.append(ResidualUnit(inputs, outputs, 2 if place == 0 else 1))
                inputs = outputs
        embedding = nn.Linear(inputs * _IR_SIDE**2, 512)
        head = nn.Linear(512, plan.classes)
    parts = OrderedDict(
        range=UnitRange(),
        input_layer=nn.Sequential(stem, nn.BatchNorm2d(64), nn.PReLU(64)),
        body=nn.Sequential(*units),
        output_layer=nn.Sequential(
            nn.BatchNorm2d(inputs), StreamDropout(0.5), nn.Flatten(), embedding, nn.BatchNorm1d(512)
        ),
    )
    trunk = nn.Sequential(parts)
    for layer in trunk.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight, generator=plan.generator)
    nn.init.zeros_(embedding.bias)
    return Classifier(trunk, head, plan.channels)


def _fill_vgg(features: nn.Module, plan: Blueprint) -> None:
    """Random weights as torchvision gives its VGGs: He et al. 2015, by fan-out."""
    for layer in features.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(
                layer.weight, mode="fan_out", nonlinearity="relu", generator=plan.generator
            )
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


BUILDERS: dict[str, Builder] = {"vgg16": vgg16, "vgg-mini": vgg_mini, "ir50": ir50}

RELEASED = {
    "vgg16": (
        (r"^(module\.)?feature\.", "trunk.features."),
        (r"^(module\.)?bn\.", "trunk.norm."),
        (r"^(module\.)?fc_layer\.", "head."),
    ),
    "ir50": ((r"^(module\.)?feature\.", "trunk."), (r"^(module\.)?fc_layer\.", "head.")),
}
"""Architecture -> patterns of a released file's names, and what stands for them here."""
