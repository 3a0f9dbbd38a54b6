"""Knowledge extraction score: settings of the official student, label mapping, resumption."""

import statistics
from dataclasses import replace

import pytest
import torch
from interruptions import StopAfter
from mirage.data.views import LabelledImages
from mirage.errors import Interrupted, MirageError
from mirage.evaluation.recipe import KnowledgeRecipe
from mirage.evaluation.student import extract_knowledge
from mirage.runtime.checkpoint import Checkpoint
from mirage.targets.augmentation import augment, draw

NO_STATE = Checkpoint(None, {})
RECIPE = KnowledgeRecipe("resnet-mini", 8, epochs=40, batch_size=8)


def _people(classes, each, total, seed):
    """Images whose pattern tells their class, in network range, and their labels."""
    stream = torch.Generator().manual_seed(seed)
    faces = torch.randn(total, 1, 8, 8, generator=torch.Generator().manual_seed(0)).sign() * 0.6
    labels = torch.as_tensor(classes).repeat_interleave(each)
    return faces[labels] + 0.1 * torch.randn(len(labels), 1, 8, 8, generator=stream), labels


def _stored(classes, each, total, seed):
    images, labels = _people(classes, each, total, seed)
    pixels = ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return LabelledImages(pixels, labels, total)


def _extract(classes, recipe=RECIPE, checkpoint=NO_STATE, seed=0, total=9):
    images, labels = _people(classes, 8, total, 1)
    train, test = _stored(range(total), 5, total, 2), _stored(range(total), 3, total, 3)
    return extract_knowledge(images, labels, train, test, recipe, seed, checkpoint, "cpu")


def test_recipe_is_the_official_student():
    from torch.optim import SGD
    from torch.optim.lr_scheduler import CosineAnnealingLR

    recipe = KnowledgeRecipe("resnet50", 224)
    training = recipe.training
    assert (training.epochs, training.batch_size) == (75, 32)
    assert (training.optimiser.name, training.optimiser.momentum) == ("sgd", 0.9)
    assert training.optimiser.weight_decay == 1e-4
    oracle = SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    cosine = CosineAnnealingLR(oracle, T_max=75, eta_min=1e-4)
    for epoch in range(75):
        lr = training.schedule.rate(training.optimiser.lr, epoch, 75)
        assert lr == pytest.approx(cosine.get_last_lr()[0])
        oracle.step()
        cosine.step()


def test_student_sees_square_crops_of_the_rendered_images_clamped_last():
    recipe = KnowledgeRecipe("resnet50", 64).training.augmentation
    draws = draw(200, 64, recipe, torch.Generator().manual_seed(0))
    assert torch.equal(draws.boxes.width, draws.boxes.height)
    areas = draws.boxes.width**2 / 64**2
    assert 0.79 < areas.min() < 0.83
    assert 0.97 < areas.max() <= 1
    assert 0.35 < draws.boxes.flip.float().mean() < 0.65
    images = 3 * torch.randn(200, 1, 64, 64)
    seen = augment(images, draws, recipe)
    assert seen.abs().max() == 1
    # Clamping first would blend clipped neighbours instead: other pixels.
    assert not torch.allclose(seen, augment(images.clamp(-1, 1), draws, recipe), atol=0.1)


def test_a_list_of_classes_is_numbered_alike_on_both_sides():
    # Labels 8, 2, 5 are none of 0, 1, 2: without the mapping the score would be near zero.
    # At the published learning rate a small student now and then ends an image of nine apart.
    longer = replace(RECIPE, epochs=160)
    scores = [_extract([8, 2, 5], longer, seed=seed) for seed in range(3)]
    for name in ("xi_train", "xi_test"):
        assert statistics.mean(found[name] for found in scores) > 0.9


def test_only_real_images_of_attacked_classes_count():
    images, labels = _people([1, 2], 8, 3, 1)
    train, test = _stored(range(3), 5, 3, 2), _stored(range(3), 3, 3, 3)

    def extract(test):
        return extract_knowledge(images, labels, train, test, RECIPE, 0, NO_STATE, "cpu")

    without = test.labels != 0
    own = LabelledImages(test.pixels[without], test.labels[without], 3)
    assert extract(test) == extract(own)
    with pytest.raises(MirageError, match="xi_test"):
        extract(_stored([0], 3, 3, 3))


def test_images_without_knowledge_score_at_chance():
    images, labels = _people(range(9), 8, 9, 1)
    shuffled = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    real = _stored(range(9), 5, 9, 2)
    scores = extract_knowledge(images, shuffled, real, real, RECIPE, 0, NO_STATE, "cpu")
    assert scores["xi_train"] < 0.5
    assert scores["xi_train"] == scores["xi_test"]


def test_half_precision_storage_is_welcome():
    images, labels = _people([0, 1, 2], 8, 3, 1)
    real = _stored(range(3), 5, 3, 2)
    scores = extract_knowledge(images.half(), labels, real, real, RECIPE, 0, NO_STATE, "cpu")
    assert scores["xi_train"] > 0.9


def test_seeded_and_resumed_runs_repeat(tmp_path):
    hard = KnowledgeRecipe("resnet-mini", 8, epochs=3, batch_size=8, crop="per_image")
    whole = _extract(range(9), hard)
    with pytest.raises(Interrupted):
        _extract(range(9), hard, StopAfter(tmp_path / "state", 7))
    assert _extract(range(9), hard, Checkpoint(tmp_path / "state", {})) == whole
    assert _extract(range(9), hard) == whole


def test_wrong_settings_and_sizes_are_named():
    with pytest.raises(MirageError, match="crop_scale"):
        KnowledgeRecipe.of({"architecture": "resnet-mini", "image_px": 8, "crop_scale": [0.8, 1.2]})
    with pytest.raises(MirageError, match="crop"):
        KnowledgeRecipe.of({"architecture": "resnet-mini", "image_px": 8, "crop": "epoch"})
    with pytest.raises(MirageError, match="attack images"):
        _extract([0, 1], KnowledgeRecipe("resnet-mini", 16))


def test_every_setting_reaches_the_students_training():
    settings = {
        "epochs": 3, "batch_size": 5, "lr": 0.2, "momentum": 0.3, "weight_decay": 0.4,
        "final_lr": 0.01, "crop_scale": [0.6, 0.7], "crop_ratio": [0.8, 0.9], "flip": 0.1,
        "crop": "per_image", "precision": "bf16",
    }  # fmt: skip
    training = KnowledgeRecipe.of(
        {"architecture": "resnet-mini", "image_px": 8, **settings}
    ).training
    optimiser, changes = training.optimiser, training.augmentation
    assert settings == {
        "epochs": training.epochs, "batch_size": training.batch_size, "lr": optimiser.lr,
        "momentum": optimiser.momentum, "weight_decay": optimiser.weight_decay,
        "final_lr": training.schedule.floor, "crop_scale": list(changes.crop_scale),
        "crop_ratio": list(changes.crop_ratio), "flip": changes.flip, "crop": changes.crop,
        "precision": training.precision,
    }  # fmt: skip
    assert training.schedule.name == "cosine"
    assert KnowledgeRecipe("resnet50", 224).training.augmentation.crop == "shared"
    assert not any((changes.brightness, changes.contrast, changes.saturation, changes.hue))
