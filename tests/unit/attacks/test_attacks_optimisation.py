"""Stage 2 against a naive loop, finite differences, and its own interruptions."""

import attack_models as models
import pytest
import torch
from mirage.attacks import batches, objective, terms
from mirage.attacks.kinds.ppa import optimise as optimisation
from mirage.attacks.kinds.ppa.optimise import optimise_latents
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.attacks.losses import LOSSES
from mirage.errors import MirageError
from mirage.numerics import at_precision
from mirage.recipes import OptimiserRecipe
from mirage.targets.architectures import build
from torch.nn import functional as F
from torchvision.transforms.functional import resized_crop

PX = 10
RECIPE = OptimisationRecipe(steps=4, batch_size=2, crop_scale=(0.5, 0.9))
CLASSES = [3, 0, 4]


def _optimise(
    recipe=RECIPE, start=None, classes=CLASSES, device_batch=100, dtype=torch.float32,
    checkpoint=None, **extra,
):  # fmt: skip
    start = models.latents(len(classes), 5, dtype=dtype) if start is None else start
    return optimise_latents(
        models.given(classes, PX, device_batch, checkpoint=checkpoint), recipe,
        models.pipeline(dtype=dtype), models.classifier(dtype=dtype), start, **extra,
    )  # fmt: skip


def _stack(recipe, parts, dtype=torch.float64, statistics=None):
    given = models.given(CLASSES, PX, 100)
    return optimisation.make_stack(given, recipe, models.pipeline(), parts, dtype, statistics)


def _objective(name="poincare", **terms):
    double = torch.float64
    return objective.Objective(
        models.pipeline(dtype=double), models.classifier(dtype=double), LOSSES[name], **terms
    )


def _row_losses(goal, stack, w, step):
    return objective.row_losses(goal, w, objective.draws_of(stack, step), stack.sizes)


def _batches(recipe=RECIPE, classes=CLASSES, count=5):
    return batches.official_batches(classes, count, recipe.batch_size)


def _naive(start, classes, recipe, loss):
    """The official loop: batch by batch, torchvision's crop, the batch's mean, a fresh Adam."""
    pipeline = models.pipeline(dtype=torch.float64)
    model = models.classifier(dtype=torch.float64)
    results, traces = [], []
    for batch in _batches(recipe, classes, start.shape[1]):
        boxes = _boxes_of(recipe, batch)
        w = start.flatten(0, 1)[batch.start : batch.stop].clone().requires_grad_()
        adam = torch.optim.Adam([w], lr=0.005, betas=(0.1, 0.1))
        targets = torch.full((len(w),), batch.label)
        trace = []
        for step in range(recipe.steps):
            whole = pipeline.generator.synthesis(w[:, None].repeat(1, pipeline.generator.num_ws, 1))
            images = F.interpolate(
                whole[..., 2:14, 2:14], (PX, PX), mode="bilinear", antialias=True
            )
            box = [int(field[step, 0]) for field in boxes[:4]]
            images = resized_crop(images, *box, [PX, PX], antialias=True)
            rows = loss(model(images), targets)
            trace.append(rows.detach())
            adam.zero_grad()
            rows.mean().backward()
            adam.step()
        results.append(w.detach())
        traces.append(torch.stack(trace, 1))
    return torch.cat(results).view_as(start), torch.cat(traces).view(*start.shape[:2], -1).mean(1)


def _boxes_of(recipe, batch):
    from mirage.attacks.transforms import draw_steps
    from mirage.streams import generator

    stream = generator(7, "attacks", "optimisation", "batch", batch.label, batch.number)
    return draw_steps([stream], recipe.steps, PX, recipe.crop_scale, recipe.crop_ratio, 0.0)


