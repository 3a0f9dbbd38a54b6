"""Batch norms that are folded into convolutions leave the function as it was."""

import pytest
import torch
from mirage.targets.architectures import build
from mirage.targets.folding import folded
from torch import nn


def _trained(architecture):
    """A classifier with running statistics and scales that are not those of the start."""
    draws = torch.Generator().manual_seed(1)
    model = build(architecture, 5, 3).double()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.weight, layer.running_var):
                values.data.uniform_(0.5, 1.5, generator=draws)
            for values in (layer.bias, layer.running_mean):
                values.data.normal_(0, 0.2, generator=draws)
    return model.freeze()


def _norms(model):
    return sum(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())


@pytest.mark.parametrize(("architecture", "left"), [("resnet18", 0), ("densenet121", 62)])
def test_logits_and_gradients_are_the_same(architecture, left):
    model, before = _trained(architecture), {}
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fewer = folded(model)
    assert _norms(fewer) == left < _norms(model)
    draws = torch.Generator().manual_seed(2)
    images = torch.randn(2, 3, 64, 64, generator=draws, dtype=torch.float64).requires_grad_()
    logits = [made(images) for made in (fewer, model)]
    torch.testing.assert_close(*logits, rtol=1e-10, atol=1e-10)
    gradients = [torch.autograd.grad(made.square().sum(), images)[0] for made in logits]
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(fewer.head(fewer.features(images)), logits[0])
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(weight.requires_grad for weight in fewer.parameters())
    assert not fewer.training


def test_what_has_nothing_to_fold_stays_itself():
    model = build("resnet-mini", 5, 3).freeze()
    assert folded(model) is model
    assert folded(len) is len
