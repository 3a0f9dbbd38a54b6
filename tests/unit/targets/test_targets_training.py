"""The training loop: learns, repeats itself to the byte, and treats every alpha alike."""

import dataclasses
import os

import pytest
import torch
from interruptions import StopAfter
from mirage.data.views import LabelledImages
from mirage.errors import Interrupted, MirageError
from mirage.runtime.checkpoint import Checkpoint
from mirage.targets import training
from mirage.targets.images import network_range
from mirage.targets.inference import accuracy, predict
from mirage.targets.recipe import TrainingRecipe
from mirage.targets.training import train_classifier
from mirage.targets.treatments import make

NO_STATE = Checkpoint(None, {})
RECIPE = TrainingRecipe.of(
    {
        "epochs": 4,
        "batch_size": 8,
        "optimiser": {"name": "adam", "lr": 3e-3},
        "schedule": {"name": "multistep", "milestones": [3]},
        "augmentation": {"crop_scale": [0.85, 1], "flip": 0.5, "brightness": 0.2, "contrast": 0.2},
    }
)


def striped(count, classes=3, px=16, channels=1, seed=0):
    """Images whose class is the frequency of their stripes."""
    stream = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % classes
    phase = torch.rand(count, 1, 1, 1, generator=stream) * 6
    wave = torch.arange(px).view(1, 1, px, 1) * (0.4 + 0.7 * labels.view(-1, 1, 1, 1)) + phase
    noise = torch.randn(count, channels, px, px, generator=stream) * 10
    pixels = (127 + 90 * wave.sin() + noise).clamp(0, 255).to(torch.uint8)
    return LabelledImages(pixels, labels, classes)


TRAIN, TEST = striped(29), striped(15, seed=1)


def run(
    recipe=RECIPE, checkpoint=NO_STATE, architecture="resnet-mini", test=TEST, train=TRAIN,
    treatment=(),
):  # fmt: skip
    return train_classifier(
        architecture, train, test, recipe, 7, checkpoint, "cpu", treatment=treatment
    )


def smoothing(alpha, ramp="published"):
    return make([{"part": "ls", "alpha": alpha, "ramp": ramp}])


def same(one, other):
    theirs = other.model.state_dict()
    return (
        all(torch.equal(tensor, theirs[name]) for name, tensor in one.model.state_dict().items())
        and one.history == other.history
        and one.metrics == other.metrics
    )


@pytest.mark.parametrize(
    "architecture", ["resnet-mini", "resnext-mini", "densenet-mini", "convnet-mini"]
)
def test_learns(architecture):
    recipe = dataclasses.replace(RECIPE, epochs=12)
    trained = run(recipe, architecture=architecture, train=striped(60), test=striped(30, seed=1))
    assert trained.metrics["test_accuracy"] > 0.8
    assert trained.history[-1]["loss"] < 0.7 * trained.history[0]["loss"]


@pytest.mark.parametrize("ticks", [1, 4, 6, 16])
@pytest.mark.parametrize("chunk_bytes", [1, 2**20])
def test_interrupted_run_ends_in_the_same_bytes(tmp_path, monkeypatch, ticks, chunk_bytes):
    monkeypatch.setattr(training, "CHUNK_BYTES", chunk_bytes)
    treatment = smoothing(-0.1, "constant")
    whole = run(treatment=treatment)
    path = tmp_path / "state.safetensors"
    with pytest.raises(Interrupted):
        run(checkpoint=StopAfter(path, ticks), treatment=treatment)
    assert same(run(checkpoint=StopAfter(path, 10**9), treatment=treatment), whole)


def test_resumes_with_best_epoch_and_shared_draws(tmp_path):
    recipe = TrainingRecipe.of(
        {
            "epochs": 5,
            "batch_size": 6,
            "optimiser": {"name": "sgd", "lr": 0.05, "momentum": 0.9, "weight_decay": 1e-4},
            "schedule": {"name": "cosine", "floor": 1e-4},
            "augmentation": {"crop_scale": [0.8, 1], "flip": 0.5, "crop": "shared"},
            "keep": "best",
        }
    )
    whole = run(recipe)
    path = tmp_path / "state.safetensors"
    for ticks in (13, 9):
        with pytest.raises(Interrupted):
            run(recipe, StopAfter(path, ticks))
    assert same(run(recipe, StopAfter(path, 10**9)), whole)
    scores = [row["test_accuracy"] for row in whole.history]
    assert whole.metrics["kept_epoch"] == scores.index(max(scores))
    assert whole.metrics["test_accuracy"] == max(scores)


