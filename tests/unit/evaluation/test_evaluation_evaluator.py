"""The input range of a released evaluator is measured, and decides the corrected reading."""

import json

import numpy as np
import pytest
import torch
from mirage.errors import MirageError
from mirage.evaluation.evaluator import check_evaluator, remap, settle
from mirage.evaluation.features import embed_attack, embed_real
from mirage.evaluation.networks import Embedded, EvaluationNetwork
from mirage.evaluation.recipe import NetworkSpec
from mirage.runtime.checkpoint import Checkpoint
from pretend_cuda import pretend_cuda


def test_remap_is_torchvisions():
    from torchvision.models import inception_v3

    network = inception_v3(weights=None, transform_input=True, init_weights=False)
    images = torch.rand(2, 3, 5, 5) * 2 - 1
    torch.testing.assert_close(remap(images), network._transform_input(images))


class _Judge(torch.nn.Module):
    """Tells class 0 from class 1 by the mean of green, around a boundary of its training range."""

    def __init__(self, boundary):
        super().__init__()
        self.boundary = boundary

    def forward(self, images):
        green = images[:, 1].mean((1, 2))
        return torch.stack([self.boundary - green, green - self.boundary], 1)


def _green(*levels):
    images = torch.zeros(len(levels), 3, 2, 2, dtype=torch.uint8)
    images[:, 1] = torch.tensor(levels, dtype=torch.uint8)[:, None, None]
    return images


# In [-1, 1] these are about -0.22, -0.06 | 0.05, 0.21; re-mapped, three of them are below 0.
IMAGES, LABELS = _green(100, 120, 134, 154), torch.tensor([0, 0, 1, 1])
TRAINED = {"off": 0.0, "on": -0.088}


@pytest.mark.parametrize("mode", ["off", "on"])
def test_the_mode_of_the_training_is_found(mode):
    found = check_evaluator(_Judge(TRAINED[mode]), IMAGES, LABELS, 0.995, 3, "cpu")
    other = {"off": "on", "on": "off"}[mode]
    assert found["trained_with"] == mode
    assert found["test_accuracy"][mode] == 1.0
    assert found["test_accuracy"][other] < 1.0
    assert found["agrees_with_published"] is True
    assert found["attack_code_uses"] == "off"
    assert found["images"] == 4


def test_equal_modes_mean_off_and_grey_images_have_one():
    found = check_evaluator(_Judge(9.0), IMAGES, LABELS, None, 3, "cpu")
    assert found["test_accuracy"] == {"off": 0.5, "on": 0.5}
    assert found["trained_with"] == "off"
    assert found["agrees_with_published"] is None

    def grey(images):
        return torch.stack([-images.mean((1, 2, 3)), images.mean((1, 2, 3))], 1)

    found = check_evaluator(grey, IMAGES[:, 1:2], LABELS, None, 3, "cpu")
    assert found["test_accuracy"] == {"off": 1.0}


def test_a_difference_to_the_published_accuracy_is_told(caplog):
    found = check_evaluator(_Judge(0.0), IMAGES, LABELS, 0.95, 3, "cpu")
    assert found["agrees_with_published"] is False
    assert found["difference"] == pytest.approx(0.05)
    assert "published are 95.00 %" in caplog.text
    with pytest.raises(MirageError, match="classes and split"):
        check_evaluator(_Judge(0.0), IMAGES, 1 - LABELS, 0.962, 3, "cpu")


@pytest.mark.parametrize(("mode", "expected"), [("on", True), ("off", False)])
def test_the_finding_enters_the_settings(tmp_path, mode, expected):
    (tmp_path / "check.json").write_text(json.dumps({"trained_with": mode}))
    specs = {"eval": {"kind": "classifier"}, "face": {"kind": "facenet"}}
    settled = settle(specs, tmp_path / "check.json")
    assert settled == {"eval": {"kind": "classifier", "remap": expected}, "face": specs["face"]}
    assert settle(specs, None) == specs


class _Renderer:
    def sizes(self, w, sizes, labels=None):
        return {size: w[:, :3, None, None].expand(-1, 3, size, size) for size in sizes}


@pytest.mark.parametrize("remapped", [False, True])
def test_both_readings_are_embedded_only_where_they_differ(remapped):
    def forward(images):
        return Embedded(images.mean((2, 3)), images.mean((2, 3)))

    spec = NetworkSpec("classifier", 2, remap=remapped)
    networks = {"eval": EvaluationNetwork(spec, forward, "cpu")}
    real = embed_real(networks, {"eval": IMAGES}, LABELS, 3, Checkpoint(None, {}))
    assert set(real.features) == (
        {"eval.paper", "eval.corrected"} if remapped else {"eval.corrected"}
    )
    w = torch.tensor([[[0.5, -0.5, 0.25]], [[0.1, 0.2, 0.3]]])
    found = embed_attack(
        _Renderer(), networks, w, torch.tensor([0, 1]), 2, 2, 4, "cpu", Checkpoint(None, {})
    ).features
    wanted = remap(w.view(2, 3, 1, 1)).view(2, 1, 3) if remapped else w
    assert np.array_equal(found.of("eval", "paper"), w.numpy())
    assert np.allclose(found.of("eval", "corrected"), wanted.numpy(), atol=1e-7)
    assert np.allclose(found.logits_of("eval", "corrected"), wanted.numpy(), atol=1e-7)


@pytest.mark.parametrize("right", [50, 90, 100])
def test_the_standard_error_is_that_of_a_share(right):
    """sqrt(p (1 - p) / n), the same for a share and its rest."""
    images = _green(*[200] * right, *[0] * (100 - right))
    labels = torch.ones(100, dtype=torch.int64)
    found = check_evaluator(_Judge(0.0), images, labels, None, 7, "cpu")
    assert found["test_accuracy"]["off"] == right / 100
    expected = {50: 0.05, 90: 0.03, 100: 0.0}[right]
    assert found["standard_error"] == pytest.approx(expected)


def test_the_remapping_stays_on_its_device():
    with pretend_cuda() as mode:
        assert remap(torch.zeros(2, 3, 4, 4).to("cuda")).device.type == "cuda"
        assert mode.operations > 2
