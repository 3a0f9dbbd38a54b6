"""Networks of the 64 px attacks: sizes, parts, hooks and treatments as published."""

import dataclasses
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from mirage.errors import MirageError
from mirage.memory_format import laid_out
from mirage.study.treatment import Treatment
from mirage.targets import training
from mirage.targets.architectures import build, lowres
from mirage.targets.hooks import FIFTH, INPUT, NAMES
from mirage.targets.recipe import TrainingRecipe
from mirage.targets.training_loss import watched
from mirage.targets.treatments import make
from mirage.targets.weights import load_classifier, save_classifier
from test_bido import by_loops, published
from test_targets_training import RECIPE, run, striped

TRAIN = striped(29, px=32)
TEST = striped(15, px=32, seed=1)


def trained(recipe=RECIPE, treatment="ls0", test=TEST):
    parts = make(Treatment.parse(treatment).settings({}))
    return run(recipe, architecture="vgg-mini", train=TRAIN, test=test, treatment=parts)


def count(model, frozen=False):
    return sum(p.numel() for p in model.parameters() if not (frozen and p.requires_grad))


@pytest.fixture(scope="module")
def vgg16():
    return build("vgg16", 1000, 3, seed=3)


def test_vgg16_has_the_published_size(vgg16):
    """Convolutions with bias, batch norm of two values per map, the head's norm and layer."""
    widths = [3, *[64] * 2, *[128] * 2, *[256] * 3, *[512] * 6]
    layers = sum(9 * a * b + 3 * b for a, b in pairwise(widths))
    assert count(vgg16) == layers + 2 * 2048 + 2048 * 1000 + 1000 == 16_776_232
    assert count(vgg16, frozen=True) == 2048


def test_vgg16_starts_from_imagenet_weights(monkeypatch):
    """Behind the images' range it is torchvision's own network up to the last maps."""
    from torchvision.models import vgg

    torch.manual_seed(0)
    features = vgg.make_layers(vgg.cfgs["D"], batch_norm=True).eval()
    shapes = {f"features.{name}": value for name, value in features.state_dict().items()}
    for place, (outputs, inputs) in {0: (4096, 25088), 3: (4096, 4096), 6: (1000, 4096)}.items():
        shapes[f"classifier.{place}.weight"] = torch.zeros(outputs, inputs)
        shapes[f"classifier.{place}.bias"] = torch.zeros(outputs)
    monkeypatch.setattr(lowres, "read_state", lambda _: shapes)
    model = build("vgg16", 7, 3, init="published.pth").freeze()
    unit = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        expected = features(unit).flatten(1) / (1 + 1e-5) ** 0.5  # a fresh norm in eval mode
        torch.testing.assert_close(model.features(2 * unit - 1), expected, rtol=1e-3, atol=1e-5)


def test_random_weights_of_vgg16_are_torchvisions(vgg16):
    for layer in vgg16.trunk.features:
        if isinstance(layer, torch.nn.Conv2d):
            expected = (2 / (9 * layer.out_channels)) ** 0.5
            assert layer.weight.std().item() == pytest.approx(expected, rel=0.05)
            assert not layer.bias.any()


@pytest.mark.parametrize(
    ("name", "channels", "px", "shapes"),
    [
        ("vgg16", 3, 64, [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4), (2048,)]),
        ("vgg-mini", 1, 32, [(16, 16, 16), (32, 8, 8), (64, 4, 4), (64, 2, 2), (128,)]),
        ("ir50", 3, 112, [(64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7)]),
    ],
)
def test_stages_are_those_of_the_blocks(name, channels, px, shapes):
    with torch.device("meta"):
        model = build(name, 5, channels).eval()
    model = model.to("meta")
    names = [*NAMES, FIFTH][: len(shapes)]
    with watched(model, [INPUT, *names]) as seen:
        model(torch.zeros(2, channels, px, px, device="meta"))
    assert [tuple(seen[stage].shape[1:]) for stage in names] == shapes
    assert seen[INPUT].shape == (2, channels, px, px)


