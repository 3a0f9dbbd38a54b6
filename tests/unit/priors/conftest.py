"""Small networks with all parameters random, so that no term of a formula is zero."""

import pytest
import torch
from mirage.priors.shapes import DiscriminatorConfig, GeneratorConfig
from mirage.priors.stylegan2.discriminator import Discriminator
from mirage.priors.stylegan2.generator import Generator
from torch.utils._python_dispatch import TorchDispatchMode


def _shake(network):
    draws = torch.Generator().manual_seed(1)
    for name, tensor in network.state_dict().items():
        if tensor.ndim < 2 and not name.startswith("mapping.fc"):
            tensor += torch.randn(tensor.shape, generator=draws).to(tensor)
    return network.eval().requires_grad_(False)


@pytest.fixture
def make_generator():
    def make(image_px=32, channels=(7, 6, 5, 4), seed=3, **settings):
        config = GeneratorConfig(
            image_px, channels=channels, z_dim=9, w_dim=8, mapping_layers=3, **settings
        )
        return _shake(Generator(config, seed=seed))

    return make


@pytest.fixture
def make_discriminator():
    def make(image_px=16, channels=(6, 5, 4), seed=3, **settings):
        return _shake(
            Discriminator(DiscriminatorConfig(image_px, channels=channels, **settings), seed=seed)
        )

    return make


@pytest.fixture
def randn():
    """Float64 normal numbers of a shape, from a seed."""

    def draw(*shape, seed=0):
        return torch.randn(
            *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )

    return draw


class _Largest(TorchDispatchMode):
    """Most elements that any result has."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and not func.is_view:
            self.elements = max(self.elements, result.numel())
        return result


@pytest.fixture
def largest_activations():
    """Watches a computation: a context that knows most elements of any result."""
    return _Largest
