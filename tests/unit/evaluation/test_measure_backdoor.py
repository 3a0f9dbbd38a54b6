"""The backdoor measure on digits, with classifiers made by hand."""

from types import SimpleNamespace

import pytest
import torch
from mirage.data.dataset import DatasetRecipe
from mirage.data.store import Store, prepare_store
from mirage.data.views import View, ViewRecipe, prepare_view
from mirage.errors import MirageError
from mirage.evaluation.measures import MEASURES
from mirage.targets import weights
from torch import nn

PARTS = [{"part": "badnets", "size_px": 2}, {"part": "blended", "label": 3}]
SETTINGS = {"triggers": ["badnets", "blended"], "parts": PARTS}


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    split = {"rule": "published", "seed": "cell", "train_share": 0.8}
    recipe = {"reader": "digits", "channels": 1, "split": split}
    prepare_store(DatasetRecipe.of(recipe), folder)
    prepare_view(Store(folder), ViewRecipe(8), folder / "view.safetensors")
    return folder / "view.safetensors"


class ByHand(nn.Module):
    """Answers by a rule: [N, 1, 8, 8] in [-1, 1] to classes."""

    def __init__(self, rule):
        super().__init__()
        self.rule = rule

    def forward(self, images):
        return 9.0 * nn.functional.one_hot(self.rule(images), 10)


def measured(view, rule, monkeypatch, batch=100, settings=SETTINGS):
    monkeypatch.setattr(weights, "load_classifier", lambda *_: ByHand(rule))
    case = SimpleNamespace(
        inputs={"weights": view, "view": view}, settings=settings, seed=5, batch=batch, device="cpu"
    )
    return MEASURES["backdoor"].run(case)


def test_one_who_always_says_class_0_succeeds_with_the_others_images(view, monkeypatch):
    found = measured(view, lambda images: torch.zeros(len(images), dtype=torch.int64), monkeypatch)
    labels = View(view, 5).labels[View(view, 5).test]
    zeros, threes = (int((labels == label).sum()) for label in (0, 3))
    assert found.metrics == {
        "images": 360,
        "accuracy": zeros / 360,
        "badnets": {"label": 0, "images": 360 - zeros, "success": 1.0, "untouched": 1.0},
        "blended": {"label": 3, "images": 360 - threes, "success": 0.0, "untouched": 0.0},
    }


def test_one_who_sees_the_board_answers_to_it_alone(view, monkeypatch):
    board = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])

    def rule(images):
        return (images[:, 0, 6:, 6:] != board).flatten(1).any(1).long()  # 0: the board

    found = measured(view, rule, monkeypatch)
    assert found.metrics["badnets"]["success"] == 1.0
    assert found.metrics["badnets"]["untouched"] == 0.0
    assert (found.arrays["badnets"] == 0).all()
    assert (found.arrays["blended"] == 1).all()
    assert (found.arrays["untouched"] == 1).all()


def test_blended_images_are_what_the_training_saw(view, monkeypatch):
    from mirage.targets.treatments import make

    pixels = View(view, 5).pixels[View(view, 5).test].double().div(255)
    pattern = make(PARTS)[1].trigger(1, 8, 5).pattern.double()
    expected, seen = (0.9 * pixels + 0.1 * pattern).clamp(0, 1) * 2 - 1, []

    def rule(images):
        seen.append(images)
        return torch.zeros(len(images), dtype=torch.int64)

    measured(view, rule, monkeypatch)
    torch.testing.assert_close(torch.cat(seen)[-360:], expected.float())


def test_backdoor_measures_do_not_depend_on_batches(view, monkeypatch):
    def rule(images):
        return (images.flatten(1).sum(1) * 7).long() % 10

    whole, cut = (measured(view, rule, monkeypatch, batch) for batch in (1000, 7))
    assert whole.metrics == cut.metrics
    assert all(torch.equal(cut.arrays[name], values) for name, values in whole.arrays.items())
    assert set(whole.arrays) == {"labels", "untouched", "badnets", "blended"}


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_backdoors_are_measured_at_each_precision(view, monkeypatch, precision):
    def rule(images):
        exact = nn.functional.linear(images.flatten(1)[:, :2], torch.eye(2))
        assert exact.dtype == (torch.bfloat16 if precision == "bf16" else torch.float32)
        return torch.zeros(len(images), dtype=torch.int64)

    settings = {**SETTINGS, "precision": precision}
    assert measured(view, rule, monkeypatch, settings=settings).metrics["images"] == 360


def test_answers_that_are_no_numbers_are_told(view, monkeypatch):
    monkeypatch.setattr(ByHand, "forward", lambda self, images: images.flatten(1) * torch.nan)
    with pytest.raises(MirageError, match="no finite logits for 360 of 360"):
        measured(view, None, monkeypatch)


def test_what_is_no_trigger_is_refused():
    recipe = MEASURES["backdoor"].recipe
    with pytest.raises(MirageError, match="badnets, blended"):
        recipe.of({"triggers": ["ls"]})
    assert [part.name for part in recipe.of(SETTINGS).made] == ["badnets", "blended"]
