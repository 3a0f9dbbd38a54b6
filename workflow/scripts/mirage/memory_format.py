"""The order in which a network's weights lie in memory."""

from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def laid_out(network: Network, device: str) -> Network:
    """Put the weights of a network that is not trained into the order in which it runs fastest.

    On a CPU that is channels-last, which features follow: convolutions of few channels take less
    time, and nothing is sorted anew between them. Results differ by rounding.
    """
    if torch.device(device).type == "cpu":
        network.to(memory_format=torch.channels_last)
    return network
