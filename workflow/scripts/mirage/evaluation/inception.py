"""The Inception network of the Fréchet inception distance.

FID is defined on one network: the Inception trained in TensorFlow on 2015-12-05, whose weights
pytorch-fid ported. It is torchvision's Inception-v3 but for 1,008 outputs, average pools that
leave the padding out of the mean, and a max pool in the last block's pooling branch.

Input range: pytorch-fid takes images in [0, 1] and maps them to [-1, 1] itself. The official PPA
code hands it images in [-1, 1] already (quirk fid-range). Here the network takes [-1, 1]; the
paper's reading is the ``paper_input`` of its kind in ``networks``.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Blocks with an average pool, and the one whose pool becomes a max pool.
_AVERAGED = [f"Mixed_{name}" for name in ("5b", "5c", "5d", "6b", "6c", "6d", "6e", "7b")]
_MAXED = "Mixed_7c"


class PoolBranch(nn.Module):
    """A block of torchvision's Inception with another pool in its pooling branch.

    That branch is the last of the block's concatenated outputs; it is computed again, 1x1
    convolution and all, and replaced.
    """

    def __init__(self, block: nn.Module, maximum: bool) -> None:
        """Wrap ``block``; ``maximum`` asks for a max pool, else an average without the padding."""
        super().__init__()
        self.block, self.maximum = block, maximum
        self.convolution = block.get_submodule("branch_pool")

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] to the block's output."""
        if self.maximum:
            pooled = F.max_pool2d(x, 3, stride=1, padding=1)
        else:
            pooled = F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
        branch = self.convolution(pooled)
        return torch.cat([self.block(x)[:, : -branch.shape[1]], branch], dim=1)


def bare_inception() -> nn.Module:
    """Inception-v3 of torchvision with the FID's outputs, before its pools are exchanged."""
    from torchvision.models import inception_v3

    network: nn.Module = inception_v3(
        weights=None, num_classes=1008, aux_logits=False, init_weights=False
    )
    return network


def fid_inception(state: Mapping[str, Tensor]) -> nn.Module:
    """Build the FID Inception from its weights.

    Args:
        state: state dict of pytorch-fid's port, with torchvision's names, held to the layout of
            ``bare_inception`` before.

    Returns:
        Frozen network: images [N, 3, 299, 299] in [-1, 1] to pooled features [N, 2048].
    """
    with torch.device("meta"):
        network = bare_inception()
    # Clones lie where PyTorch puts its own tensors: kernels round by the place in memory.
    network.load_state_dict({n: t.clone() for n, t in state.items()}, assign=True)
    for name in (*_AVERAGED, _MAXED):
        block = network.get_submodule(name)
        setattr(network, name, PoolBranch(block, maximum=name == _MAXED))
    network.fc = nn.Identity()
    return network.eval().requires_grad_(False)
