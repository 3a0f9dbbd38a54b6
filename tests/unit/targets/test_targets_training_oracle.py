"""The training loop against PyTorch's own optimisers and schedulers, and closed forms."""

import copy
import dataclasses

import pytest
import torch
import torch.nn.functional as F
from mirage.data.views import LabelledImages
from mirage.runtime.checkpoint import Checkpoint
from mirage.streams import generator
from mirage.targets import training
from mirage.targets.architectures import build
from mirage.targets.architectures.classifier import Classifier
from mirage.targets.architectures.layers import StreamDropout
from mirage.targets.augmentation import augment, draw
from mirage.targets.images import network_range
from mirage.targets.recipe import TrainingRecipe
from mirage.targets.treatments import make
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, MultiStepLR

PLAIN = TrainingRecipe.of(
    {"epochs": 3, "batch_size": 4, "optimiser": {"name": "sgd", "lr": 0.1, "momentum": 0.9}}
)


def pictures(count=11, classes=3, px=8, channels=1, seed=0):
    """Noise about a grey level that tells the class; no image equals another."""
    stream = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % classes
    noise = torch.randint(-40, 41, (count, channels, px, px), generator=stream)
    return LabelledImages((60 + 60 * labels[:, None, None, None] + noise).byte(), labels, classes)


def train(recipe, images=None, test=None, seed=7, architecture="resnet-mini", treatment=()):
    images = pictures() if images is None else images
    return training.train_classifier(
        architecture, images, test, recipe, seed, Checkpoint(None, {}), "cpu", treatment=treatment
    )


def smoothing(alpha, ramp="published"):
    return make([{"part": "ls", "alpha": alpha, "ramp": ramp}])


@pytest.fixture
def batches(monkeypatch):
    """Images and labels of every step, as the training hands them on."""
    seen, step = [], training._Training._step

    def spy(self, images, labels, *rest):
        seen.append((images.clone(), labels.clone()))
        step(self, images, labels, *rest)

    monkeypatch.setattr(training._Training, "_step", spy)
    return seen


class TwoHeads(Classifier):
    """Linear, with an auxiliary head beside it, so that one step has a closed form."""

    auxiliary_weight = 0.4

    def __init__(self, classes=3, pixels=64):
        torch.manual_seed(0)
        super().__init__(nn.Flatten(), nn.Linear(pixels, classes), 1)
        self.side = nn.Linear(pixels, classes)

    def training_logits(self, x):
        return self(x), self.side(self.features(x))


@pytest.fixture
def linear(monkeypatch):
    """Let the linear network be trained, whatever the architecture."""
    monkeypatch.setattr(
        training, "build", lambda name, classes, *_: TwoHeads(classes, PIXELS[name] ** 2)
    )


PIXELS = {"resnet-mini": 8, "of 16 px": 16, "of 32 px": 32}

SCHEDULES = {
    "multistep": (
        {"name": "multistep", "milestones": [2, 4], "gamma": 0.25},
        lambda o: MultiStepLR(o, [2, 4], 0.25),
    ),
    "cosine": (
        {"name": "cosine", "floor": 1e-3},
        lambda o: CosineAnnealingLR(o, T_max=5, eta_min=1e-3),
    ),
}


@pytest.mark.parametrize("alpha", [0.0, 0.2])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(
    ("optimiser", "settings"),
    [
        (torch.optim.SGD, {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.02}),
        (torch.optim.Adam, {"lr": 0.01, "betas": (0.8, 0.9)}),
    ],
)
def test_weights_and_losses_are_those_of_torchs_loop(
    batches, linear, optimiser, settings, schedule, alpha
):
    """11 images in batches of 4, so the last one is short; the linear network in both loops."""
    ours, theirs = SCHEDULES[schedule]
    recipe = TrainingRecipe.of(
        {
            "epochs": 5, "batch_size": 4, "schedule": ours,
            "optimiser": {"name": optimiser.__name__.lower(), **settings},
        }
    )  # fmt: skip
    trained = train(recipe, treatment=smoothing(alpha))
    model = TwoHeads()
    oracle = optimiser(model.parameters(), **settings)
    scheduler = theirs(oracle)
    for row in trained.history:
        losses, hits = [], 0
        for images, labels in batches[3 * row["epoch"] : 3 * row["epoch"] + 3]:
            logits, side = model.training_logits(images)
            rows = [
                F.cross_entropy(x, labels, label_smoothing=alpha, reduction="none")
                for x in (logits, side)
            ]
            loss = rows[0] + 0.4 * rows[1]
            oracle.zero_grad()
            loss.mean().backward()
            oracle.step()
            losses += loss.tolist()
            hits += int((logits.argmax(1) == labels).sum())
        assert row["lr"] == pytest.approx(scheduler.get_last_lr()[0])
        assert len(losses) == 11
        assert row["loss"] == pytest.approx(sum(losses) / 11, rel=1e-4)
        assert row["train_accuracy"] == pytest.approx(hits / 11)
        scheduler.step()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(trained.model.state_dict()[name], value, rtol=1e-4, atol=1e-5)


