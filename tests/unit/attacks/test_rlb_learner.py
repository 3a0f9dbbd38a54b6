"""RLB-MI's learner: gradients in closed form, the temperature's fall, draws without replacement."""

import math
from itertools import chain

import pytest
import rlb_models as rlb
import torch
from mirage.attacks.kinds.rlb.draws import EpisodeDraws, distinct
from mirage.attacks.kinds.rlb.learner import Learner
from torch.distributions import Normal

Z, SIZE, CLASSES = 5, 8, (2, 7, 1)


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def _learner(recipe):
    learner = Learner(recipe, CLASSES, 3, Z, "cpu")
    stream = torch.Generator().manual_seed(0)
    for value in [*learner.actor.parameters, *learner.critics.parameters]:
        # Wider than a fresh learner's, so that log standard deviations reach their upper bound.
        value += 0.5 * torch.randn(value.shape, generator=stream)
    learner.log_temperature.copy_(torch.tensor([0.0, -1.0, -2.0]))
    return learner


def _drawn(recipe):
    stream = torch.Generator().manual_seed(1)
    width = (1, 1) if recipe.learner == "published" else (SIZE, Z)
    entries = torch.randn(3, SIZE, 2 * Z, generator=stream)
    rewards = 10 * torch.randn(3, SIZE, generator=stream)
    return entries, rewards, torch.randn(3, *width, generator=stream)


def _network(x, stack, place):
    for layer, (weight, bias) in enumerate(zip(stack.weights, stack.biases, strict=True)):
        x = x @ weight[place] + bias[place]
        x = x if layer == 2 else x.relu()
    return x


def _losses(learner, recipe, place, entries, rewards, e):
    """The published losses of one learner, by autograd: critics', actor's, temperature's."""
    each = learner.critics_each
    numbers = range(place * each, (place + 1) * each)
    values = [_network(entries, learner.critics, number) for number in numbers]
    of_critics = sum(0.5 * (v.squeeze(1) - rewards).square().mean() for v in values)
    states = entries[:, :Z]
    mean, log_std = _network(states, learner.actor, place).chunk(2, dim=1)
    std = log_std.clamp(-20, 2).exp()
    x = mean + e * std
    action = x.tanh()
    density = Normal(mean, std).log_prob(x) - (1 - action.square() + 1e-6).log()
    log_pi = density.mean(1) if recipe.learner == "published" else density.sum(1)
    judged = torch.stack(
        [_network(torch.cat([states, action], 1), learner.critics, n).squeeze(1) for n in numbers]
    ).amin(0)
    log_temperature = learner.log_temperature[place]
    of_actor = (log_temperature.exp().detach() * log_pi - judged).mean()
    of_temperature = -log_temperature * (log_pi.detach() + recipe.target_entropy).mean()
    return of_critics, of_actor, of_temperature


@pytest.mark.parametrize("kind", ["published", "textbook"])
def test_gradients_are_those_of_the_losses(kind):
    recipe = rlb.small(learner=kind, lr=1e-12, target_entropy=-4.0)
    learner = _learner(recipe)
    entries, rewards, noise = _drawn(recipe)
    learner.update(entries, rewards, noise)
    parts = learner.critics.parameters, learner.actor.parameters, [learner.log_temperature]
    ours = [[value.grad.clone() for value in part] for part in parts]
    for value in chain(*parts):
        value.grad = None
        value.requires_grad_()
    totals = [0.0, 0.0, 0.0]
    for place in range(3):
        e = noise[place]
        each = _losses(learner, recipe, place, entries[place], rewards[place], e)
        totals = [total + loss for total, loss in zip(totals, each, strict=True)]
    for part, total, found in zip(parts, totals, ours, strict=True):
        expected = torch.autograd.grad(total, part)
        for gradient, value in zip(expected, found, strict=True):
            torch.testing.assert_close(value, gradient, rtol=1e-7, atol=1e-9)
            assert gradient.abs().max() > 1e-6


def test_gradient_at_the_bounds_of_the_deviation_is_0():
    recipe = rlb.small(lr=1e-12)
    learner = _learner(recipe)
    learner.actor.biases[-1][:, :, Z] = 40.0
    learner.actor.biases[-1][:, :, Z + 1] = -40.0
    learner.update(*_drawn(recipe))
    gradient = learner.actor.biases[-1].grad
    assert (gradient[:, 0, Z : Z + 2] == 0).all()
    assert (gradient[:, 0, Z + 2 :] != 0).all()


