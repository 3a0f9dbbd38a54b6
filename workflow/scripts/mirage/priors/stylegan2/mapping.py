"""The mapping network: z to the intermediate latent w, and truncation towards the mean w."""

import torch
from torch import Tensor, nn

from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2.layers import FullyConnected


class Mapping(nn.Module):
    """Normalisation of z and a stack of fully connected layers fc0, fc1, ...

    Attributes:
        w_avg: mean w, tracked in training, [w_dim].
    """

    w_avg: Tensor

    def __init__(self, config: GeneratorConfig, draws: torch.Generator) -> None:
        super().__init__()
        self.layers, multiplier = config.mapping_layers, config.mapping_lr_multiplier
        inputs = config.z_dim
        for index in range(self.layers):
            layer = FullyConnected(inputs, config.w_dim, draws, True, multiplier)
            self.add_module(f"fc{index}", layer)
            inputs = config.w_dim
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(self, z: Tensor) -> Tensor:
        """Map z [N, z_dim] to w [N, w_dim]."""
        x = z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + 1e-8)
        for index in range(self.layers):
            x = self.get_submodule(f"fc{index}")(x)
        return x


def truncate(w: Tensor, w_avg: Tensor, num_ws: int, psi: float, cutoff: int | None) -> Tensor:
    """Repeat w for every layer, drawn towards the mean in the first layers.

    Args:
        w: [N, w_dim].
        w_avg: [w_dim].
        num_ws: layers of the synthesis network.
        psi: 1 leaves w as it is, 0 gives the mean.
        cutoff: layers [0, cutoff) are truncated; None for all.

    Returns:
        [N, num_ws, w_dim].
    """
    ws = w[:, None].expand(-1, num_ws, -1)
    if psi == 1:
        return ws
    first = num_ws if cutoff is None else min(cutoff, num_ws)
    # lerp rather than w_avg + psi * (w - w_avg): the official code's very bits.
    truncated = torch.lerp(w_avg, w, psi)[:, None].expand(-1, first, -1)
    return torch.cat([truncated, ws[:, first:]], dim=1)
