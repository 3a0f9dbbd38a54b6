"""Every registered network builds, sees and remembers; nothing draws from global state."""

import pytest
import torch
from mirage.errors import MirageError
from mirage.memory_format import laid_out
from mirage.runtime import files
from mirage.targets.architectures import BUILDERS, build
from mirage.targets.architectures.layers import BatchNorm, Kernel, StreamDropout
from mirage.targets.weights import load_classifier, save_classifier

MINI = [name for name in BUILDERS if name.endswith("-mini")]
IMAGE_PX = {"inception-v3": 75, "vgg16": 64, "ir50": 112, "digitnet": 8}
WEIGHTS = {
    "resnet-mini": 79_000,
    "resnext-mini": 26_000,
    "densenet-mini": 23_000,
    "convnet-mini": 100_000,
    "vgg-mini": 138_000,
}


def test_the_paper_s_networks_are_there():
    networks = {"resnet152", "resnext50", "densenet121", "inception-v3", "resnet50", "vgg16"}
    assert networks <= set(BUILDERS)


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_builds_with_the_right_shapes(name):
    before = torch.get_rng_state()
    model = build(name, classes=7, channels=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert (model.name, model.classes, model.channels) == (name, 7, 3)
    model.freeze()
    with torch.no_grad():
        images = torch.rand(2, 3, *[IMAGE_PX.get(name, 32)] * 2)
        features, logits = model.features(images), model(images)
    assert logits.shape == (2, 7)
    assert features.shape == (2, model.head.in_features)
    torch.testing.assert_close(model.head(features), logits)
    assert all(torch.isfinite(p).all() for p in model.parameters())
    assert not any(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("name", MINI)
def test_demo_networks_have_the_measured_size(name):
    model = build(name, classes=24, channels=1)
    weights = sum(p.numel() for p in model.parameters())
    assert weights == pytest.approx(WEIGHTS[name], rel=0.03)


@pytest.mark.parametrize("name", [*MINI, "resnet18"])
def test_weights_depend_on_the_seed_alone(name):
    channels = 3
    torch.manual_seed(1)
    first = build(name, 5, channels, seed=4).state_dict()
    torch.manual_seed(2)
    second, other = build(name, 5, channels, seed=4), build(name, 5, channels, seed=5)
    assert all(torch.equal(first[key], value) for key, value in second.state_dict().items())
    assert any(not torch.equal(first[key], value) for key, value in other.state_dict().items())


@pytest.mark.parametrize(("size", "stride", "groups"), [(3, 1, 1), (3, 2, 4), (1, 2, 1), (1, 1, 1)])
def test_kernel_is_torch_s_convolution(size, stride, groups):
    ours = Kernel(8, 12, size, stride, groups)
    theirs = torch.nn.Conv2d(8, 12, size, stride, size // 2, groups=groups, bias=False)
    ours.weight.data.copy_(theirs.weight)
    x = torch.randn(2, 8, 9, 9)
    torch.testing.assert_close(ours(x), theirs(x))


def test_batch_norm_is_torch_s():
    ours, theirs = BatchNorm(3), torch.nn.BatchNorm2d(3)
    for _ in range(3):
        x = torch.randn(4, 3, 5, 5) * 2 + 1
        torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


@pytest.mark.parametrize(
    ("auxiliary", "outputs", "weight"), [("paper", 1000, 1), ("corrected", 7, 0.4)]
)
def test_inception_auxiliary_head(auxiliary, outputs, weight):
    model = build("inception-v3", 7, 3, auxiliary=auxiliary).train()
    assert not model.trunk.transform_input
    logits, side = model.training_logits(torch.rand(2, 3, 299, 299))
    assert logits.shape == (2, 7)
    assert side.shape == (2, outputs)
    assert model.auxiliary_weight == weight


@pytest.mark.parametrize("probability", [0.1, 0.8])
def test_dropout_drops_the_share_it_is_told(probability):
    layer = StreamDropout(probability)
    layer.generator.manual_seed(3)
    kept = layer(torch.ones(200, 50))
    # 10,000 draws: five standard deviations are 0.015 to 0.02.
    assert float((kept == 0).float().mean()) == pytest.approx(probability, abs=0.02)
    torch.testing.assert_close(kept.max(), torch.tensor(1 / (1 - probability)))


def test_dropout_keeps_the_mean_and_repeats():
    layer, x = StreamDropout(0.5), torch.ones(200, 50)
    layer.generator.manual_seed(3)
    first = layer(x)
    layer.generator.manual_seed(3)
    assert torch.equal(layer(x), first)
    assert set(first.unique().tolist()) == {0.0, 2.0}
    assert float(first.mean()) == pytest.approx(1, abs=0.05)
    assert torch.equal(layer.eval()(x), x)


@pytest.mark.parametrize(
    ("name", "torchvision_name", "last"),
    [("resnet18", "resnet18", "fc"), ("densenet121", "densenet121", "classifier")],
)
def test_starts_from_imagenet_weights(tmp_path, name, torchvision_name, last):
    from torchvision import models

    network = getattr(models, torchvision_name)(weights=None).eval()
    state = network.state_dict()
    published = {key.replace("norm1", "norm.1").replace("conv2", "conv.2") if "denselayer" in key
                 else key: value for key, value in state.items()}  # fmt: skip
    torch.save(published, tmp_path / "weights.pth")
    files.save_tensors(tmp_path / "weights.safetensors", state)
    setattr(network, last, torch.nn.Identity())
    images = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        for file in ("weights.pth", "weights.safetensors"):
            model = build(name, 7, 3, init=tmp_path / file).freeze()
            torch.testing.assert_close(model.features(images), network(images))


def test_useless_imagenet_weights_are_named(tmp_path):
    for name, content in (("junk.pth", b"junk"), ("junk.safetensors", b"junk")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MirageError, match=name):
            build("resnet18", 7, 3, init=tmp_path / name)
    with pytest.raises(MirageError, match="missing"):
        build("resnet18", 7, 3, init=tmp_path / "absent.pth")
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(MirageError, match="does not fit"):
        build("resnet18", 7, 3, init=tmp_path / "other.pth")


def test_impossible_networks_are_refused():
    with pytest.raises(MirageError, match="resnet-mini"):
        build("resnet-maxi", 7, 3)
    with pytest.raises(MirageError, match="3 channels"):
        build("resnet18", 7, 1)
    with pytest.raises(MirageError, match="two classes"):
        build("resnet-mini", 1, 1)
    with pytest.raises(MirageError, match="1000 outputs"):
        build("inception-v3", 1200, 3)


@pytest.mark.parametrize(("name", "channels"), [("densenet-mini", 1), ("resnet18", 3)])
def test_files_keep_the_classifier(tmp_path, name, channels):
    model = build(name, 5, channels, seed=3)
    save_classifier(tmp_path / "w.safetensors", model, {"seed": 3})
    assert files.read_metadata(tmp_path / "w.safetensors")["seed"] == 3
    loaded = load_classifier(tmp_path / "w.safetensors", "cpu")
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    images = torch.rand(2, channels, 32, 32)
    assert torch.equal(loaded(images), laid_out(model, "cpu").freeze()(images))


def test_damaged_files_are_refused(tmp_path):
    model = build("resnet-mini", 5, 1)
    path = tmp_path / "w.safetensors"
    save_classifier(path, model, {})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MirageError, match="is damaged: its content is not what was written"):
        load_classifier(path, "cpu")
    files.save_tensors(path, model.state_dict(), {"architecture": {"name": "convnet-mini",
                       "classes": 5, "channels": 1}})  # fmt: skip
    with pytest.raises(MirageError, match="does not hold a classifier"):
        load_classifier(path, "cpu")
    files.save_tensors(path, model.state_dict(), {"kind": "prior"})
    with pytest.raises(MirageError, match="does not hold a classifier"):
        load_classifier(path, "cpu")
    with pytest.raises(MirageError, match="missing"):
        load_classifier(tmp_path / "absent.safetensors", "cpu")
