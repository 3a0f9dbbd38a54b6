"""What a part of a treatment may do: wrap, ask for activations, add to the loss, and be named."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
import torch.nn.functional as F
from mirage.errors import MirageError
from mirage.registry import module_name
from mirage.runtime.checkpoint import Checkpoint
from mirage.study.treatment import Treatment
from mirage.targets import training, weights
from mirage.targets.architectures import Classifier
from mirage.targets.parts import TreatmentPart
from mirage.targets.recipe import TrainingRecipe
from mirage.targets.treatments import PARTS
from test_targets_training import TEST, TRAIN
from torch import nn

ONE_STEP = TrainingRecipe.of(
    {"epochs": 1, "batch_size": 29, "optimiser": {"name": "sgd", "lr": 0.5}}
)


class Linear(Classifier):
    """A linear network whose trunk is a linear layer, too."""

    stages: ClassVar[dict[str, str]] = {"first": "trunk.1"}

    def __init__(self):
        super().__init__(nn.Sequential(nn.Flatten(), nn.Linear(256, 4)), nn.Linear(4, 3), 1)
        self.name = "linear"
        torch.manual_seed(3)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.1)


@dataclass(frozen=True)
class Decay(TreatmentPart):
    """weight * mean square of the first layer's outputs."""

    weight: float
    place: ClassVar[int] = 1
    terms: ClassVar[tuple[str, ...]] = ("square",)
    hidden: ClassVar[tuple[str, ...]] = ("first",)

    def penalties(self, outputs, labels, epoch):
        return {"square": self.weight * outputs.hidden["first"].square().mean()}


def train(monkeypatch, *parts, recipe=ONE_STEP):
    monkeypatch.setattr(training, "build", lambda *_: Linear())
    return training.train_classifier(
        "linear", TRAIN, TEST, recipe, 7, Checkpoint(None, {}), "cpu", treatment=parts
    )


def test_a_penalty_of_hidden_activations_is_in_loss_gradient_and_history(monkeypatch):
    trained, start = train(monkeypatch, Decay(2.0)), Linear()
    images = training.augment(
        TRAIN.pixels, training.draw(29, 16, ONE_STEP.augmentation, torch.Generator()),
        ONE_STEP.augmentation,
    )  # fmt: skip
    hidden = start.trunk(images)
    penalty = 2.0 * hidden.square().mean()
    loss = F.cross_entropy(start.head(hidden), TRAIN.labels) + penalty
    loss.backward()
    (row,) = trained.history
    assert list(row) == ["epoch", "lr", "loss", "cross_entropy", "square", "train_accuracy"]
    assert row["cross_entropy"] == pytest.approx((loss - penalty).item(), rel=1e-5)
    assert row["square"] == pytest.approx(penalty.item(), rel=1e-5)
    assert row["loss"] == pytest.approx(loss.item(), rel=1e-5)
    for ours, theirs in zip(trained.model.parameters(), start.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs - 0.5 * theirs.grad, rtol=1e-4, atol=1e-6)


def test_an_architecture_without_these_activations_is_told(monkeypatch):
    monkeypatch.setattr(Linear, "stages", {})
    with pytest.raises(MirageError, match=r"linear names no hidden activations first"):
        train(monkeypatch, Decay(2.0))


class Doubled(Classifier):
    """A network inside another: its logits count twice."""

    def __init__(self, inner):
        super().__init__(inner.trunk, inner.head, inner.channels)
        self.name, self.scale = inner.name, nn.Parameter(torch.full((1,), 2.0))

    def forward(self, x):
        return self.scale * super().forward(x)


@dataclass(frozen=True)
class Double(TreatmentPart):
    place: ClassVar[int] = 1

    def wrap(self, model, seed):
        return Doubled(model)


def test_a_wrapped_network_is_trained_saved_and_loaded_as_such(monkeypatch, tmp_path):
    trained = train(monkeypatch, Double())
    assert isinstance(trained.model, Doubled)
    assert trained.model.scale.item() != 2.0
    path = tmp_path / "weights.safetensors"
    weights.save_classifier(path, trained.model, {"treatment": [{"part": "double"}]})
    monkeypatch.setattr(weights, "build", lambda **_: Linear())
    monkeypatch.setattr(weights, "make", lambda settings: [Double() for _ in settings])
    images = torch.rand(2, 1, 16, 16) * 2 - 1
    assert torch.equal(weights.load_classifier(path, "cpu")(images), trained.model(images))


@pytest.mark.parametrize("name", PARTS)
def test_every_part_is_spelled_as_its_file(name):
    kind = PARTS[name]
    assert kind.__module__ == module_name("mirage.targets.treatments", name)
    numbers = "_".join("0.5" for _ in kind.numbers)
    spelled = name + numbers + ("@ls0.1" if kind.sibling else "")
    (settings,) = Treatment.parse(spelled).settings({})
    assert kind.of({k: v for k, v in settings.items() if k != "part"}).name == name
