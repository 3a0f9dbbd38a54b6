"""EfficientNet-B0 to B2 (Tan and Le 2019) from torchvision: LOMMA's students."""

from collections import OrderedDict
from functools import partial

import torch
from torch import Tensor, nn

from mirage.foreign.layout import fit
from mirage.foreign.reading import read_state
from mirage.recipes import require
from mirage.targets.architectures.classifier import Blueprint, Builder, Classifier
from mirage.targets.architectures.imagenet import drawing_from, original, original_layout
from mirage.targets.architectures.layers import StreamDropout, UnitRange


class StreamDepth(StreamDropout):
    """Stochastic depth: drops a residual branch for whole images, by an explicit generator."""

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape [N, C, H, W]; do nothing in eval mode."""
        if not self.training:
            return x
        draws = torch.rand(len(x), 1, 1, 1, generator=self.generator)
        mask = (draws >= self.probability).to(x.device, x.dtype)
        return x * mask / (1 - self.probability)


def efficientnet(architecture: str, plan: Blueprint) -> Classifier:
    """One of the three: its convolutional part, global average pool, and a fresh linear layer.

    It works on images in [0, 1] without other normalisation and has no dropout before the last
    layer.

    Source: LOMMA's code.
    """
    from torchvision.ops import StochasticDepth

    require(plan.channels == 3, "channels", plan.channels, f"3 channels for {architecture}")
    with drawing_from(plan.generator):
        network = original(architecture)
        head = nn.Linear(network.classifier[1].in_features, plan.classes)
    if plan.init is not None:
        layout = original_layout(architecture)
        network.load_state_dict(fit(read_state(plan.init), layout, plan.init))
    for block in network.features.modules():
        for name, part in block.named_children():
            if isinstance(part, StochasticDepth):
                setattr(block, name, StreamDepth(part.p))
    parts = OrderedDict(
        range=UnitRange(), features=network.features, pool=network.avgpool, flatten=nn.Flatten()
    )
    return Classifier(nn.Sequential(parts), head, plan.channels)


BUILDERS: dict[str, Builder] = {
    name: partial(efficientnet, name)
    for name in ("efficientnet-b0", "efficientnet-b1", "efficientnet-b2")
}
