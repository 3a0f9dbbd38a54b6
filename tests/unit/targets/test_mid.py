"""MID: the divergence in closed form, and noise that every pass draws from a stream of its own."""

import attack_models as models
import pytest
import torch
import torch.nn.functional as F
from interruptions import StopAfter
from mirage.attacks.batches import noise_of, official_batches
from mirage.attacks.kinds.ppa.optimise import optimise_latents
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe, SamplingRecipe, SelectionRecipe
from mirage.attacks.kinds.ppa.sample import sample_candidates
from mirage.attacks.kinds.ppa.select import select_latents
from mirage.attacks.pool import Pool
from mirage.errors import Interrupted, MirageError
from mirage.memory_format import laid_out
from mirage.numerics import at_precision
from mirage.study.treatment import Treatment
from mirage.targets.architectures import build
from mirage.targets.bottleneck import Bottleneck, divergence
from mirage.targets.inference import predict
from mirage.targets.treatments import make
from mirage.targets.weights import load_classifier, save_classifier
from test_targets_training import RECIPE, TEST, run, same
from torch.distributions import Normal, kl_divergence


def part(spelled="mid0.01"):
    return make(Treatment.parse(spelled).settings({}))


def bottleneck(features=6, classes=3, always=True):
    return Bottleneck(features, classes, always, torch.Generator().manual_seed(0))


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def test_divergence_is_that_of_normal_distributions():
    statistics = torch.randn(5, 8, dtype=torch.float64, generator=stream()) * 3
    mu, s = statistics[:, :4], statistics[:, 4:]
    code = Normal(mu, torch.log1p(torch.exp(s - 5)))
    expected = kl_divergence(code, Normal(0.0, 1.0)).sum(dim=1).mean()
    assert divergence(statistics).item() == pytest.approx(expected.item(), rel=1e-12)


def test_a_fresh_code_is_far_from_standard_normal():
    assert divergence(torch.zeros(2, 2048)).item() == pytest.approx(4611, abs=1)  # 4.503 each


def test_gradients_are_those_of_finite_differences():
    head = bottleneck().double()
    features = torch.randn(4, 6, dtype=torch.float64, generator=stream()).requires_grad_()
    noise = torch.randn(4, 3, dtype=torch.float64, generator=stream(1))
    statistics = (torch.randn(4, 6, dtype=torch.float64) * 4).requires_grad_()
    assert torch.autograd.gradcheck(divergence, statistics)
    assert torch.autograd.gradcheck(lambda x: head(x, noise), features)


def test_the_divergence_stays_finite_where_sigma_is_no_number_above_zero():
    s = torch.tensor([[-200.0], [-14.9], [-15.1], [0.0], [90.0]])  # shifted by 5
    statistics = torch.cat([torch.ones(5, 1), s], dim=1).requires_grad_()
    value = divergence(statistics)
    shifted = s.double() - 5
    logarithms = F.softplus(shifted).log()
    logarithms[0] = -205.0
    expected = (0.5 * F.softplus(shifted).square() - logarithms).mean()
    assert value.item() == pytest.approx(expected.item(), rel=1e-6)
    value.backward()
    # Below, the loss falls by 1 per unit of s, whatever is left of sigma: it finds back.
    torch.testing.assert_close(statistics.grad[:3, 1], torch.full((3,), -0.2), rtol=1e-6, atol=0)
    assert statistics.grad.isfinite().all()


def test_logits_are_of_mean_plus_scaled_noise():
    head = bottleneck().eval()
    features, noise = torch.randn(4, 6, generator=stream()), torch.randn(4, 3, generator=stream(1))
    mu, s = head.statistics(features).chunk(2, dim=1)
    code = mu + torch.log1p(torch.exp(s - 5)) * noise
    torch.testing.assert_close(head(features, noise), head.classifier(code))
    quiet = bottleneck(always=False)
    torch.testing.assert_close(quiet(features, noise), head(features, noise))  # training mode
    assert torch.equal(quiet.eval()(features), head.classifier(mu))


def test_a_pass_without_its_noise_is_refused():
    model = part()[0].wrap(build("resnet-mini", 3, 1), 0).freeze()
    with pytest.raises(MirageError, match="without its noise"):
        model(torch.zeros(2, 1, 16, 16))


