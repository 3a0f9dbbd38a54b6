"""Soft actor-critic as the published code has it, for many classes at once."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mirage.attacks.kinds.rlb.draws import stream
from mirage.attacks.kinds.rlb.networks import NetworkStack, actor_parameters, critic_parameters
from mirage.attacks.kinds.rlb.recipe import RlbRecipe
from mirage.optimisers import Optimiser
from mirage.recipes import OptimiserRecipe
from mirage.runtime.checkpoint import State

LOG_STD = (-20.0, 2.0)
"""Bounds of the log standard deviation."""

_ROOM = 1e-6  # added to 1 - a^2, which may round to 0
_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


class Learner:
    """K actors, their critics and temperatures; none of them ever meets another.

    An episode has one step, after which nothing follows: the value of an action is its reward, so
    target networks, discount and next states have no part (quirk one-step-episodes).

    Attributes:
        actor: K networks, states to mean and log standard deviation before tanh.
        critics: K networks, or 2 K of the ``textbook`` learner, a class's two side by side.
        log_temperature: [K].
    """

    def __init__(
        self, recipe: RlbRecipe, classes: Sequence[int], seed: int, z_dim: int, device: str
    ) -> None:
        """Draw all networks; the arguments are those of ``draws.EpisodeDraws``."""
        self.recipe, self.z_dim = recipe, z_dim
        self.critics_each = 1 if recipe.learner == "published" else 2
        copies = 1 if recipe.seeding == "per_class" else len(classes)
        names = [(label,) for label in classes] if recipe.seeding == "per_class" else [()]

        def stack(networks: list[tuple[list[Tensor], list[Tensor]]]) -> NetworkStack:
            weights, biases = (
                [
                    torch.stack(layer).repeat(copies, 1, 1).to(device)
                    for layer in zip(*kind, strict=True)
                ]
                for kind in zip(*networks, strict=True)
            )
            return NetworkStack(weights, biases)

        self.actor = stack(
            [actor_parameters(z_dim, recipe.hidden, stream(seed, "actor", *name)) for name in names]
        )
        self.critics = stack([
            critic_parameters(z_dim, recipe.hidden, stream(seed, "critic", *name, number))
            for name in names
            for number in range(self.critics_each)
        ])  # fmt: skip
        self.log_temperature = torch.zeros(len(classes), device=device)
        adam = OptimiserRecipe("adam", recipe.lr)
        self._critic_steps = Optimiser(self.critics.parameters, adam, fused=True)
        self._actor_steps = Optimiser(
            [*self.actor.parameters, self.log_temperature], adam, fused=True
        )

    @torch.no_grad()
    def act(self, states: Tensor, noise: Tensor) -> Tensor:
        """Sample actions in (-1, 1), [K, N, z_dim].

        Args:
            states: [K, N, z_dim].
            noise: standard normal, broadcast to that shape.
        """
        mean, log_std = self.actor.forward(states)[-1].chunk(2, dim=-1)
        return torch.tanh(mean + noise * log_std.clamp(*LOG_STD).exp())

    @torch.no_grad()
    def update(self, entries: Tensor, rewards: Tensor, noise: Tensor) -> None:
        """Step critics, then actors and temperatures, once.

        Args:
            entries: states and actions of the replay, [K, B, 2 * z_dim].
            rewards: of them, [K, B].
            noise: of the actions that the actors' loss is taken at, broadcast to [K, B, z_dim].
        """
        self._update_critics(entries, rewards)
        self._update_actors(entries[..., : self.z_dim], noise)

    def _update_critics(self, entries: Tensor, rewards: Tensor) -> None:
        """Half the mean squared error of the values, of each critic."""
        size = entries.shape[1]
        activations = self.critics.forward(self._for_critics(entries))
        errors = activations[-1] - self._for_critics(rewards[..., None])
        self.critics.backward(activations, errors / size)
        self._critic_steps.step()

    def _update_actors(self, states: Tensor, noise: Tensor) -> None:
        """mean(temperature * log pi - value), and -log temperature * (log pi + target).

        Both are taken before either steps. With x = mean + noise * std before tanh, the normal
        density at x depends on std alone: ln N = -noise^2 / 2 - ln std - ln(2 pi) / 2.
        """
        size = states.shape[1]
        # The published learner takes the mean over dimensions where the textbook's takes the sum.
        share = 1 / self.z_dim if self.recipe.learner == "published" else 1.0
        activations = self.actor.forward(states)
        mean, raw = activations[-1].chunk(2, dim=-1)
        log_std = raw.clamp(*LOG_STD)
        moved = noise * log_std.exp()
        actions = torch.tanh(mean + moved)
        slope = 1 - actions.square()  # of tanh
        density = -0.5 * noise.square() - log_std - _HALF_LOG_TWO_PI - (slope + _ROOM).log()
        entropy_gap = share * density.sum(dim=-1).mean(dim=1) + self.recipe.target_entropy  # [K]
        weight = self.log_temperature.exp()[:, None, None] * share / size
        of_actions = weight * 2 * actions / (slope + _ROOM) - self._value_slopes(states, actions)
        of_mean = of_actions * slope
        of_log_std = (of_mean * moved - weight) * (raw == log_std)
        self.actor.backward(activations, torch.cat([of_mean, of_log_std], dim=-1))
        self.log_temperature.grad = -entropy_gap
        self._actor_steps.step()

    def _value_slopes(self, states: Tensor, actions: Tensor) -> Tensor:
        """Gradient of the mean value (of two critics, the smaller) in the actions [K, B, z_dim]."""
        size = states.shape[1]
        entries = self._for_critics(torch.cat([states, actions], dim=-1))
        activations = self.critics.forward(entries)
        values = activations[-1].view(len(states), self.critics_each, size)
        smaller = torch.zeros_like(values).scatter(1, values.argmin(dim=1, keepdim=True), 1 / size)
        slopes = self.critics.input_gradient(activations, smaller.view(-1, size, 1), self.z_dim)
        return slopes.view(len(states), self.critics_each, size, self.z_dim).sum(dim=1)

    def _for_critics(self, rows: Tensor) -> Tensor:
        """Rows of classes as rows of their critics."""
        return rows if self.critics_each == 1 else rows.repeat_interleave(self.critics_each, dim=0)

    def state(self) -> State:
        """Everything a resumed run needs."""
        named: State = {"log_temperature": self.log_temperature}
        for name, stack in (("actor", self.actor), ("critics", self.critics)):
            named |= {f"{name}.{place}": value for place, value in enumerate(stack.parameters)}
        return (
            named | self._actor_steps.state("adam.actor") | self._critic_steps.state("adam.critics")
        )

    def restore(self, state: State) -> None:
        """Take over what ``state`` returned."""
        for name, value in self.state().items():
            value.copy_(state[name])