def test_the_optimiser_receives_the_scheduled_rate(linear, monkeypatch):
    rates, step = [], training.Optimiser.step
    monkeypatch.setattr(
        training.Optimiser, "step", lambda self, lr=None: rates.append(lr) or step(self, lr)
    )
    recipe = TrainingRecipe.of(
        {
            "epochs": 4, "batch_size": 6, "optimiser": {"name": "adam", "lr": 1e-3},
            "schedule": {"name": "multistep", "milestones": [1, 3]},
        }
    )  # fmt: skip
    train(recipe)
    assert rates == pytest.approx([1e-3] * 2 + [1e-4] * 4 + [1e-5] * 2)


@pytest.mark.parametrize("alpha", [0.0, -0.5])
def test_one_step_of_the_auxiliary_head_in_closed_form(batches, linear, alpha):
    """d loss / d side = 0.4 (p - y) x^T / N: the head's own gradient, scaled by its weight."""
    recipe = TrainingRecipe.of(
        {
            "epochs": 1, "batch_size": 11, "optimiser": {"name": "sgd", "lr": 0.3},
        }
    )  # fmt: skip
    trained, start = train(recipe, treatment=smoothing(alpha, "constant")).model, TwoHeads()
    ((images, labels),) = batches
    flat = images.flatten(1)
    wanted = (1 - alpha) * F.one_hot(labels, 3) + alpha / 3
    for name, weight in (("head", 1.0), ("side", 0.4)):
        before, after = getattr(start, name), getattr(trained, name)
        error = (before(flat).softmax(1) - wanted) / 11
        torch.testing.assert_close(after.weight, before.weight - 0.3 * weight * error.T @ flat)
        torch.testing.assert_close(after.bias, before.bias - 0.3 * weight * error.sum(0))


def test_smoothing_factor_of_a_step_is_that_of_its_epoch(batches, linear):
    """The published ramp over four epochs: 0, 0, half, all; frozen weights show the loss itself."""
    recipe = TrainingRecipe.of(
        {
            "epochs": 4, "batch_size": 11, "optimiser": {"name": "sgd", "lr": 1e-12},
        }
    )  # fmt: skip
    history, model = train(recipe, treatment=smoothing(-0.5)).history, TwoHeads()
    for row, (images, labels), alpha in zip(history, batches, [0, 0, -0.25, -0.5], strict=True):
        wanted = (1 - alpha) * F.one_hot(labels, 3) + alpha / 3
        logits, side = model.training_logits(images)
        loss = F.cross_entropy(logits, wanted) + 0.4 * F.cross_entropy(side, wanted)
        assert row["loss"] == pytest.approx(loss.item(), rel=1e-5)


def orders(batches, images, epochs):
    """Which image stood in which place, by epoch; only without augmentation."""
    shown = torch.cat([seen for seen, _ in batches])
    known = network_range(images.pixels)
    places = [int((known - one).abs().flatten(1).amax(1).argmin()) for one in shown]
    count = len(known)
    return [places[epoch * count : (epoch + 1) * count] for epoch in range(epochs)]


def test_every_epoch_has_an_order_of_its_own_and_a_seed_repeats_them(batches, linear):
    images = pictures()

    def found(seed):
        batches.clear()
        train(PLAIN, images, seed=seed)
        assert torch.equal(
            torch.cat([labels for _, labels in batches]),
            images.labels[torch.tensor(orders(batches, images, 3)).flatten()],
        )
        return orders(batches, images, 3)

    first = found(7)
    for order in first:
        assert sorted(order) == list(range(11))
        assert order != list(range(11))
    assert first[0] != first[1] != first[2] != first[0]
    assert found(7) == first
    assert all(mine != other for mine, other in zip(first, found(8), strict=True))


@pytest.mark.parametrize("crop", ["per_image", "shared"])
def test_every_epoch_has_draws_of_its_own_and_a_seed_repeats_them(linear, monkeypatch, crop):
    drawn = []
    monkeypatch.setattr(training, "draw", lambda *given: drawn.append(draw(*given)) or drawn[-1])
    augmentation = {
        "crop_scale": [0.3, 1], "crop_ratio": [0.7, 1.4], "flip": 0.5, "crop": crop,
        "brightness": 0.5, "contrast": 0.5,
    }  # fmt: skip
    recipe = TrainingRecipe.of({**dataclasses.asdict(PLAIN), "augmentation": augmentation})

    def found(seed):
        drawn.clear()
        train(recipe, pictures(px=32), seed=seed, architecture="of 32 px")
        return [[*draws.boxes, draws.order, draws.factors] for draws in drawn]

    first = found(7)
    assert len(first) == 3
    assert all(
        len(field) == (11 if crop == "per_image" else 3) for draws in first for field in draws
    )
    for one, other in ((0, 1), (1, 2), (0, 2)):
        for place in (0, 2, 6):  # top, height, factors
            assert not torch.equal(first[one][place], first[other][place])
    for mine, again in zip(first, found(7), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine, again, strict=True))
    for mine, other in zip(first, found(8), strict=True):
        assert not torch.equal(mine[6], other[6])