def test_features_have_no_shift_before_and_after_a_training():
    found = trained()
    assert not found.model.trunk.norm.shift.any()
    assert found.model.trunk.norm.scale.std() > 0  # while the scale was trained
    fresh = build("vgg-mini", 3, 1).train()
    features = fresh.features(torch.rand(6, 1, 32, 32))
    torch.testing.assert_close(features.mean(0), torch.zeros(128), rtol=0, atol=1e-5)


def test_vgg_mini_learns():
    recipe = dataclasses.replace(RECIPE, epochs=12)
    assert trained(recipe).metrics["test_accuracy"] > 0.8


def test_bido_holds_five_stages_against_images_between_zero_and_one():
    recipe = TrainingRecipe.of(
        {"epochs": 1, "batch_size": 29, "optimiser": {"name": "sgd", "lr": 1e-9}}
    )
    (row,) = trained(recipe, "bido0.05_1").history
    columns = [f"{stage}_{on}" for stage in (*NAMES, FIFTH) for on in "xy"]
    assert list(row)[2:-1] == ["loss", "cross_entropy", *columns]
    model = build("vgg-mini", 3, 1, seed=7)
    unit = TRAIN.pixels.double() / 255
    with watched(model, (*NAMES, FIFTH)) as seen:
        model((2 * unit - 1).float())
    labels = (TRAIN.labels[:, None] == TRAIN.labels[None]).double()
    for stage in (*NAMES, FIFTH):
        kernel = by_loops(seen[stage].detach().double())
        on_x, on_y = published(kernel, by_loops(unit)).item(), published(kernel, labels).item()
        assert row[f"{stage}_x"] == pytest.approx(0.05 * on_x, rel=1e-3)
        assert row[f"{stage}_y"] == pytest.approx(-on_y, rel=1e-3)


def test_a_bottleneck_stands_right_behind_the_flattened_maps(tmp_path, vgg16):
    (part,) = make(Treatment.parse("mid0.01").settings({}))
    before = count(vgg16)
    model = part.wrap(build("vgg16", 1000, 3, seed=3), 3)
    assert model.head.code == 1024
    assert model.head.statistics.weight.shape == (2048, 2048)
    # Two layers in place of one and of the norm.
    assert count(model) == before - 4096 - 2048 * 1000 + 2048 * 2049 + 1024 * 1000
    found = trained(treatment="mid0.01").model
    save_classifier(
        tmp_path / "w.safetensors", found, {"treatment": [{"part": "mid", "beta": 0.01}]}
    )
    loaded = load_classifier(tmp_path / "w.safetensors", "cpu")
    images = torch.rand(4, 1, 32, 32)
    last = loaded.trunk.block5(loaded.trunk[:5](images)).flatten(1)
    assert torch.equal(loaded.features(images), last)
    assert torch.equal(laid_out(found, "cpu").features(images), last)


def test_ir50_has_the_published_size():
    """Stem; units of 2 norms, 2 kernels, PReLU, and where maps change a projection; the head."""
    total = 27 * 64 + 2 * 64 + 64
    inputs = 64
    for outputs, units in ((64, 3), (128, 4), (256, 14), (512, 3)):
        for _ in range(units):
            total += 2 * inputs + 9 * inputs * outputs + outputs + 9 * outputs**2 + 2 * outputs
            total += (inputs * outputs + 2 * outputs) * (inputs != outputs)
            inputs = outputs
    total += 2 * 512 + 512 * 49 * 512 + 512 + 2 * 512
    with torch.device("meta"):
        model = build("ir50", 1000, 3)
    assert count(model) == total + 512 * 1000 + 1000 == 44_087_976


@pytest.fixture
def small_ir(monkeypatch):
    """One unit per stage and few maps, the same code."""
    monkeypatch.setattr(lowres, "_IR_STAGES", ((64, 2), (64, 1), (96, 1), (96, 1)))
    torch.manual_seed(0)
    model = build("ir50", 5, 3, seed=2)
    with torch.no_grad():
        for name, values in model.state_dict().items():
            if "running" in name or name.endswith("bias"):
                values.copy_(torch.rand_like(values) + 0.5)
    return model.freeze()