def test_chunks_do_not_matter(monkeypatch):
    whole = run()
    monkeypatch.setattr(training, "CHUNK_BYTES", 1)
    assert same(run(), whole)


def recorded(monkeypatch, alpha, ramp="constant"):
    """Every batch that the training sees."""
    batches, step = [], training._Training._step

    def spy(self, images, labels, lr):
        batches.append((images.clone(), labels.clone()))
        step(self, images, labels, lr)

    with monkeypatch.context() as patch:
        patch.setattr(training._Training, "_step", spy)
        trained = run(treatment=smoothing(alpha, ramp))
    return batches, trained


def test_every_alpha_sees_the_same_batches(monkeypatch):
    hard, _ = recorded(monkeypatch, 0.0)
    assert len(hard) == 4 * 4
    for alpha in (0.1, -0.05):
        soft, _ = recorded(monkeypatch, alpha)
        for one, other in zip(hard, soft, strict=True):
            assert torch.equal(one[0], other[0])
            assert torch.equal(one[1], other[1])
    assert not torch.equal(hard[0][0], hard[4][0])  # another epoch, other draws


def test_first_half_of_the_published_ramp_is_hard_training():
    hard, negative = run(treatment=smoothing(0)), run(treatment=smoothing(-0.5))
    assert negative.history[:2] == hard.history[:2]
    assert [row["alpha"] for row in negative.history] == [0, 0, -0.25, -0.5]
    assert negative.history[2]["loss"] != hard.history[2]["loss"]


def test_shared_draws_give_one_crop_per_batch(monkeypatch):
    seen = []
    monkeypatch.setattr(
        training,
        "augment",
        lambda pixels, draws, recipe, mark: seen.append(draws) or pixels.float(),
    )
    augmentation = dataclasses.replace(RECIPE.augmentation, crop="shared")
    run(dataclasses.replace(RECIPE, epochs=1, augmentation=augmentation))
    (draws,) = seen
    tops = torch.stack([draws.boxes.height, draws.boxes.top, draws.boxes.left], 1)
    for batch in tops.split(8):
        assert (batch == batch[0]).all()
    assert len(tops.unique(dim=0)) > 1


def test_history_and_metrics():
    trained = run(treatment=smoothing(0.1))
    assert [row["epoch"] for row in trained.history] == [0, 1, 2, 3]
    assert [row["lr"] for row in trained.history] == pytest.approx([3e-3] * 3 + [3e-4])
    assert {row["alpha"] for row in trained.history} == {0.1}
    assert not trained.model.training
    assert not any(p.requires_grad for p in trained.model.parameters())
    logits = trained.model(network_range(TEST.pixels))
    metrics = trained.metrics
    assert metrics["test_accuracy"] == accuracy(logits, TEST.labels)
    loss = torch.nn.functional.cross_entropy(logits, TEST.labels)
    assert metrics["test_loss"] == pytest.approx(float(loss), rel=1e-5)
    assert metrics["train_accuracy"] == accuracy(
        predict(trained.model, TRAIN.pixels, "cpu"), TRAIN.labels
    )
    assert 0 <= metrics["calibration_error"] <= 1
    without = run(test=None, treatment=smoothing(0.1))
    assert set(without.metrics) == {"kept_epoch", "train_accuracy"}
    assert without.history == trained.history


def early(goal, alpha=0.1):
    """Label smoothing that stops at another cell's test accuracy."""
    parts = make([{"part": "ls", "alpha": alpha}, {"part": "stop", "like": "ls-0.05"}])
    return [part.told({"test_accuracy": goal}) for part in parts]


def test_stops_at_the_first_epoch_that_reaches_the_other_cells_accuracy():
    recipe = dataclasses.replace(RECIPE, epochs=30)
    trained, whole = run(recipe, treatment=early(0.6)), run(recipe, treatment=smoothing(0.1))
    scores = [row["test_accuracy"] for row in trained.history]
    assert len(scores) < 30
    assert scores[-1] >= 0.6 > max([0.0, *scores[:-1]])
    assert trained.metrics["test_accuracy"] == scores[-1]
    assert trained.metrics["stop"] == {
        "like": "ls-0.05", "goal": 0.6, "reached": True, "epochs": len(scores),
    }  # fmt: skip
    # Up to there it is the training without a stop.
    for row, same_row in zip(trained.history, whole.history, strict=False):
        assert {**same_row, "test_accuracy": row["test_accuracy"]} == row