@pytest.mark.parametrize("name", ["poincare", "cross_entropy"])
def test_all_batches_at_once_are_the_official_loop(name):
    recipe = OptimisationRecipe(steps=4, batch_size=2, crop_scale=(0.5, 0.9), loss=name)
    start = models.latents(3, 5, dtype=torch.float64)
    ours = _optimise(recipe, start, dtype=torch.float64)
    expected, trace = _naive(start, CLASSES, recipe, LOSSES[name])
    # torch's antialiasing weights have float32 precision.
    torch.testing.assert_close(ours.latents, expected, rtol=0, atol=2e-6)
    torch.testing.assert_close(ours.losses, trace, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(ours.latents, start, atol=1e-3)


def test_no_steps_leave_the_starting_points():
    start = models.latents(3, 5)
    left = _optimise(OptimisationRecipe(steps=0, batch_size=2), start)
    assert torch.equal(left.latents, start)
    assert left.losses.shape == (3, 0)
    assert left.figures() == {}


def test_gradient_through_the_demos_networks_by_finite_differences():
    model = build("resnet-mini", 5, 1).double().freeze()
    goal = objective.Objective(models.pipeline(dtype=torch.float64), model, LOSSES["poincare"])
    stack = _stack(RECIPE, _batches())
    w = models.latents(15, dtype=torch.float64).requires_grad_()
    gradient, _ = objective.step_gradient(goal, stack, w, 0)
    direction = models.latents(15, seed=1, dtype=torch.float64)
    with torch.no_grad():
        ahead = _row_losses(goal, stack, w + 1e-6 * direction, 0)
        behind = _row_losses(goal, stack, w - 1e-6 * direction, 0)
    slopes = (ahead - behind) / 2e-6 * stack.weights
    torch.testing.assert_close((gradient * direction).sum(1), slopes, rtol=1e-4, atol=1e-7)


def _statistics(model):
    images = torch.rand(20, 1, PX, PX, dtype=torch.float64)
    return terms.feature_statistics(model, images, 7, "cpu")


@pytest.mark.parametrize("crop", ["shared", "per_image"])
@pytest.mark.parametrize("variant", ["poincare", "cross_entropy", "identity", "discriminator"])
def test_gradient_of_a_whole_step_by_finite_differences(crop, variant):
    weights = {"identity": {"feature_weight": 1.0}}.get(variant, {})
    recipe = OptimisationRecipe(
        steps=2, batch_size=2, crop_scale=(0.5, 0.9), crop=crop, feature_reference="draw", **weights
    )
    terms = dict(weights)
    if variant == "discriminator":
        terms |= {
            "discriminator": lambda images: images.square().mean((1, 2, 3)) - images.std(),
            "discriminator_weight": 0.5,
        }
    goal = _objective(variant if variant in LOSSES else "poincare", **terms)
    stack = _stack(recipe, _batches(recipe), statistics=_statistics(goal.classifier))
    w = models.latents(15, dtype=torch.float64).requires_grad_()
    gradient, rows = objective.step_gradient(goal, stack, w, 1)

    def official(w):
        means = [part.mean() for part in _row_losses(goal, stack, w, 1).split(stack.sizes)]
        return torch.stack(means).sum()

    for row in (0, 4, 14):
        for coordinate in (0, 5):
            nudge = torch.zeros_like(w)
            nudge[row, coordinate] = 1e-5
            with torch.no_grad():
                slope = (official(w + nudge) - official(w - nudge)) / 2e-5
            assert gradient[row, coordinate].item() == pytest.approx(slope.item(), rel=2e-5)
    torch.testing.assert_close(sum(p.mean() for p in rows.split(stack.sizes)), official(w).detach())


def test_terms_and_clipping_add_up_to_their_definitions():
    statistics = terms.FeatureStatistics(torch.ones(24), torch.ones(24))
    recipe = OptimisationRecipe(
        steps=1, batch_size=2, crop_scale=(1, 1), feature_weight=2.0, clip=True
    )
    stack = _stack(recipe, _batches(), statistics=statistics)
    goal = _objective(
        "identity", clip=True, feature_weight=2.0,
        discriminator=lambda images: torch.full((len(images), 1), 0.3).double(),
        discriminator_weight=0.5,
    )  # fmt: skip
    w = 3 * models.latents(15, dtype=torch.float64)
    # crop_scale 1 leaves the whole image.
    images = goal.pipeline.images(w, PX, clip=True)
    assert not torch.allclose(images, goal.pipeline.images(w, PX), atol=1e-3)
    own = goal.classifier(images)[range(15), stack.targets]
    apart = (goal.classifier.features(images) - 1).square().mean(1)
    expected = -own + 2 * apart + 0.5 * F.softplus(torch.tensor(-0.3))
    rows = _row_losses(goal, stack, w, 0)
    torch.testing.assert_close(rows, expected, rtol=1e-5, atol=1e-5)


def test_no_weight_gradients_and_no_change_of_the_models():
    model, pipeline = models.classifier().requires_grad_(True), models.pipeline()
    optimise_latents(models.given([0], PX, 9), RECIPE, pipeline, model, models.latents(1, 2))
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("crop", ["shared", "per_image"])
def test_split_into_jobs_changes_no_byte_if_stacks_are_equal(crop):
    recipe = OptimisationRecipe(steps=4, batch_size=2, crop=crop)
    start = models.latents(3, 5)
    whole = _optimise(recipe, start, device_batch=5)
    for place, label in enumerate(CLASSES):
        alone = _optimise(recipe, start[place : place + 1], [label], device_batch=5)
        assert torch.equal(alone.latents[0], whole.latents[place])
        assert torch.equal(alone.losses[0], whole.losses[place])


@pytest.mark.parametrize("crop", ["shared", "per_image"])
def test_device_batch_changes_rounding_alone(crop):
    recipe = OptimisationRecipe(steps=4, batch_size=2, crop=crop)
    start = models.latents(3, 5, dtype=torch.float64)
    one = _optimise(recipe, start, device_batch=1, dtype=torch.float64)
    all_ = _optimise(recipe, start, device_batch=100, dtype=torch.float64)
    torch.testing.assert_close(one.latents, all_.latents, rtol=0, atol=1e-9)


def test_official_batches_never_straddle_classes():
    parts = _batches()
    assert [(b.label, b.number, b.start, b.stop) for b in parts[:4]] == [
        (3, 0, 0, 2), (3, 1, 2, 4), (3, 2, 4, 5), (0, 0, 5, 7),
    ]  # fmt: skip
    sizes = [[b.stop - b.start for b in s] for s in batches.stacked(parts, 5)]
    assert sizes == [[2, 2, 1]] * 3
    assert len(list(batches.stacked(parts, 1))) == 9


def test_crops_are_shared_within_a_batch_and_differ_between_batches():
    recipe = OptimisationRecipe(steps=8, batch_size=2, crop_scale=(0.3, 0.9))
    rows = _stack(recipe, _batches(recipe)).crops.rows
    assert torch.equal(rows[:, 0], rows[:, 1])
    assert not torch.equal(rows[:, 1], rows[:, 2])
    assert not torch.equal(rows[0], rows[1])
    single = OptimisationRecipe(steps=8, batch_size=2, crop_scale=(0.3, 0.9), crop="per_image")
    rows = _stack(single, _batches(single)).crops.rows
    assert not torch.equal(rows[:, 0], rows[:, 1])


@pytest.mark.parametrize("ticks", [1, 3, 5])
def test_interrupted_runs_end_in_the_same_bytes(tmp_path, ticks):
    whole = _optimise(device_batch=5)
    pieces, runs = models.in_pieces(
        tmp_path / "state", lambda state: _optimise(device_batch=5, checkpoint=state), ticks
    )
    assert runs == 12 // ticks + 1
    assert torch.equal(pieces.latents, whole.latents)
    assert torch.equal(pieces.losses, whole.losses)


def test_attack_raises_the_confidence():
    recipe = OptimisationRecipe(
        steps=30, optimiser=OptimiserRecipe("adam", 0.05, betas=(0.1, 0.1)), loss="cross_entropy"
    )
    trace = _optimise(recipe).losses.mean(dim=0)
    assert trace[-5:].mean() < 0.8 * trace[:5].mean()


def test_feature_reference_is_mean_or_draw():
    statistics = terms.FeatureStatistics(torch.arange(3.0), torch.ones(3))
    for reference, spread in (("mean", 0.0), ("draw", 1.0)):
        recipe = OptimisationRecipe(
            steps=300, batch_size=5, feature_weight=1.0, feature_reference=reference
        )
        references = _stack(recipe, _batches(recipe), statistics=statistics).references
        assert references.shape == (300, 3, 3)
        deviation = (references - statistics.mean).square().mean().sqrt()
        assert deviation.item() == pytest.approx(spread, abs=0.1)


def test_discriminator_judges_each_official_batch_by_itself():
    seen = []

    def discriminator(images):
        seen.append(images.shape)
        return images.mean((1, 2, 3))

    recipe = OptimisationRecipe(steps=1, batch_size=2, discriminator_weight=0.01)
    _optimise(recipe, discriminator=discriminator)
    assert seen == [(size, 1, 16, 16) for size in [2, 2, 1] * 3]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": -1}, "steps"),
        ({"steps": 1, "loss": "poincaré"}, "loss"),
        ({"steps": 1, "crop": "per_batch"}, "crop"),
        ({"steps": 1, "crop_scale": [0.9, 0.5]}, "crop_scale"),
        ({"steps": 1, "discriminator_weight": -1}, "discriminator_weight"),
        ({"steps": 1, "optimiser": {"name": "adam", "lr": 0}}, "lr"),
    ],
)
def test_impossible_settings_are_named(settings, message):
    with pytest.raises(MirageError, match=message):
        OptimisationRecipe.of(settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"discriminator_weight": 0.01}, "no discriminator"), ({"feature_weight": 1.0}, "statistics")],
)
def test_terms_ask_for_what_they_need(settings, message):
    with pytest.raises(MirageError, match=message):
        _optimise(OptimisationRecipe(steps=1, **settings))