def test_the_log_temperature_falls_by_the_learning_rate():
    recipe = rlb.small(hidden=4)
    learner = Learner(recipe, CLASSES, 3, Z, "cpu")
    before = learner.log_temperature.clone()
    for step in range(1, 101):
        learner.update(*_drawn(recipe))
        fall = learner.log_temperature - before
        torch.testing.assert_close(fall, torch.full((3,), -5e-4 * step), rtol=5e-3, atol=0)


def test_fresh_weights_are_within_the_published_bounds():
    recipe = rlb.small(hidden=256)
    learner = Learner(recipe, CLASSES, 3, 100, "cpu")
    for stack, limits in (
        (learner.actor, (1 / 10, 1 / 16, 1 / 16)),
        (learner.critics, (1 / 16, 1 / 16, 3e-3)),
    ):
        for weight, limit in zip(stack.weights, limits, strict=True):
            assert weight.abs().max() == pytest.approx(limit, rel=0.02)
            assert weight.abs().max() <= limit
    limits = (1 / 200**0.5, 1 / 16, 1 / 16)
    for bias, limit in zip(learner.critics.biases, limits, strict=True):
        assert bias.abs().max() <= limit
    count = sum(value[0].numel() for value in learner.actor.parameters)
    assert count == 100 * 256 + 256 + 256 * 256 + 256 + 2 * (256 * 100 + 100)


def test_seeding():
    shared = Learner(rlb.small(), CLASSES, 3, Z, "cpu")
    own = Learner(rlb.small(seeding="per_class"), CLASSES, 3, Z, "cpu")
    twins = Learner(rlb.small(learner="textbook"), CLASSES, 3, Z, "cpu")
    for value in [*shared.actor.parameters, *shared.critics.parameters]:
        assert torch.equal(value[0], value[2])
    assert not torch.equal(own.actor.weights[0][0], own.actor.weights[0][2])
    critics = twins.critics.weights[0]
    assert torch.equal(critics[0], critics[2])
    assert not torch.equal(critics[0], critics[1])


def test_drawn_entries_are_different_and_equally_likely():
    raw = torch.randint(2**31, (2, 4000, 3), generator=torch.Generator().manual_seed(0))
    counts = torch.full((4000,), 5)
    picked = distinct(raw, counts)
    assert (picked.sort(-1).values.diff(dim=-1) > 0).all()
    assert picked.min() == 0
    assert picked.max() == 4
    kinds, often = torch.unique(picked.sort(-1).values.flatten(0, 1), dim=0, return_counts=True)
    assert len(kinds) == math.comb(5, 3)
    # Chi-square of 10 equally likely subsets, 9 degrees of freedom: 27.9 is its 0.1 % point.
    assert ((often - 800.0).square() / 800).sum() < 27.9


def test_entries_come_from_those_there_are():
    draws = EpisodeDraws(rlb.small(batch_size=64), CLASSES, 3, Z, 0, "cpu")
    for step in (64, 65, 127, 128, 200):
        picked = draws.at(step).picked
        assert picked.max() <= step
        assert (picked.sort(1).values.diff(dim=1) > 0).all()
    assert draws.at(63).picked.sort(1).values.equal(torch.arange(64).expand(3, 64))


@pytest.mark.parametrize("kind", ["published", "textbook"])
def test_draws_do_not_depend_on_company_or_order(kind):
    recipe = rlb.small(learner=kind, seeding="per_class")
    together = EpisodeDraws(recipe, CLASSES, 3, Z, 4, "cpu")
    alone = EpisodeDraws(recipe, CLASSES[1:2], 3, Z, 4, "cpu")
    later = [part[1:2].clone() for part in together.at(70)]
    assert all(map(torch.equal, later, alone.at(70)))
    for step in (0, 9, 70):
        for ours, theirs in zip(together.at(step), alone.at(step), strict=True):
            assert torch.equal(ours[1:2], theirs)
    assert not torch.equal(together.at(70).states[0], together.at(70).states[1])
    assert not torch.equal(together.at(70).states, together.at(71).states)


def test_shared_seeding_shares_all_but_the_targets_noise():
    *shared, of_target = EpisodeDraws(rlb.small(), CLASSES, 3, Z, 4, "cpu").at(1)
    assert all(torch.equal(part[0], part[2]) for part in shared)
    assert not torch.equal(of_target[0], of_target[2])
    assert shared[1].shape == (3, 2, 1)
    textbook = EpisodeDraws(rlb.small(learner="textbook"), CLASSES, 3, Z, 4, "cpu").at(1)
    assert textbook.noise.shape == (3, 2, Z)
    assert textbook.update_noise.shape == (3, 8, Z)
