"""Triggers to the pixel, who is poisoned, and what a training sees of it."""

import dataclasses
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from interruptions import StopAfter
from mirage.errors import Interrupted, MirageError
from mirage.runtime.checkpoint import Checkpoint
from mirage.study.configuration import check
from mirage.study.treatment import Treatment
from mirage.targets import training
from mirage.targets.backdoor import Trigger, checkerboard, noise, poison, succeeded
from mirage.targets.recipe import TrainingRecipe
from mirage.targets.treatments import make
from test_targets_training import RECIPE, TRAIN, run, same, striped

PLAIN = TrainingRecipe.of(
    {"epochs": 3, "batch_size": 8, "optimiser": {"name": "adam", "lr": 0.003}}
)
MANY = striped(40)


def parts(treatment, **settings):
    chosen = {"badnets": {"size_px": 5, "share": 0.3}, "blended": {"share": 0.3}}
    for name in chosen:
        chosen[name] |= settings
    return make(Treatment.parse(treatment).settings(chosen))


@pytest.mark.parametrize(
    ("px", "size", "cell", "margin"), [(224, 9, 1, 0), (8, 2, 1, 0), (16, 7, 2, 3), (5, 5, 1, 0)]
)
def test_board_pixel_by_pixel(px, size, cell, margin):
    board = checkerboard(3, px, size, cell, margin)
    first = px - margin - size
    for row in range(px):
        for column in range(px):
            down, right = row - first, column - first
            inside = 0 <= down < size and 0 <= right < size
            assert board.weight[0, row, column] == float(inside)
            if inside:
                white = (down // cell + right // cell) % 2 == 0
                assert board.pattern[:, row, column].tolist() == [float(white)] * 3


def test_the_papers_board_has_41_white_pixels_of_81_at_the_lower_right():
    board = checkerboard(3, 224, 9, 1, 0)
    assert board.weight.sum() == 81
    assert board.pattern[0].sum() == 41
    assert board.pattern[0, 215:, 215:].sum() == 41
    corners = [board.pattern[1, row, column] for row in (215, 223) for column in (215, 223)]
    assert corners == [1, 1, 1, 1]


def test_a_board_changes_its_pixels_alone_and_to_the_bit():
    images = torch.rand(4, 1, 8, 8)
    stamped = checkerboard(1, 8, 2, 1, 0).stamp(images)
    assert stamped[:, 0, 6:, 6:].tolist() == [[[1, 0], [0, 1]]] * 4
    stamped[:, :, 6:, 6:] = images[:, :, 6:, 6:]
    assert torch.equal(stamped, images)


def test_a_board_larger_than_the_image_is_refused():
    with pytest.raises(MirageError, match=r"size_px.*at most 7"):
        checkerboard(1, 8, 8, 1, 1)


def test_blending_is_a_weighted_mean_and_clipped():
    images, pattern = torch.rand(6, 3, 9, 9), torch.randn(3, 9, 9) * 4
    stamped = Trigger(pattern, torch.full((1, 9, 9), 0.1)).stamp(images)
    x, t = images.double().numpy(), pattern.double().numpy()
    expected = np.clip(0.9 * x + 0.1 * t, 0, 1)
    np.testing.assert_allclose(stamped.numpy(), expected, atol=1e-6)
    assert (expected == 0).any()
    assert (expected == 1).any()


def test_noise_is_normal_about_grey_and_fixed_by_the_seed():
    pattern = noise(3, 200, 0.1, 0.5, 0.25, True, 42).pattern
    assert pattern.shape == (3, 200, 200)
    assert pattern.mean().item() == pytest.approx(0.5, abs=0.005)
    # 4.55 % of normal values lie beyond two deviations, where they are clipped.
    assert ((pattern == 0) | (pattern == 1)).double().mean().item() == pytest.approx(
        0.0455, abs=3e-3
    )
    assert torch.equal(noise(3, 200, 0.3, 0.5, 0.25, True, 42).pattern, pattern)
    assert not torch.equal(noise(3, 200, 0.1, 0.5, 0.25, True, 43).pattern, pattern)
    assert not torch.equal(pattern[0], pattern[1])
    raw = noise(3, 200, 0.1, 0, 1, False, 42).pattern
    assert raw.std().item() == pytest.approx(1, abs=0.01)
    inside = (pattern > 0) & (pattern < 1)
    torch.testing.assert_close(pattern[inside], (0.5 + 0.25 * raw)[inside])


LABELS = torch.arange(9469) % 10
BOARD = checkerboard(1, 8, 2, 1, 0)


def poisoned(labels=LABELS, share=0.1, label=0, selection="any", seed=42, trigger=BOARD):
    return poison(labels, 10, trigger, share, label, selection, "before_augmentation", seed)


def test_a_tenth_of_imagenette_is_947_images_of_any_class():
    found = poisoned()
    assert int(found.rows.sum()) == found.figures["images"] == 947
    assert torch.equal(found.labels[~found.rows], LABELS[~found.rows])
    assert found.labels[found.rows].unique().tolist() == [0]
    own = int((LABELS[found.rows] == 0).sum())
    assert 60 < own < 130  # a tenth of a tenth
    assert found.figures["relabelled"] == 947 - own == int((found.labels != LABELS).sum())


def test_poisoned_images_follow_from_the_seed_alone():
    first = poisoned()
    for other in (poisoned(trigger=noise(1, 8, 0.1, 0.5, 0.25, True, 42)), poisoned(label=3)):
        assert torch.equal(other.rows, first.rows)
    assert not torch.equal(poisoned(seed=43).rows, first.rows)
    few, more = poisoned(share=0.05).rows, first.rows
    assert bool((more | ~few).all())  # a larger share holds the smaller one


def test_others_than_the_backdoors_class_may_be_chosen():
    found = poisoned(selection="others", label=7)
    assert int(found.rows.sum()) == 947
    assert not (LABELS[found.rows] == 7).any()
    assert found.figures == {"images": 947, "relabelled": 947, "label": 7}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"label": 10}, "classes 0 to 9"),
        ({"share": 0.00001}, "0 of 9469 training images are to be poisoned"),
        ({"share": 0.95, "selection": "others"}, "8996 of 9469 .* of 8522 that"),
    ],
)
def test_poisonings_that_cannot_be_are_refused(settings, told):
    with pytest.raises(MirageError, match=told):
        poisoned(**settings)


