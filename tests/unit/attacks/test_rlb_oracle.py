"""RLB-MI's learner against stable-baselines3's SAC, told what the published code does otherwise.

Opt in, by installing what ``INSTALL`` says. Seen to hold with gymnasium 1.4.0 and PyTorch 2.14.
"""

import pytest
import rlb_models as rlb
import torch
from mirage.attacks.kinds.rlb.draws import EpisodeDraws
from mirage.attacks.kinds.rlb.learner import Learner
from mirage.attacks.kinds.rlb.recipe import RlbRecipe
from mirage.attacks.kinds.rlb.reward import judged, reward
from mirage.attacks.kinds.rlb.search import Search

INSTALL = (
    "pip install --no-deps stable-baselines3==2.9.2 gymnasium farama-notifications cloudpickle"
)
pytest.importorskip("stable_baselines3", reason=INSTALL)
gymnasium = pytest.importorskip("gymnasium")

LABEL, PLACE = 3, 0
RECIPE = RlbRecipe(episodes=60, hidden=16, batch_size=16, lr=2e-3, target_entropy=-100.0)


class Bandit(gymnasium.Env):
    """One step: the action is the latent of a linear prior and target."""

    def __init__(self, draws):
        self.draws, self.step_number = draws, -1
        self.observation_space = gymnasium.spaces.Box(-float("inf"), float("inf"), (6,))
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (6,))

    def reset(self, seed=None, options=None):
        self.step_number += 1
        return self.draws.at(self.step_number).states[0, 0].numpy(), {}

    def step(self, action):
        target = rlb.LinearTarget()
        logits = target.head(target.features(torch.as_tensor(action)))[None, None].expand(1, 2, -1)
        got = reward(judged(logits, torch.tensor([LABEL])), RECIPE)
        return (
            self.draws.at(self.step_number).states[0, 0].numpy(),
            got.values.item(),
            True,
            False,
            {},
        )


def _oracle(draws):
    """SAC with the published exploration, temperature, sampling and initial weights."""
    from stable_baselines3 import SAC
    from stable_baselines3.common.buffers import ReplayBuffer
    from stable_baselines3.common.distributions import SquashedDiagGaussianDistribution

    env = Bandit(draws)

    class Line(SquashedDiagGaussianDistribution):
        """One normal number for all dimensions, of one pass, or of one update."""

        def sample(self):
            if len(self.distribution.mean) == 1:
                e = draws.at(env.step_number).noise[0, 0]
            else:  # an update, before which the next episode has begun
                e = draws.at(env.step_number - 1).update_noise[0]
            self.gaussian_actions = self.distribution.mean + e * self.distribution.stddev
            return torch.tanh(self.gaussian_actions)

    class Distinct(ReplayBuffer):
        """The entries that ours draws, without replacement."""

        def sample(self, batch_size, env=None):
            return self._get_samples(draws.at(self.pos - 1).picked[0].numpy(), env=env)

    class Published(SAC):
        """Acts by its policy from the first step on."""

        def _sample_action(self, learning_starts, action_noise=None, n_envs=1):
            return super()._sample_action(0, action_noise, n_envs)

    oracle = Published(
        "MlpPolicy", env, learning_rate=RECIPE.lr, buffer_size=RECIPE.episodes,
        learning_starts=RECIPE.batch_size, batch_size=RECIPE.batch_size, tau=0.01, gamma=0.99,
        # It sums the log density where the published code averages: a temperature and a target
        # larger by the 6 dimensions are the same; Adam does not see the gradient's size.
        ent_coef=f"auto_{1 / 6}", target_entropy=-600.0, replay_buffer_class=Distinct,
        policy_kwargs={"net_arch": [RECIPE.hidden] * 2, "n_critics": 1}, device="cpu",
    )  # fmt: skip
    oracle.actor.action_dist = Line(6)
    return oracle


def _modules(oracle):
    actor, critic = oracle.actor, oracle.critic.qf0
    layers = [actor.latent_pi[0], actor.latent_pi[2], actor.mu, actor.log_std]
    return [*layers, critic[0], critic[2], critic[4]]


def _give_weights(oracle, learner):
    with torch.no_grad():
        for module, weight, bias in zip(_modules(oracle), *_of(learner), strict=True):
            module.weight.copy_(weight.T)
            module.bias.copy_(bias)


def _of(learner):
    """Weights and biases of one learner, the actor's last layer in its two halves."""
    found = []
    for kind in ("weights", "biases"):
        actor = [value[PLACE] for value in getattr(learner.actor, kind)]
        critic = [value[PLACE] for value in getattr(learner.critics, kind)]
        found.append([*actor[:2], *actor[2].chunk(2, dim=-1), *critic])
    return found[0], [bias[0] for bias in found[1]]


def test_the_same_learner_comes_out():
    draws = EpisodeDraws(RECIPE, [LABEL], rlb.SEED, 6, 0, "cpu")
    oracle = _oracle(draws)
    _give_weights(oracle, Learner(RECIPE, [LABEL], rlb.SEED, 6, "cpu"))
    oracle.learn(RECIPE.episodes)
    ours = Search(RECIPE, [LABEL], rlb.LinearPrior(), rlb.LinearTarget(), rlb.SEED, "cpu")
    for step in range(RECIPE.episodes):
        ours.take(step)

    replay = oracle.replay_buffer
    entries = torch.cat([torch.tensor(replay.observations), torch.tensor(replay.actions)], dim=-1)
    torch.testing.assert_close(entries, ours.entries, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(torch.tensor(replay.rewards), ours.rewards, rtol=1e-4, atol=1e-3)
    assert oracle._n_updates == RECIPE.episodes - RECIPE.batch_size == 44
    tuned = oracle.log_ent_coef.item() + torch.tensor(6.0).log().item()
    assert tuned == pytest.approx(ours.learner.log_temperature.item(), rel=1e-3)
    # Adam moved the weights by 44 steps of 2e-3, 0.088 at most.
    for module, weight, bias in zip(_modules(oracle), *_of(ours.learner), strict=True):
        torch.testing.assert_close(module.weight.detach().T, weight, rtol=0, atol=2e-3)
        torch.testing.assert_close(module.bias.detach(), bias, rtol=0, atol=2e-3)
