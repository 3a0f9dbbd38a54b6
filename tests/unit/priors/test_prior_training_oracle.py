"""What a prior's optimisers receive, against definitions written out and finite differences."""

import pytest
import torch
import torch.nn.functional as F
from mirage.priors import training
from mirage.priors.recipe import PriorRecipe
from mirage.runtime.checkpoint import Checkpoint

RECIPE = {
    "generator": {
        "image_px": 8, "image_channels": 1, "channels": [6, 4],
        "z_dim": 5, "w_dim": 5, "mapping_layers": 2,
    },
    "discriminator": {"image_px": 8, "image_channels": 1, "channels": [6, 4]},
    "steps": 4, "batch_size": 4, "r1_interval": 2, "path_interval": 3, "path_batch": 2,
    "r1_gamma": 0.7, "path_weight": 1.5,
}  # fmt: skip


def _images(count=7):
    draws = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 1, 8, 8), generator=draws, dtype=torch.uint8)


def _training(**changes):
    return training._Training(_images(), PriorRecipe.of({**RECIPE, **changes}), 3, "cpu")


def _reals(count=4, seed=1):
    draws = torch.Generator().manual_seed(seed)
    return torch.randn(count, 1, 8, 8, generator=draws, dtype=torch.float64)


@pytest.fixture
def received(monkeypatch):
    """The gradients of every optimiser step, which moves nothing."""
    steps = []

    def spy(self, lr=None):
        assert lr is None
        steps.append((self, [parameter.grad.clone() for parameter in self.parameters]))

    monkeypatch.setattr(training.Optimiser, "step", spy)
    return steps


def _slope(value, parameters, gradients):
    """Derivative along one random direction: as received, and by central differences."""
    draws = torch.Generator().manual_seed(5)
    directions = [torch.randn(p.shape, generator=draws, dtype=p.dtype) for p in parameters]
    given = sum((g * d).sum() for g, d in zip(gradients, directions, strict=True))
    values, step = [], 1e-6
    for sign in (1, -2):
        for parameter, direction in zip(parameters, directions, strict=True):
            parameter.data.add_(direction, alpha=sign * step)
        values.append(value().detach())
    for parameter, direction in zip(parameters, directions, strict=True):
        parameter.data.add_(direction, alpha=step)
    return given, (values[0] - values[1]) / (2 * step)


def test_discriminator_receives_its_loss_and_half_of_gamma_times_r1(received):
    run = _training()
    judge = run.discriminator.double()
    reals, fakes = _reals(), _reals(seed=2)

    def loss():
        return -F.logsigmoid(judge(reals)).mean() - torch.log1p(-judge(fakes).sigmoid()).mean()

    def penalty():
        """interval * gamma / 2 * E |grad D|^2; the gradient is linear in a nudge of each pixel."""
        shown = reals.clone().requires_grad_()
        (slope,) = torch.autograd.grad(judge(shown).sum(), shown, create_graph=True)
        return 2 * 0.7 / 2 * slope.flatten(1).norm(dim=1).pow(2).mean()

    run._train_discriminator(reals.clone(), fakes)
    assert [optimiser for optimiser, _ in received] == [run.discriminator_optimiser] * 2
    parameters = list(judge.parameters())
    for value, (_, gradients) in zip((loss, penalty), received, strict=True):
        torch.testing.assert_close(*_slope(value, parameters, gradients), rtol=1e-5, atol=1e-8)


def test_generator_receives_its_loss_and_the_weighted_path_penalty(received, monkeypatch):
    run = _training(path_decay=0.25)
    run.generator.double()
    run.discriminator.double()
    draws = torch.Generator().manual_seed(4)
    z = torch.randn(2, 5, generator=draws, dtype=torch.float64)
    seed = torch.randn(4, 5, generator=draws, dtype=torch.float64)
    directions = torch.randn(2, 1, 8, 8, generator=draws, dtype=torch.float64)
    run.mean_length = torch.tensor(0.4, dtype=torch.float64)

    def rendered(latent):
        ws = run.generator.mapping(latent)[:, None].expand(-1, run.generator.num_ws, -1)
        return run.generator.synthesis(ws), ws

    def lengths():
        images, ws = rendered(z)
        (slope,) = torch.autograd.grad((images * directions).sum() / 8, ws, create_graph=True)
        return slope.square().sum(2).mean(1).sqrt()

    before = lengths().mean().detach()
    mean = 0.75 * 0.4 + 0.25 * before  # the running mean moves first, by its decay

    def loss():
        return -F.logsigmoid(run.discriminator(rendered(seed)[0])).mean()

    def penalty():
        return 3 * 1.5 * (lengths() - mean).square().mean()

    monkeypatch.setattr(run, "_path_lengths", lengths)
    run._train_generator(rendered(seed)[0])
    torch.testing.assert_close(run.mean_length, mean)
    assert [optimiser for optimiser, _ in received] == [run.generator_optimiser] * 2
    parameters = list(run.generator.parameters())
    for value, (_, gradients) in zip((loss, penalty), received, strict=True):
        torch.testing.assert_close(*_slope(value, parameters, gradients), rtol=1e-5, atol=1e-8)