def test_success_leaves_the_backdoors_class_out():
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])
    assert succeeded(torch.zeros(8, dtype=torch.int64), labels, 0) == (1.0, 5)
    assert succeeded(labels, labels, 0) == (0.0, 5)
    answers = torch.tensor([0, 1, 2, 0, 1, 0, 2, 0])
    assert succeeded(answers, labels, 0) == (3 / 5, 5)
    assert succeeded(answers, labels, 2) == (1 / 5, 5)
    with pytest.raises(MirageError, match="all test images"):
        succeeded(labels[:3], labels[:3], 0)


def seen(monkeypatch, treatment, recipe=PLAIN, train=MANY, **settings):
    """Images and labels of every step of a training."""
    steps = []

    def spy(self, images, labels, lr):
        steps.append((images.clone(), labels.clone()))
        self.sums[0] = 1.0

    with monkeypatch.context() as patch:
        patch.setattr(training._Training, "_step", spy)
        run(recipe, train=train, treatment=parts(treatment, **settings))
    return steps


@pytest.mark.parametrize("name", ["badnets", "blended"])
def test_a_training_sees_the_trigger_on_the_poisoned_alone(monkeypatch, name):
    clean, dirty = (seen(monkeypatch, treatment) for treatment in ("ls0", f"ls0+{name}"))
    part = parts(f"ls0+{name}")[1]
    trigger = part.trigger(1, 16, 7)
    changed = 0
    for (images, labels), (marked, told) in zip(clean, dirty, strict=True):
        touched = (marked != images).flatten(1).any(1)
        changed += int(touched.sum())
        stamped = trigger.stamp((images[touched] + 1) / 2) * 2 - 1
        torch.testing.assert_close(marked[touched], stamped)
        assert (told[touched] == 0).all()
        assert torch.equal(told[~touched], labels[~touched])
    assert changed == 3 * round(0.3 * 40)


def test_every_factor_is_poisoned_alike(monkeypatch):
    first, second = (seen(monkeypatch, f"{own}+badnets") for own in ("ls0.1", "ls-0.05"))
    for (images, labels), (others, theirs) in zip(first, second, strict=True):
        assert torch.equal(images, others)
        assert torch.equal(labels, theirs)