@pytest.mark.parametrize("name", ["resnet-mini", "resnext-mini", "densenet-mini", "resnet18"])
def test_code_has_half_the_width_of_the_features(name):
    channels = 3 if name == "resnet18" else 1
    plain, model = build(name, 5, channels), build(name, 5, channels, seed=1)
    model = part()[0].wrap(model, 1).eval()
    width = plain.head.in_features
    assert model.noise_width == width // 2
    assert model.head.statistics.out_features == 2 * (width // 2)
    assert part("midmean0.01")[0].wrap(build(name, 5, channels), 1).eval().noise_width == 0


def test_new_weights_depend_on_the_seed_alone():
    one, same_one, other = (part()[0].wrap(build("resnet-mini", 3, 1), seed) for seed in (4, 4, 5))
    torch.rand(3)  # the global state has no part in it
    assert torch.equal(one.head.statistics.weight, same_one.head.statistics.weight)
    assert not torch.equal(one.head.statistics.weight, other.head.statistics.weight)


def test_loss_is_cross_entropy_plus_the_weighted_divergence():
    trained = run(treatment=part("mid0.01"))
    first, last = trained.history[0], trained.history[-1]
    for row in trained.history:
        assert row["loss"] == pytest.approx(row["cross_entropy"] + row["kl"], rel=1e-6)
    assert first["kl"] == pytest.approx(0.01 * 32 * 4.503, rel=0.2)  # 32 values, fresh weights
    assert last["kl"] < first["kl"]


@pytest.mark.parametrize("ticks", [1, 6, 13])
def test_an_interrupted_training_ends_in_the_same_bytes(tmp_path, ticks):
    whole = run(treatment=part())
    path = tmp_path / "state.safetensors"
    with pytest.raises(Interrupted):
        run(treatment=part(), checkpoint=StopAfter(path, ticks))
    assert same(run(treatment=part(), checkpoint=StopAfter(path, 10**9)), whole)


def test_without_noise_at_test_the_training_is_the_same():
    noisy, quiet = run(treatment=part("mid0.01")), run(treatment=part("midmean0.01"))
    state = quiet.model.state_dict()
    assert all(torch.equal(v, state[k]) for k, v in noisy.model.state_dict().items())
    assert quiet.metrics["test_loss"] != noisy.metrics["test_loss"]


def test_every_step_of_a_training_draws_other_noise(monkeypatch):
    seen, forward = [], Bottleneck.forward

    def spy(self, features, noise=None):
        if self.training:
            seen.append(noise)
        return forward(self, features, noise)

    monkeypatch.setattr(Bottleneck, "forward", spy)
    run(treatment=part())
    values = torch.cat([noise.flatten() for noise in seen])
    assert len(values) == RECIPE.epochs * 29 * 32
    assert len(values.unique()) > 0.99 * len(values)
    assert values.std().item() == pytest.approx(1, abs=0.05)


def test_saved_and_loaded_it_is_the_same_network(tmp_path):
    trained = run(treatment=part("midmean0.01"))
    path = tmp_path / "weights.safetensors"
    settings = Treatment.parse("midmean0.01").settings({})
    save_classifier(path, trained.model, {"treatment": settings})
    images = TEST.pixels
    again = predict(load_classifier(path, "cpu"), images, "cpu")
    assert torch.equal(again, predict(laid_out(trained.model, "cpu"), images, "cpu"))


def test_a_test_does_not_depend_on_its_batches():
    model = part()[0].wrap(build("resnet-mini", 3, 1), 0).freeze()
    whole = predict(model, TEST.pixels, "cpu", stream=stream())
    torch.testing.assert_close(predict(model, TEST.pixels, "cpu", 4, stream()), whole)
    assert not torch.equal(predict(model, TEST.pixels, "cpu", stream=stream(1)), whole)


STEPS = OptimisationRecipe.of(
    {"steps": 3, "optimiser": {"name": "adam", "lr": 0.02}, "batch_size": 2, "loss": "poincare"}
)


def optimised(classes, device_batch=100, checkpoint=None, classifier=None):
    latents = models.latents(5, 3)[classes]
    given = models.given(classes, 12, device_batch, checkpoint=checkpoint)
    return optimise_latents(given, STEPS, models.pipeline(), classifier or models.Noisy(), latents)


def test_chunks_of_classes_meet_the_same_noise():
    batches = official_batches([4, 1, 2], 3, 2)
    whole = noise_of(batches, 3, 24, 7, "cpu")
    assert whole.shape == (3, 9, 24)
    part = noise_of(official_batches([1], 3, 2), 3, 24, 7, "cpu")
    assert torch.equal(whole[:, 3:6], part)
    assert len(whole.unique()) == whole.numel()
    assert noise_of(batches, 3, 0, 7, "cpu") is None


@pytest.mark.parametrize("device_batch", [1, 4, 100])
def test_the_optimisation_sees_the_noise_of_class_and_step(device_batch):
    model = models.Noisy()
    optimised([4, 1], device_batch, classifier=model)
    expected = noise_of(official_batches([4, 1], 3, 2), 3, 24, 7, "cpu")
    for step in range(3):
        shown = torch.cat(model.seen[step::3])  # stacks run one after the other
        assert torch.equal(shown, expected[step])


def test_noise_reaches_a_classifier_at_half_precision():
    model = models.Noisy()
    assert at_precision(model, "bf16").noise_width == 24
    noise = torch.randn(2, 24)
    half = at_precision(model, "bf16")(torch.zeros(2, 1, 12, 12), noise)
    torch.testing.assert_close(half, model(torch.zeros(2, 1, 12, 12), noise), rtol=0.05, atol=0.5)


def test_an_interrupted_attack_ends_in_the_same_bytes(tmp_path):
    whole = optimised([4, 1, 2], 4)
    resumed, runs = models.in_pieces(
        tmp_path / "state.safetensors", lambda state: optimised([4, 1, 2], 4, state), 2
    )
    assert runs > 2
    assert torch.equal(resumed.latents, whole.latents)
    assert torch.equal(resumed.losses, whole.losses)


def sampled(batch, checkpoint=None, seed=7):
    pool = Pool(models.latents(9), torch.randn(9, 1, 12, 12, generator=stream()))
    given = models.given([3, 0], 12, batch, seed, checkpoint=checkpoint)
    return sample_candidates(given, SamplingRecipe(4), models.Noisy(), pool)


def test_candidates_do_not_depend_on_batches_or_interruption(tmp_path):
    whole = sampled(100)
    torch.testing.assert_close(sampled(4).scores, whole.scores)
    resumed, runs = models.in_pieces(
        tmp_path / "state.safetensors", lambda state: sampled(2, state), 2
    )
    assert runs > 1
    assert torch.equal(resumed.scores, sampled(2).scores)
    assert not torch.equal(sampled(100, seed=8).scores, whole.scores)


@pytest.mark.parametrize("crop", ["shared", "per_image"])
def test_selection_does_not_depend_on_batches_or_chunks(crop):
    recipe = SelectionRecipe.of({"n_selected": 3, "iterations": 4, "crop": crop})

    def selected(classes, batch):
        latents = models.latents(5, 3)[classes]
        return select_latents(
            models.given(classes, 12, batch), recipe, models.pipeline(), models.Noisy(), latents
        )

    whole = selected([4, 1], 100)
    torch.testing.assert_close(selected([4, 1], 5).scores, whole.scores)
    torch.testing.assert_close(selected([1], 100).scores, whole.scores[1:])


@pytest.mark.parametrize(
    ("spelled", "told"),
    [
        ("mid0", "beta is 0.0. Expected: a weight above 0"),
        ("mid-1", "beta is -1.0. Expected: a weight above 0"),
        ("mid", "'mid' is no part of a treatment"),
        ("mid0.1_2", "'mid0.1_2' is no part of a treatment"),
        ("midmean0", "beta is 0.0"),
    ],
)
def test_impossible_weights_are_refused(spelled, told):
    with pytest.raises(MirageError) as refused:
        Treatment.parse(spelled)
    assert told in str(refused.value)