def test_drawn_references_have_the_statistics_mean_and_standard_deviation():
    """Not the variance: deviations away from 1 tell the two apart; each batch draws for itself."""
    mean, std = torch.tensor([0.0, 10.0, -4.0]), torch.tensor([0.2, 1.0, 5.0])
    recipe = OptimisationRecipe(
        steps=2000, batch_size=5, feature_weight=1.0, feature_reference="draw"
    )
    statistics = terms.FeatureStatistics(mean, std)
    references = _stack(recipe, _batches(recipe), statistics=statistics).references
    rows = references.flatten(0, 1)  # 6,000 draws: the deviation is known to 1 %
    torch.testing.assert_close(rows.std(dim=0), std, rtol=0.04, atol=0)
    torch.testing.assert_close((rows.mean(dim=0) - mean) / std, torch.zeros(3), rtol=0, atol=0.06)
    between = torch.corrcoef(references[:, :, 1].T)
    assert (between - torch.eye(3)).abs().max() < 0.1


def test_every_term_reaches_the_latents():
    """One step of plain descent on the sum written out: the whole stage, not its parts alone."""
    recipe = OptimisationRecipe(
        steps=1, batch_size=2, optimiser=OptimiserRecipe("sgd", 0.1), crop_scale=(1, 1),
        loss="identity", clip=True, feature_weight=2.0, discriminator_weight=0.5,
    )  # fmt: skip
    model = models.classifier(dtype=torch.float64)
    pipeline = models.pipeline(dtype=torch.float64)
    mean = torch.linspace(-1, 1, 24, dtype=torch.float64)

    def judge(images):
        return images.square().mean((1, 2, 3)) - 2 * images.mean()

    start = 2 * models.latents(3, 5, dtype=torch.float64)
    found = _optimise(
        recipe, start, dtype=torch.float64, discriminator=judge,
        statistics=terms.FeatureStatistics(mean, torch.ones_like(mean)),
    )  # fmt: skip
    w = start.flatten(0, 1).clone().requires_grad_()
    means, rows = [], []
    for batch in _batches(recipe):
        own = w[batch.start : batch.stop]
        whole = pipeline.generator.synthesis(own[:, None].repeat(1, pipeline.generator.num_ws, 1))
        view = whole[..., 2:14, 2:14].clamp(-1, 1)
        images = F.interpolate(view, (PX, PX), mode="bilinear", antialias=True)
        row = -model(images)[:, batch.label]
        row = row + 2.0 * (model.features(images) - mean).square().mean(1)
        row = row + 0.5 * -F.logsigmoid(judge(whole))
        rows.append(row.detach())
        means.append(row.mean())
    (gradient,) = torch.autograd.grad(sum(means), w)
    expected = (w - 0.1 * gradient).detach().view_as(start)
    torch.testing.assert_close(found.latents, expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(found.latents, start, atol=1e-2)
    trace = torch.cat(rows).view(3, 5).mean(1, keepdim=True)
    torch.testing.assert_close(found.losses, trace, rtol=1e-5, atol=1e-5)


def test_latents_that_are_no_numbers_are_counted_and_spoil_nothing(caplog):
    start = models.latents(3, 5)
    usual = _optimise(start=start)
    start[1, 2] = float("nan")
    found = _optimise(start=start)
    assert found.failed == 1
    assert usual.failed == 0
    assert found.losses.isfinite().all()
    kept = torch.ones(3, 5, dtype=torch.bool)
    kept[1, 2] = False
    assert torch.equal(found.latents[kept], usual.latents[kept])
    assert torch.equal(found.losses[[0, 2]], usual.losses[[0, 2]])
    assert "1 of 15 optimised latents are not finite numbers" in caplog.text


def test_a_class_without_a_finite_latent_is_named_once_it_is_done():
    start, seen = models.latents(3, 5), []
    start[1] = float("inf")

    class Counting(models.TinyClassifier):
        def forward(self, images):
            seen.append(len(images))
            return super().forward(images)

    with pytest.raises(MirageError, match=r"class 0 \(0 of 5\)"):
        optimise_latents(
            models.given(CLASSES, PX, 5), RECIPE, models.pipeline(),
            Counting().eval().requires_grad_(False), start,
        )  # fmt: skip
    assert sum(seen) == 10 * RECIPE.steps  # the third class was not begun


def test_feature_statistics_refuse_what_is_no_number():
    model = models.classifier()
    model.body[0].weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(MirageError, match="no finite numbers for 6 of 6 public images"):
        terms.feature_statistics(model, torch.rand(6, 1, PX, PX), 4, "cpu")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_regulariser_needs_one_pass_and_changes_no_loss(precision):
    model, passes = models.classifier(), []
    model.body.register_forward_hook(lambda *_: passes.append(1))
    target = at_precision(model, precision)
    recipe = OptimisationRecipe(steps=1, batch_size=2, feature_weight=0.5)
    statistics = terms.FeatureStatistics(torch.ones(24), torch.ones(24))
    pipeline = models.pipeline()
    stack = _stack(recipe, _batches(recipe), torch.float32, statistics)
    goal = objective.Objective(pipeline, target, LOSSES["identity"], feature_weight=0.5)
    w = models.latents(15)
    with torch.no_grad():
        rows = _row_losses(goal, stack, w, 0)
        assert len(passes) == 1
        images = stack.crops.cut(pipeline.crop(pipeline.repeat(w)), 0)
        twice = LOSSES["identity"](target(images), stack.targets)
        twice = twice + 0.5 * terms.feature_distance(target.features(images), torch.ones(24))
    assert torch.equal(rows, twice)


def test_each_latent_has_crops_of_its_own_whatever_the_batches():
    def first_draws(size):
        cut = batches.official_batches([4, 9], 7, size)
        streams = batches.crop_streams(cut, "per_image", size, seed=3)
        return [float(torch.rand((), generator=stream)) for stream in streams]

    assert len(set(first_draws(3))) == 14
    assert first_draws(3) == first_draws(2) == first_draws(7)