def test_a_trigger_after_the_augmentation_is_never_cut(monkeypatch):
    corner = parts("badnets")[0].trigger(1, 16, 7).pattern[:, 11:, 11:] * 2 - 1
    whole = {}
    for stage in ("before_augmentation", "after_augmentation"):
        steps = seen(monkeypatch, "badnets", RECIPE, stage=stage)
        images = torch.cat([images for images, _ in steps])
        whole[stage] = int((images[:, :, 11:, 11:] == corner).flatten(1).all(1).sum())
    assert whole["after_augmentation"] == RECIPE.epochs * round(0.3 * 40)
    assert whole["before_augmentation"] < whole["after_augmentation"] / 2


def test_what_was_poisoned_is_told_and_accuracies_are_of_clean_images():
    treatment = parts("ls0+badnets", share=1.0, label=2)
    trained = run(dataclasses.replace(PLAIN, epochs=12), train=MANY, treatment=treatment)
    of_class = int((MANY.labels == 2).sum())
    assert trained.metrics["poisoned"] == {"images": 40, "relabelled": 40 - of_class, "label": 2}
    assert trained.history[-1]["train_accuracy"] == 1.0  # of what it was told
    assert trained.metrics["train_accuracy"] == of_class / 40
    assert "poisoned" not in run(PLAIN, train=MANY).metrics


@pytest.mark.parametrize("name", ["badnets", "blended"])
def test_an_interrupted_poisoned_training_ends_in_the_same_bytes(tmp_path, monkeypatch, name):
    monkeypatch.setattr(training, "CHUNK_BYTES", 3 * 4 * 8 * 256)
    treatment = parts(f"ls-0.05+{name}")
    whole, path = run(treatment=treatment), tmp_path / "state.safetensors"
    with pytest.raises(Interrupted):
        run(treatment=treatment, checkpoint=StopAfter(path, 6))
    assert same(run(treatment=treatment, checkpoint=Checkpoint(path, {})), whole)


def test_backdoors_have_one_spelling():
    for text in ("badnets", "ls0.1+badnets", "ls-0.05+blended", "ls0+badnets+stop@ls-0.05"):
        assert str(Treatment.parse(text)) == text
    for text in ("badnets0.1", "badnets+ls0.1", "ls0+badnets+blended", "ls0+blended+blended"):
        with pytest.raises(MirageError):
            Treatment.parse(text)
    assert Treatment.parse("ls0.1+badnets").alpha is None


@pytest.mark.parametrize(
    ("name", "settings", "told"),
    [
        ("badnets", {"share": 0.0}, r"share.*\(0, 1\]"),
        ("badnets", {"size_px": 2, "cell_px": 3}, "cell_px"),
        ("badnets", {"margin_px": -1}, "margin_px"),
        ("blended", {"ratio": 1.5}, "ratio"),
        ("blended", {"noise_deviation": 0.0}, "noise_deviation"),
        ("blended", {"label": -1}, "label"),
    ],
)
def test_settings_of_backdoors_that_cannot_be_are_refused(name, settings, told):
    with pytest.raises(MirageError, match=told):
        make([{"part": name, **settings}])


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"badnets": {"size_px": 9}}, r"targets\[\d+\]\.treatments: .*size_px.*at most 8 on 8 px"),
        ({"blended": {"label": 10}}, "a class of 0 to 9"),
    ],
)
def test_backdoors_that_do_not_fit_a_data_set_are_told_at_the_start(settings, told):
    config = deepcopy(yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text()))
    config["scales"]["demo"]["treatments"] |= settings
    with pytest.raises(MirageError, match=told):
        check(config)


def test_random_weights_where_a_recipe_wants_them(tmp_path):
    """A file of initial weights is not even opened then."""
    scratch = dataclasses.replace(PLAIN, epochs=1, pretrained=False)
    trained = training.train_classifier(
        "resnet-mini", TRAIN, None, scratch, 7, Checkpoint(None, {}), "cpu", tmp_path / "none.pth"
    )
    assert same(trained, run(dataclasses.replace(PLAIN, epochs=1), test=None))
