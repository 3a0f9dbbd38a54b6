"""Training of a prior: averages, schedule, and bits that survive interruptions."""

import pytest
import torch
from interruptions import StopAfter
from mirage.errors import Interrupted, MirageError
from mirage.priors import losses, training
from mirage.priors.recipe import PriorRecipe, lazy_optimiser_recipe
from mirage.priors.training import train_prior
from mirage.recipes import OptimiserRecipe
from mirage.runtime.checkpoint import Checkpoint
from slopes import slope

RECIPE = {
    "generator": {
        "image_px": 8, "image_channels": 1, "channels": [6, 4],
        "z_dim": 5, "w_dim": 5, "mapping_layers": 1,
    },
    "discriminator": {"image_px": 8, "image_channels": 1, "channels": [6, 4]},
    "steps": 6, "batch_size": 4, "r1_interval": 2, "path_interval": 3, "path_batch": 2,
}  # fmt: skip


def _images(count=7, px=8):
    draws = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 1, px, px), generator=draws, dtype=torch.uint8)


def _train(seed=3, path=None, **changes):
    recipe = PriorRecipe.of({**RECIPE, **changes})
    return train_prior(_images(), recipe, seed, Checkpoint(path, {"work": "test"}), "cpu")


def _bytes(trained):
    tensors = dict(trained.generator.state_dict())
    tensors.update({f"d.{k}": v for k, v in trained.discriminator.state_dict().items()})
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


def test_same_seed_same_bytes_and_another_seed_others():
    once = _bytes(_train())
    assert once == _bytes(_train())
    assert once != _bytes(_train(seed=4))


def test_interrupted_training_ends_with_the_same_bytes(tmp_path):
    path = tmp_path / "state.safetensors"
    recipe = PriorRecipe.of(RECIPE)
    for ticks in (1, 3):
        with pytest.raises(Interrupted):
            train_prior(_images(), recipe, 3, StopAfter(path, ticks, {"work": "test"}), "cpu")
    assert int(Checkpoint(path, {"work": "test"}).load()["done"]) == 4
    assert _bytes(_train(path=path)) == _bytes(_train())


def test_penalties_can_be_left_out(monkeypatch):
    monkeypatch.delattr(losses, "r1_penalty")
    monkeypatch.delattr(losses, "path_lengths")
    trained = _train(r1_gamma=0, path_weight=0)
    assert all(value.isfinite().all() for value in trained.generator.state_dict().values())


def test_networks_come_back_frozen_and_trained():
    trained = _train()
    fresh = training.Generator(PriorRecipe.of(RECIPE).generator, 3)
    for network in (trained.generator, trained.discriminator):
        assert not network.training
        assert not any(p.requires_grad for p in network.parameters())
    assert trained.generator.w_avg.abs().sum() > 0
    start, end = fresh.state_dict(), trained.generator.state_dict()
    changed = {name for name in start if not torch.equal(start[name], end[name])}
    assert changed >= set(dict(fresh.named_parameters()))


def test_average_in_closed_form():
    values = torch.randn(5, 3, dtype=torch.float64)
    average = [torch.zeros(3, dtype=torch.float64)]
    for value in values:
        training.average_weights(average, [value], 0.9)
    weights = 0.1 * 0.9 ** torch.arange(4, -1, -1, dtype=torch.float64)
    torch.testing.assert_close(average[0], weights @ values)


def test_averaged_generator_follows_the_current_one(monkeypatch):
    seen, average = [], training.average_weights

    def spy(averages, current, decay):
        average(averages, current, decay)
        seen.append([value.clone() for value in current])

    monkeypatch.setattr(training, "average_weights", spy)
    trained = _train(ema_decay=0.5)
    start = training.Generator(PriorRecipe.of(RECIPE).generator, 3)
    shares = [0.5**6, *(0.5 ** (6 - step) for step in range(6))]
    for index, (first, last) in enumerate(
        zip(start.parameters(), trained.generator.parameters(), strict=True)
    ):
        history = [first.detach(), *(values[index] for values in seen)]
        expected = sum(share * value for share, value in zip(shares, history, strict=True))
        torch.testing.assert_close(last.detach(), expected, rtol=1e-5, atol=1e-6)


def test_lazy_regularisation_keeps_the_pace():
    recipe = OptimiserRecipe("adam", 0.002, betas=(0.0, 0.99))
    lazy = lazy_optimiser_recipe(recipe, 16)
    # 17 optimiser steps per 16 training steps move as far, and forget as much, as 16.
    assert lazy.lr * 17 == pytest.approx(recipe.lr * 16)
    assert lazy.betas[0] == 0
    assert lazy.betas[1] ** 17 == pytest.approx(0.99**16)
    assert lazy_optimiser_recipe(recipe, None) == recipe


def test_generator_learns_how_bright_the_images_are():
    images = torch.full((4, 1, 8, 8), 51, dtype=torch.uint8)  # -0.6 in network range
    recipe = PriorRecipe.of({
        **RECIPE, "steps": 60, "ema_decay": 0.5, "r1_interval": 8, "path_interval": 8,
        "optimiser": {"name": "adam", "lr": 0.02, "betas": [0, 0.99]},
    })  # fmt: skip
    trained = train_prior(images, recipe, 0, Checkpoint(None, {}), "cpu")
    z = torch.randn(64, 5, generator=torch.Generator().manual_seed(1))
    before = training.Generator(recipe.generator, 0)(z)
    assert (trained.generator(z).mean() + 0.6).abs() < 0.5 * (before.mean() + 0.6).abs()


@pytest.mark.parametrize(
    ("images", "named"),
    [
        (_images(px=16), "8, 8"),
        (_images().float(), "uint8"),
        (_images().expand(-1, 3, -1, -1), "1"),
    ],
)
def test_images_that_do_not_fit_are_refused(images, named):
    with pytest.raises(MirageError, match=named):
        train_prior(images, PriorRecipe.of(RECIPE), 0, Checkpoint(None, {}), "cpu")


@pytest.mark.parametrize(
    ("key", "value"),
    [("steps", 0), ("ema_decay", 1.0), ("path_decay", 0.0), ("r1_gamma", -1.0), ("stepz", 5)],
)
def test_impossible_settings_are_named(key, value):
    with pytest.raises(MirageError, match=key):
        PriorRecipe.of({**RECIPE, key: value})


def test_penalty_gradients_through_the_networks_equal_finite_differences():
    recipe = PriorRecipe.of(RECIPE)
    generator = training.Generator(recipe.generator, 0).double()
    judge = training.Discriminator(recipe.discriminator, 0).double()
    draws = torch.Generator().manual_seed(1)
    z = torch.randn(3, 5, generator=draws, dtype=torch.float64)
    directions, reals = torch.randn(2, 3, 1, 8, 8, generator=draws, dtype=torch.float64)
    reals.requires_grad_()

    def path_penalty():
        ws = generator.mapping(z)[:, None].expand(-1, generator.num_ws, -1)
        lengths = losses.path_lengths(generator.synthesis(ws), ws, directions)
        return losses.path_length_penalty(lengths, torch.tensor(0.3, dtype=torch.float64))

    def r1():
        return losses.r1_penalty(judge(reals), reals)

    for loss, network in ((path_penalty, generator), (r1, judge)):
        torch.testing.assert_close(*slope(loss, list(network.parameters())), rtol=1e-5, atol=1e-8)
