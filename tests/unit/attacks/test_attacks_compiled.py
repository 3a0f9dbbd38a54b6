"""Compiled steps against uncompiled ones, without a compiler, after interruptions."""

import os
import shutil
from dataclasses import replace

import attack_models as models
import pytest
import torch
from mirage.attacks import compiled
from mirage.attacks.batches import official_batches, stacked
from mirage.attacks.compiled import UNCOMPILED, Compiling, steps_of
from mirage.attacks.kinds import KINDS
from mirage.attacks.kinds.ppa.optimise import make_stack, optimise_latents
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.attacks.losses import LOSSES
from mirage.attacks.objective import Objective, step_gradient
from mirage.attacks.terms import FeatureStatistics
from mirage.numerics import at_precision
from torch._dynamo.utils import counters

needs_compiler = pytest.mark.skipif(
    shutil.which(os.environ.get("CXX", "g++")) is None, reason="no C++ compiler"
)
PX, CLASSES, EACH, DEVICE_BATCH = 8, [3, 0, 4], 4, 8
RECIPE = OptimisationRecipe(steps=3, batch_size=2, crop_scale=(0.5, 0.9))
STACKS = list(stacked(official_batches(CLASSES, EACH, RECIPE.batch_size), DEVICE_BATCH))


def _pipeline(dtype=torch.float32):
    return models.pipeline(crop_px=6, dtype=dtype, image_px=8)


def _attack(compiling, checkpoint=None, classifier=None):
    """Three classes of four latents: stacks of eight and of four rows."""
    double = torch.float64
    given = models.given(CLASSES, PX, DEVICE_BATCH, checkpoint=checkpoint, compiling=compiling)
    return optimise_latents(
        given, RECIPE, _pipeline(double), classifier or models.classifier(dtype=double),
        models.latents(len(CLASSES), EACH, dtype=double),
    )  # fmt: skip


class NoisyHead(torch.nn.Linear):
    """Takes noise, as MID's does."""

    def forward(self, features, noise):
        return super().forward(features + noise)


def _judge(images):
    return images.square().mean((1, 2, 3)) - images.std()


def _every_term():
    """Objective, stacks and latents of a step with all that it may have."""
    double, given = torch.float64, models.given(CLASSES, PX, DEVICE_BATCH)
    model, pipeline = models.classifier(dtype=double), _pipeline(double)
    model.head = NoisyHead(24, 5, dtype=double).requires_grad_(False)
    goal = Objective(pipeline, model, LOSSES["identity"], True, 1.0, _judge, 0.5)
    recipe = replace(RECIPE, feature_weight=1.0, feature_reference="draw", crop="per_image")
    statistics = FeatureStatistics(*torch.ones(2, 24, dtype=double))
    return goal, [make_stack(given, recipe, pipeline, s, double, statistics, 24) for s in STACKS]


def _brief():
    """The same at bf16, where code rounds less often than single operators do."""
    network = at_precision(models.classifier(), "bf16")
    goal = Objective(_pipeline().at("bf16"), network, LOSSES["poincare"])
    given = models.given(CLASSES, PX, DEVICE_BATCH)
    return goal, [make_stack(given, RECIPE, goal.pipeline, s, torch.float32) for s in STACKS]


@needs_compiler
@pytest.mark.parametrize(("made", "apart"), [(_every_term, 1e-12), (_brief, 0.05)])
def test_a_compiled_step_is_the_step_in_one_graph(made, apart):
    goal, (whole, short) = made()
    w = models.latents(DEVICE_BATCH, dtype=whole.weights.dtype).requires_grad_()
    counters.clear()
    with steps_of(goal, STACKS, 2, Compiling("on"), "cpu", {}) as steps:
        for step in (0, 1):
            found, expected = steps.gradient(whole, w, step), step_gradient(goal, whole, w, step)
            for ours, theirs in zip(found, expected, strict=True):
                assert (ours - theirs).abs().max() < apart * theirs.abs().max()
        assert counters["stats"]["unique_graphs"] == 1
        assert steps.compiled == 2 * DEVICE_BATCH
        if goal.discriminator is not None:  # rows that it compares are never filled up
            few = w.detach()[: 2 * RECIPE.batch_size].requires_grad_()
            found, expected = steps.gradient(short, few, 0), step_gradient(goal, short, few, 0)
            assert torch.equal(found[0], expected[0])
            assert steps.compiled == 2 * DEVICE_BATCH


@needs_compiler
def test_a_short_last_stack_is_filled_up_and_interruptions_change_no_byte(tmp_path, caplog):
    caplog.set_level("INFO")
    plain, whole = _attack(UNCOMPILED), _attack(Compiling("on", tmp_path))
    torch.testing.assert_close(whole.latents, plain.latents, rtol=0, atol=1e-9)
    torch.testing.assert_close(whole.losses, plain.losses, rtol=1e-12, atol=0)
    assert whole.figures()["compiled"] == 1
    assert plain.figures()["compiled"] == 0
    assert "of an earlier job" not in caplog.text
    pieces, runs = models.in_pieces(
        tmp_path / "state", lambda state: _attack(Compiling("on", tmp_path), state), 4
    )
    assert runs == 2
    assert "of an earlier job" in caplog.text
    assert torch.equal(pieces.latents, whole.latents)
    assert torch.equal(pieces.losses, whole.losses)
    assert pieces.compiled == 1


def test_without_a_compiler_one_line_and_the_same_bytes(monkeypatch, caplog):
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", ("no-such-compiler",))
    found, plain = _attack(Compiling("on")), _attack(UNCOMPILED)
    assert torch.equal(found.latents, plain.latents)
    assert torch.equal(found.losses, plain.losses)
    assert found.compiled == 0
    (told,) = [line for line in caplog.messages if "uncompiled" in line]
    assert "No working C++ compiler" in told
    assert "\n" not in told


def test_an_error_of_the_step_itself_is_raised():
    class Broken(models.TinyClassifier):
        def forward(self, images):
            raise ValueError("this network is broken")

    with pytest.raises(ValueError, match="this network is broken"):
        _attack(Compiling("on"), classifier=Broken().eval().requires_grad_(False))


@pytest.mark.parametrize(("least", "wanted"), [(2304, True), (2305, False)])
def test_auto_looks_at_the_whole_work(monkeypatch, caplog, least, wanted):
    monkeypatch.setitem(compiled.PAYS_FROM, "cpu", least)
    caplog.set_level("INFO")
    goal = Objective(_pipeline(), models.classifier(), LOSSES["poincare"])
    with steps_of(goal, STACKS, 3, Compiling("auto"), "cpu", {}) as steps:  # 12 * 3 * 8 * 8
        assert bool(steps.state()["by_code"]) == wanted
    assert ("not compiled" in caplog.text) == (not wanted)


@pytest.mark.parametrize("by_code", [True, False])
def test_a_resumed_job_goes_on_as_it_began(by_code):
    goal = Objective(_pipeline(), models.classifier(), LOSSES["poincare"])
    state = {"by_code": torch.tensor(by_code), "compiled": torch.tensor(5)}
    with steps_of(goal, STACKS, 3, Compiling("on"), "cpu", state) as steps:
        assert bool(steps.state()["by_code"]) == by_code
        assert steps.compiled == 5


def test_only_what_can_be_compiled_asks_the_configuration():
    sample, optimise, select = KINDS["ppa"].stages
    for said, meant in (("auto", "auto"), ("on", "on"), (True, "on"), (False, "off")):
        assert optimise.compilation({"optimise": said}) == meant
        assert sample.compilation({"optimise": said}) == "off"
        assert select.compilation({"optimise": said}) == "off"