def test_a_goal_that_is_never_reached_is_a_result_with_its_reason():
    trained = run(treatment=early(1.0))
    best = max(row["test_accuracy"] for row in trained.history)
    assert best < 1
    assert len(trained.history) == 4
    told = trained.metrics["stop"]
    assert (told["reached"], told["epochs"], told["goal"]) == (False, 4, 1.0)
    assert told["reason"] == (
        f"no epoch of 4 reached 1.0000, the test accuracy of ls-0.05; the best had {best:.4f}"
    )


@pytest.mark.parametrize("ticks", [1, 4, 5, 8])
def test_an_interrupted_stop_ends_in_the_same_bytes(tmp_path, ticks):
    recipe = dataclasses.replace(RECIPE, epochs=6)
    goal = sorted(row["test_accuracy"] for row in run(recipe, treatment=early(1.0)).history)[-1]
    whole = run(recipe, treatment=early(goal))
    path = tmp_path / "state.safetensors"
    with pytest.raises(Interrupted):
        run(recipe, StopAfter(path, ticks), treatment=early(goal))
    assert same(run(recipe, StopAfter(path, 10**9), treatment=early(goal)), whole)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(24, [8, 8, 8]), (29, [8, 8, 8, 5]), (25, [8, 8, 9]), (5, [5])],
)
def test_a_single_left_over_image_joins_the_batch_before(count, expected):
    bounds = training._bounds(count, 8)
    assert [high - low for low, high in bounds] == expected
    assert bounds[0][0] == 0
    assert bounds[-1][1] == count


def test_rendered_images_train_a_student():
    rendered = LabelledImages(network_range(TRAIN.pixels) * 1.2, TRAIN.labels, 3)
    recipe = dataclasses.replace(
        RECIPE, augmentation=dataclasses.replace(RECIPE.augmentation, brightness=0.0, contrast=0.0)
    )
    assert run(recipe, train=rendered).history[-1]["loss"] < 1.2


def test_inception_trains_with_its_auxiliary_head_and_resumes(tmp_path):
    few = striped(4, classes=2, px=299, channels=3)
    recipe = TrainingRecipe.of(
        {"epochs": 1, "batch_size": 2, "optimiser": {"name": "adam", "lr": 1e-4},
         "auxiliary": "corrected"}
    )  # fmt: skip
    whole = run(recipe, architecture="inception-v3", train=few, test=None)
    path = tmp_path / "state.safetensors"
    with pytest.raises(Interrupted):
        run(recipe, StopAfter(path, 1), "inception-v3", None, few)
    assert same(run(recipe, StopAfter(path, 9), "inception-v3", None, few), whole)


def test_infinite_loss_is_told():
    recipe = TrainingRecipe.of(
        {"epochs": 3, "batch_size": 8, "optimiser": {"name": "sgd", "lr": 1e30}}
    )
    with pytest.raises(MirageError, match=r"after epoch 0.*learning rate"):
        run(recipe)


def test_impossible_settings_are_refused():
    for values in ({"epochs": 0}, {"batch_size": 1}):
        with pytest.raises(MirageError):
            dataclasses.replace(RECIPE, **values)
    for entry in ({"part": "ls", "alpha": 1.5}, {"part": "stop", "like": "ls0", "goal": 2.0}):
        with pytest.raises(MirageError):
            make([entry])


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_precisions_train(precision):
    trained = run(dataclasses.replace(RECIPE, precision=precision))
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]


def test_prediction_leaves_the_mode_alone():
    model = run().model.train()
    assert predict(model, TEST.pixels, "cpu", batch=4).shape == (15, 3)
    assert model.training
    whole = predict(model, TEST.pixels, "cpu")
    torch.testing.assert_close(predict(model, network_range(TEST.pixels), "cpu", 4), whole)


@pytest.mark.gpu
@pytest.mark.skipif(os.environ.get("MIRAGE_TEST_GPU") != "1", reason="needs a CUDA device")
@pytest.mark.parametrize("architecture", ["resnet-mini", "convnet-mini", "resnet18"])
@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
def test_gpu_run_repeats_and_resumes(tmp_path, architecture, precision):
    train = striped(60, px=64, channels=3)
    settings = (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)
    recipe = dataclasses.replace(
        RECIPE,
        precision=precision,
        augmentation=dataclasses.replace(RECIPE.augmentation, saturation=0.1, hue=0.1),
    )

    def on_gpu(checkpoint):
        return train_classifier(architecture, train, TEST_64, recipe, 7, checkpoint, "cuda")

    whole = on_gpu(NO_STATE)
    with pytest.raises(Interrupted):
        on_gpu(StopAfter(tmp_path / "state", 11))
    assert same(on_gpu(StopAfter(tmp_path / "state", 10**9)), whole)
    assert settings == (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)


TEST_64 = striped(15, px=64, channels=3, seed=1)
