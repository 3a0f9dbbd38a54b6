"""Two networks that are trained against each other: a step of either, and their state."""

from collections.abc import Collection
from typing import Protocol

import torch
from torch import Tensor, nn

from mirage.optimisers import Optimiser
from mirage.runtime.checkpoint import State


class Opponents(Protocol):
    """A training; its networks are attributes whose names the caller knows.

    Attributes:
        generator_optimiser: of the generator.
        discriminator_optimiser: of its opponent.
    """

    generator_optimiser: Optimiser
    discriminator_optimiser: Optimiser


def descend(optimiser: Optimiser, loss: Tensor) -> None:
    """One optimiser step; gradients are taken for its parameters alone.

    A parameter the loss does not depend on (a bias, under a gradient penalty) gets a zero.
    """
    gradients = torch.autograd.grad(loss, optimiser.parameters, materialize_grads=True)
    for parameter, gradient in zip(optimiser.parameters, gradients, strict=True):
        parameter.grad = gradient
    optimiser.step()


def state(training: Opponents, networks: Collection[str]) -> State:
    """Networks, by the names of their attributes, and both optimisers, as named tensors."""
    return {
        **{
            f"{name}.{key}": value
            for name in networks
            for key, value in getattr(training, name).state_dict().items()
        },
        **training.generator_optimiser.state("generator_optimiser"),
        **training.discriminator_optimiser.state("discriminator_optimiser"),
    }


def restore(training: Opponents, networks: Collection[str], state: State) -> None:
    """Take over what ``state`` returned."""
    for name in networks:
        network: nn.Module = getattr(training, name)
        network.load_state_dict({key: state[f"{name}.{key}"] for key in network.state_dict()})
    training.generator_optimiser.restore(state, "generator_optimiser")
    training.discriminator_optimiser.restore(state, "discriminator_optimiser")