def test_ir50_is_the_published_arithmetic(small_ir):
    """Against a plain reading of the table: norm, kernel, PReLU, strided kernel, norm, sum."""
    w = small_ir.state_dict()

    def norm(x, name):
        shape = (1, -1, 1, 1)[: x.ndim]
        mean, variance = w[f"{name}.running_mean"], w[f"{name}.running_var"]
        y = (x - mean.view(shape)) / (variance + 1e-5).sqrt().view(shape)
        return y * w[f"{name}.weight"].view(shape) + w[f"{name}.bias"].view(shape)

    unit = torch.rand(2, 3, 112, 112)
    x = F.conv2d(unit, w["trunk.input_layer.0.weight"], padding=1)
    x = F.prelu(norm(x, "trunk.input_layer.1"), w["trunk.input_layer.2.weight"])
    for place, (inputs, outputs, stride) in enumerate(
        [(64, 64, 2), (64, 64, 1), (64, 64, 2), (64, 96, 2), (96, 96, 2)]
    ):
        base = f"trunk.body.{place}"
        y = F.conv2d(norm(x, f"{base}.res_layer.0"), w[f"{base}.res_layer.1.weight"], padding=1)
        y = F.prelu(y, w[f"{base}.res_layer.2.weight"])
        y = F.conv2d(y, w[f"{base}.res_layer.3.weight"], stride=stride, padding=1)
        y = norm(y, f"{base}.res_layer.4")
        if inputs == outputs:
            x = x[:, :, ::stride, ::stride]
        else:
            x = F.conv2d(x, w[f"{base}.shortcut_layer.0.weight"], stride=stride)
            x = norm(x, f"{base}.shortcut_layer.1")
        x = x + y
    x = norm(x, "trunk.output_layer.0").flatten(1)
    x = x @ w["trunk.output_layer.3.weight"].T + w["trunk.output_layer.3.bias"]
    expected = norm(x, "trunk.output_layer.4")
    torch.testing.assert_close(small_ir.features(2 * unit - 1), expected, rtol=1e-3, atol=1e-3)


def test_weights_of_ir50_are_xaviers():
    model = build("ir50", 5, 3, seed=1)
    for name in ("trunk.body.5.res_layer.1.weight", "trunk.output_layer.3.weight"):
        weight = model.get_parameter(name)
        fans = (weight.shape[0] + weight.shape[1]) * weight[0, 0].numel()
        assert weight.std().item() == pytest.approx((2 / fans) ** 0.5, rel=0.02)
    assert not model.trunk.output_layer[3].bias.any()


def test_the_best_epoch_is_one_in_which_the_treatment_has_its_final_strength():
    """Of 8 epochs a negative alpha is 0 in four and whole in two (quirk best-epoch)."""
    recipe = dataclasses.replace(RECIPE, epochs=8, keep="best")
    found = trained(recipe, "ls-0.5")
    assert [row["alpha"] for row in found.history][-3:] == [-0.25, -0.5, -0.5]
    scores = [row["test_accuracy"] for row in found.history]
    assert found.metrics["kept_epoch"] == 6 + (scores[7] > scores[6])
    assert found.metrics["test_accuracy"] == max(scores[6:])
    assert found.metrics["last_test_accuracy"] == scores[-1]
    plain = trained(recipe, "ls0")
    scores = [row["test_accuracy"] for row in plain.history]
    assert plain.metrics["kept_epoch"] == scores.index(max(scores))
    assert "last_test_accuracy" not in trained().metrics


def test_a_small_last_batch_is_kept_or_dropped():
    assert training._bounds(29, 8) == [(0, 8), (8, 16), (16, 24), (24, 29)]
    assert training._bounds(29, 8, "drop") == [(0, 8), (8, 16), (16, 24)]
    assert training._bounds(24, 8, "drop") == training._bounds(24, 8)
    assert len(training._bounds(27_018, 64, "drop")) == 422  # as published
    recipe = dataclasses.replace(RECIPE, last_batch="drop")
    found = trained(recipe)
    assert found.history != trained().history
    assert all(row["train_accuracy"] <= 1 for row in found.history)
    with pytest.raises(MirageError, match="29 training images fill no batch of 30"):
        trained(dataclasses.replace(recipe, batch_size=30))
