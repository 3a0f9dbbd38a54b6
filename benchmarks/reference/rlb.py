"""RLB-MI one agent at a time, as the published code has it, less what has no effect there.

Left out are the second critic, which is the first one's double, and the target networks, which
episodes of one step never ask.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Normal


def half_mean_square(q: Tensor, rewards: Tensor) -> Tensor:
    """The critic's loss."""
    return 0.5 * nn.functional.mse_loss(q, rewards)


class Agent:
    """An actor, a critic and a temperature, each with its own Adam."""

    def __init__(self, z_dim: int, hidden: int, lr: float, target_entropy: float) -> None:
        self.trunk = nn.Sequential(
            nn.Linear(z_dim, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self.mean, self.log_std = nn.Linear(hidden, z_dim), nn.Linear(hidden, z_dim)
        self.critic = nn.Sequential(
            nn.Linear(2 * z_dim, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 1),
        )  # fmt: skip
        self.log_temperature = torch.zeros(1, requires_grad=True)
        self.target_entropy = target_entropy
        actor = [*self.trunk.parameters(), *self.mean.parameters(), *self.log_std.parameters()]
        self.actor_adam = torch.optim.Adam(actor, lr=lr)
        self.critic_adam = torch.optim.Adam(self.critic.parameters(), lr=lr)
        self.temperature_adam = torch.optim.Adam([self.log_temperature], lr=lr)

    def evaluate(self, states: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
        """Actions and their log densities, both per dimension."""
        hidden = self.trunk(states)
        mu, std = self.mean(hidden), self.log_std(hidden).clamp(-20, 2).exp()
        x = mu + e * std
        action = torch.tanh(x)
        return action, Normal(mu, std).log_prob(x) - torch.log(1 - action**2 + 1e-6)

    def update(self, states: Tensor, actions: Tensor, rewards: Tensor, e: Tensor) -> None:
        """One step of all three."""
        q = self.critic(torch.cat([states, actions], dim=1)).squeeze(1)
        self.critic_adam.zero_grad()
        half_mean_square(q, rewards).backward()
        self.critic_adam.step()

        temperature = self.log_temperature.exp().detach()
        predicted, log_pi = self.evaluate(states, e)
        gap = (log_pi + self.target_entropy).detach()
        self.temperature_adam.zero_grad()
        (-(self.log_temperature * gap).mean()).backward()
        self.temperature_adam.step()

        value = self.critic(torch.cat([states, predicted], dim=1))
        self.actor_adam.zero_grad()
        (temperature * log_pi - value).mean().backward()
        self.actor_adam.step()


def reward_of(of_latent: Tensor, of_action: Tensor, label: int) -> Tensor:
    """Reward of one episode, of the logits [1, classes] of both images."""
    p, p_action = of_latent.softmax(dim=1)[0], of_action.softmax(dim=1)[0]
    others = torch.cat([p[:label], p[label + 1 :]]).max()
    margin = torch.clamp(p[label] - others, min=1e-7)
    return 2 * p[label].log() + 2 * p_action[label].log() + 8 * margin.log()


def recover(
    ask: Callable[[Tensor, int], Tensor],
    agent: Agent,
    label: int,
    draws: Callable[[int], Any],
    episodes: int,
    batch_size: int,
    keep: float = 0.0,
) -> tuple[Tensor, float]:
    """Search for one class.

    Args:
        ask: latent [1, z_dim] and number of the query -> logits [1, classes].
        agent: fresh.
        label: the class.
        draws: number of an episode -> its random numbers, rows of one class.
        episodes: how many.
        batch_size: of an update.
        keep: share of the state in the latent.

    Returns:
        Latent [z_dim] of the surest test draw, and its confidence.
    """
    memory: list[tuple[Tensor, Tensor, Tensor]] = []
    best, surest = torch.zeros(0), 0.0
    for episode in range(episodes):
        drawn, later = draws(episode), draws(episode + 1)
        with torch.no_grad():
            state = drawn.states[:, 0]
            action, _ = agent.evaluate(state, drawn.noise[:, 0])
            latent = keep * state + (1 - keep) * action
            reward = reward_of(ask(latent, 3 * episode), ask(action, 3 * episode + 1), label)
        memory.append((state[0], action[0], reward))
        if len(memory) > batch_size:
            batch = [memory[place] for place in drawn.picked[0].tolist()]
            states, actions, rewards = (torch.stack(column) for column in zip(*batch, strict=True))
            agent.update(states, actions, rewards, drawn.update_noise[0])
        with torch.no_grad():
            state = later.states[:, 1]
            action, _ = agent.evaluate(state, later.noise[:, 1])
            latent = keep * state + (1 - keep) * action
            p = float(ask(latent, 3 * episode + 2).softmax(dim=1)[0, label])
        if p >= surest:
            best, surest = latent[0], p
    return best, surest
