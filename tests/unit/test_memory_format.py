"""How weights lie in memory: features follow, and only rounding tells."""

from pathlib import Path

import pytest
import torch
from mirage.memory_format import laid_out
from mirage.priors.stylegan2 import synthesis
from mirage.priors.weights import load_generator

PRIOR = Path(__file__).parents[2] / "workflow/presets/priors/orl-faces/generator.safetensors"


@pytest.mark.parametrize("large", [False, True])
def test_on_a_cpu_features_lie_channels_last_and_say_the_same(monkeypatch, large):
    if large:  # the frozen network's own backward pass
        monkeypatch.setattr(synthesis, "LARGE_PX", 8)
    laid, plain = (load_generator(PRIOR).double() for _ in range(2))
    plain.to(memory_format=torch.contiguous_format)
    assert laid_out(plain, "cuda").synthesis.b8.conv1.weight.is_contiguous()
    seen = []
    for layer in (laid.synthesis.b8.conv1, laid.synthesis.b32.conv0, laid.synthesis.b32.conv1):
        layer.register_forward_hook(lambda *call: seen.append(call[2]))
    w = torch.randn(3, laid.w_dim, generator=torch.Generator().manual_seed(0)).double()
    found = []
    for network in (laid, plain):
        ws = w[:, None].repeat(1, network.num_ws, 1).requires_grad_()
        images = network.synthesis(ws)
        found.append((images, *torch.autograd.grad(images.square().sum(), ws)))
    assert len(seen) == (0 if large else 3)
    assert all(x.is_contiguous(memory_format=torch.channels_last) for x in seen)
    for ours, other in zip(*found, strict=True):
        torch.testing.assert_close(ours, other, rtol=1e-12, atol=1e-12)
