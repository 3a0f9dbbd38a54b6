"""RLB-MI: the learners of all classes at once beside one plain agent after the other."""

import argparse
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
from mirage.attacks.given import Given
from mirage.attacks.kinds.rlb.draws import EpisodeDraws
from mirage.attacks.kinds.rlb.learner import Learner
from mirage.attacks.kinds.rlb.recipe import RlbRecipe
from mirage.attacks.kinds.rlb.recover import recover_latents
from mirage.priors.gans.sizes import DeconvolutionConfig
from mirage.priors.kinds import KINDS
from mirage.priors.rendering import Prior
from mirage.priors.weights import frozen
from mirage.runtime.checkpoint import Checkpoint
from mirage.targets.architectures import build
from torch import Tensor

from benchmarks.paired import Ratio, paired
from benchmarks.reference import rlb as reference
from benchmarks.table import Row, table

PEOPLE, PX, SEED = 24, 32, 1


class Size(NamedTuple):
    """Widths of the learner, and how many agents are timed one after the other."""

    z_dim: int
    hidden: int
    batch_size: int
    agents: int


SIZES = {
    "demo": Size(z_dim=32, hidden=64, batch_size=64, agents=3),
    "published": Size(z_dim=100, hidden=256, batch_size=256, agents=1),
}


def random_prior(z_dim: int) -> Prior:
    """A small generator with random weights."""
    config = DeconvolutionConfig(PX, 1, (64, 32, 16), z_dim)
    return Prior(frozen(KINDS["wgan"]["generator"].build(config), "cpu"), PX)


def plain_agent(learner: Learner, place: int, recipe: RlbRecipe) -> reference.Agent:
    """The plain agent with the weights of one of the learners."""
    agent = reference.Agent(learner.z_dim, recipe.hidden, recipe.lr, recipe.target_entropy)
    layers = [
        [(w[place].T, b[place, 0]) for w, b in zip(stack.weights, stack.biases, strict=True)]
        for stack in (learner.actor, learner.critics)
    ]
    last, last_bias = layers[0].pop()
    halves = list(zip(last.chunk(2), last_bias.chunk(2), strict=True))
    modules = [agent.trunk[0], agent.trunk[2], agent.mean, agent.log_std, *agent.critic[::2]]
    for module, (weight, bias) in zip(modules, [*layers[0], *halves, *layers[1]], strict=True):
        module.weight.data.copy_(weight)
        module.bias.data.copy_(bias)
    return agent


def compare(name: str, size: Size, classes: int, episodes: int, repetitions: int) -> Row:
    """Time both; the time of a few agents stands for that of as many as there are classes."""
    torch.manual_seed(0)
    recipe = RlbRecipe(
        size.batch_size + episodes, hidden=size.hidden, batch_size=size.batch_size,
        seeding="per_class",
    )  # fmt: skip
    prior = random_prior(size.z_dim)
    target = build("resnet-mini", max(PEOPLE, classes), 1).freeze()
    attacked = list(range(classes))
    given = Given({}, {}, attacked, PX, PX, SEED, "cpu", 2 * classes, Checkpoint(None, {}))

    def ask(label: int, latent: Tensor, query: int) -> Tensor:
        logits: Tensor = target(prior.generate(latent, torch.tensor([label])))
        return logits

    def one_at_a_time() -> Tensor:
        found = []
        for label in attacked[: size.agents]:
            learner = Learner(recipe, [label], SEED, size.z_dim, "cpu")
            draws = EpisodeDraws(recipe, [label], SEED, size.z_dim, 0, "cpu")
            agent = plain_agent(learner, 0, recipe)
            best, _ = reference.recover(
                partial(ask, label), agent, label, draws.at, recipe.episodes, recipe.batch_size
            )
            found.append(best)
        return torch.stack(found)

    ours = recover_latents(given, recipe, prior, target).latents[: size.agents, 0]
    gap = float((ours - one_at_a_time()).abs().max())
    few = paired(lambda: recover_latents(given, recipe, prior, target), one_at_a_time, repetitions)
    share = classes / size.agents
    ratio = Ratio(
        few.median * share, few.low * share, few.high * share, few.ours, few.reference * share
    )
    return Row(
        f"{name}, {classes} classes, {recipe.episodes} episodes", ratio, "s",
        8.0 if classes == PEOPLE else None, ("latents", gap), 1e-2,
    )  # fmt: skip


def main(options: Sequence[str]) -> int:
    """Compare at one or both sizes."""
    parser = argparse.ArgumentParser(prog="benchmarks/run.py rlb")
    parser.add_argument("--size", choices=tuple(SIZES), nargs="*", default=list(SIZES))
    parser.add_argument("--classes", type=int, nargs="*", default=[PEOPLE, 100])
    parser.add_argument("--episodes", type=int, default=40, help="with updates, of each class")
    parser.add_argument("--repetitions", type=int, default=3)
    chosen = parser.parse_args(options)
    rows = [
        compare(name, SIZES[name], classes, chosen.episodes, chosen.repetitions)
        for name in chosen.size
        for classes in chosen.classes
    ]
    print(table(rows))
    return 0 if all(row.agrees for row in rows) else 1
