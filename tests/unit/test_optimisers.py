"""Our optimisers against PyTorch's classes, and through a checkpoint."""

import pytest
import torch
from mirage.errors import MirageError
from mirage.optimisers import Optimiser
from mirage.recipes import OptimiserRecipe

CASES = [
    (OptimiserRecipe("adam", 0.01, betas=(0.1, 0.1)), torch.optim.Adam, {"betas": (0.1, 0.1)}),
    (OptimiserRecipe("adam", 0.01, weight_decay=0.1), torch.optim.Adam, {"weight_decay": 0.1}),
    (OptimiserRecipe("sgd", 0.1), torch.optim.SGD, {}),
    (
        OptimiserRecipe("sgd", 0.1, momentum=0.9, weight_decay=1e-2),
        torch.optim.SGD,
        {"momentum": 0.9, "weight_decay": 1e-2},
    ),
]


def _descend(parameters, step, steps):
    for _ in range(steps):
        for parameter in parameters:
            parameter.grad = None
        sum((p**4).sum() + p.sin().sum() for p in parameters).backward()
        step()


@pytest.mark.parametrize(("recipe", "oracle", "options"), CASES)
def test_same_steps_as_the_class(recipe, oracle, options):
    start = [torch.randn(3, 4), torch.randn(5)]
    ours = [t.clone().requires_grad_() for t in start]
    theirs = [t.clone().requires_grad_() for t in start]
    _descend(ours, Optimiser(ours, recipe).step, 7)
    _descend(theirs, oracle(theirs, lr=recipe.lr, **options).step, 7)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("recipe", "oracle", "options"), CASES)
def test_four_steps_are_two_and_two(recipe, oracle, options):
    start = torch.randn(6)
    whole = [start.clone().requires_grad_()]
    _descend(whole, Optimiser(whole, recipe).step, 4)
    half = [start.clone().requires_grad_()]
    first = Optimiser(half, recipe)
    _descend(half, first.step, 2)
    saved = {name: tensor.clone() for name, tensor in first.state().items()}
    second = Optimiser(half, recipe)
    second.restore(saved)
    _descend(half, second.step, 2)
    assert torch.equal(whole[0], half[0])


def test_impossible_numbers_are_named():
    with pytest.raises(MirageError, match="betas"):
        OptimiserRecipe.of({"name": "adam", "lr": 0.1, "betas": [0.1, 1.0]})
    with pytest.raises(MirageError, match="lrr"):
        OptimiserRecipe.of({"name": "adam", "lrr": 0.1})