def test_penalties_come_at_their_intervals_with_the_corrected_rates(monkeypatch):
    """Steps 0, 2 and 0, 3 of 4; both optimisers are slowed as lazy regularisation asks."""
    steps, step = [], training.Optimiser.step
    monkeypatch.setattr(
        training.Optimiser, "step", lambda self, lr=None: steps.append(self) or step(self, lr)
    )
    run = _training()
    for _ in range(4):
        run.step()
    assert steps.count(run.discriminator_optimiser) == 4 + 2
    assert steps.count(run.generator_optimiser) == 4 + 2
    assert run.discriminator_optimiser.recipe.lr == pytest.approx(2e-3 * 2 / 3)
    assert run.generator_optimiser.recipe.lr == pytest.approx(2e-3 * 3 / 4)
    assert run.discriminator_optimiser.recipe.betas[1] == pytest.approx(0.99 ** (2 / 3))
    plain = _training(r1_gamma=0, path_weight=0)
    assert plain.discriminator_optimiser.recipe.lr == plain.generator_optimiser.recipe.lr == 2e-3


def test_running_mean_of_w_in_closed_form(monkeypatch):
    """After n steps: sum of (1 - d) d^(n - k) of each batch's mean w; the start is 0."""
    means, synthesise = [], training._Training._synthesise

    def spy(self, count, name):
        images, ws = synthesise(self, count, name)
        if name == "synthesis":
            means.append(ws[:, 0].detach().clone().mean(dim=0))
        return images, ws

    monkeypatch.setattr(training._Training, "_synthesise", spy)
    recipe = PriorRecipe.of({**RECIPE, "w_avg_decay": 0.9})
    trained = training.train_prior(_images(), recipe, 3, Checkpoint(None, {}), "cpu")
    assert len(means) == 4
    shares = [0.1 * 0.9**age for age in (3, 2, 1, 0)]
    expected = sum(share * mean for share, mean in zip(shares, means, strict=True))
    torch.testing.assert_close(trained.generator.w_avg, expected)


def test_every_step_draws_anew_and_each_purpose_for_itself(monkeypatch):
    """Latents, noise, real images and both augmentations differ between steps; a seed repeats."""

    def drawn(seed):
        run = training._Training(_images(), PriorRecipe.of(RECIPE), seed, "cpu")
        found = []
        for run.done in (0, 1):
            with torch.no_grad():
                fakes, ws = run._synthesise(4, "synthesis")
                others, _ = run._synthesise(4, "path length")
            found.append([fakes, ws, others, run._reals(), *run._shared_draws()])
        return found

    first, second = drawn(3)
    for one, other in zip(first, second, strict=True):
        assert not torch.equal(one, other)
    assert not torch.equal(first[0], first[2])
    reals, fakes, judged = first[4:]
    assert not torch.equal(reals, fakes)
    assert not torch.equal(fakes, judged)
    assert all(torch.equal(a, b) for a, b in zip(first, drawn(3)[0], strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, drawn(4)[0], strict=True))


def test_a_step_shows_each_loss_the_images_it_is_meant_for(monkeypatch):
    """No way leads from the discriminator's fakes to the generator; all three have own draws."""
    run, augmented, judged, own = _training(), [], [], []
    monkeypatch.setattr(
        run, "_augment", lambda images, draws: augmented.append((images, draws)) or images
    )
    monkeypatch.setattr(run, "_train_discriminator", lambda *images: judged.extend(images))
    monkeypatch.setattr(run, "_train_generator", own.append)
    draws, reals = run._shared_draws(), run._reals()
    run.step()
    for (_, given), expected in zip(augmented, draws, strict=True):
        assert torch.equal(given, expected)
    assert torch.equal(judged[0], reals)
    assert not judged[1].requires_grad
    assert own[0].requires_grad
    assert torch.equal(judged[1], own[0])
    assert not torch.equal(judged[0], judged[1])


def test_real_images_come_in_network_range(monkeypatch):
    monkeypatch.setattr(training, "augment_reals", lambda images, *_: images)
    run = _training()
    shown = run._reals()
    known = _images().double() * 2 / 255 - 1
    for image in shown.double():
        assert (known - image).abs().flatten(1).amax(1).min() < 1e-6