def test_an_images_draws_stay_with_it_whatever_its_place(batches, linear):
    """The network sees each image under the row of the epoch's draws that bears its number."""
    images = pictures(px=16)
    changes = {"crop_scale": [0.3, 1], "flip": 0.5, "brightness": 0.3, "contrast": 0.3}
    recipe = TrainingRecipe.of({**dataclasses.asdict(PLAIN), "augmentation": changes})
    train(recipe, images, architecture="of 16 px")
    for epoch in range(3):
        shown = torch.cat([seen for seen, _ in batches[3 * epoch : 3 * epoch + 3]])
        order = torch.randperm(11, generator=generator(7, "order", epoch))
        draws = draw(11, 16, recipe.augmentation, generator(7, "augmentation", epoch))
        expected = augment(images.pixels, draws, recipe.augmentation)
        torch.testing.assert_close(shown, expected[order], rtol=0, atol=1e-6)


def watched(scores, monkeypatch, goal=None, **changes):
    """Train while the test accuracies are the given ones."""
    treatment = make([{"part": "stop", "like": "ls0", "goal": goal}] if goal else [])
    told = iter([*scores, 0.0])
    monkeypatch.setattr(training, "accuracy", lambda logits, labels: next(told))
    recipe = TrainingRecipe.of({**dataclasses.asdict(PLAIN), "epochs": len(scores), **changes})
    return train(recipe, test=pictures(6, seed=1), treatment=treatment)


@pytest.mark.parametrize(
    ("scores", "epochs"),
    [([0.5, 0.75, 0.9], 2), ([0.75, 0.1, 0.1], 1), ([0.5, 0.74, 0.7499], 3), ([0.8, 0.9, 0.9], 1)],
)
def test_reaching_the_accuracy_exactly_stops_too(linear, monkeypatch, scores, epochs):
    trained = watched(scores, monkeypatch, goal=0.75)
    assert [row["test_accuracy"] for row in trained.history] == scores[:epochs]


def test_of_equal_epochs_the_earliest_is_kept(linear, monkeypatch):
    weights = []
    end = training._Training._end_epoch

    def spy(self, *rates):
        weights.append(copy.deepcopy(self.model.state_dict()))
        end(self, *rates)

    monkeypatch.setattr(training._Training, "_end_epoch", spy)
    trained = watched([0.2, 0.6, 0.6, 0.5], monkeypatch, keep="best")
    assert trained.metrics["kept_epoch"] == 1
    kept = trained.model.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in weights[1].items())
    assert not all(torch.equal(kept[name], value) for name, value in weights[2].items())


def test_last_epochs_weights_are_kept_unless_the_best_are_asked_for(linear, monkeypatch):
    trained = watched([0.9, 0.1], monkeypatch, goal=1.0)
    assert trained.metrics["kept_epoch"] == 1


@pytest.mark.parametrize("seed", [0, 1])
def test_initial_weights_are_those_of_the_seed(seed):
    """With a vanishing rate the trained weights are still those that the seed draws."""
    recipe = TrainingRecipe.of(
        {"epochs": 1, "batch_size": 11, "optimiser": {"name": "sgd", "lr": 1e-12}}
    )
    fresh = build("resnet-mini", 3, 1, None, seed, "paper")
    for (name, mine), theirs in zip(
        train(recipe, seed=seed).model.named_parameters(), fresh.parameters(), strict=True
    ):
        torch.testing.assert_close(mine, theirs, msg=name)


class Dropping(Classifier):
    """Keeps the masks of its two dropout layers."""

    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 3), 1)
        self.layers, self.masks = nn.ModuleList([StreamDropout(0.5), StreamDropout(0.5)]), []

    def training_logits(self, x):
        self.masks += [layer(torch.ones(1, 64)) for layer in self.layers]
        return self(x), None


def test_every_dropout_layer_step_and_epoch_has_a_mask_of_its_own(monkeypatch):
    def masks(seed):
        model = Dropping()
        monkeypatch.setattr(training, "build", lambda *_: model)
        train(PLAIN, seed=seed)
        return torch.cat(model.masks)

    first = masks(7)
    assert len(first) == len(first.unique(dim=0)) == 2 * 3 * 3  # layers, steps, epochs
    assert torch.equal(masks(7), first)
    assert len(torch.cat([first, masks(8)]).unique(dim=0)) == 2 * len(first)
