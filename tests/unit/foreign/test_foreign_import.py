"""Published files, built in their structure with random values: import, use, and known answers.

The real files cannot be had here. Names, shapes, dtypes and containers are theirs, the values are
random; each imported network is held to the class that its own project would build.
"""

import json

import pytest
import torch
from mirage.errors import MirageError
from mirage.evaluation.networks import load_network
from mirage.evaluation.recipe import NetworkSpec
from mirage.foreign import known as known_files
from mirage.foreign.file_kinds import ForeignRecipe, load_foreign
from mirage.foreign.fingerprint import difference, fingerprint, fixed_image, fixed_latent
from mirage.foreign.importing import import_weights
from mirage.foreign.known import KnownFile, published
from mirage.memory_format import laid_out
from mirage.runtime import files
from mirage.targets.architectures import build, lowres
from mirage.targets.weights import load_classifier


def _calibrated(network, image_px=96):
    """Give batch norm the statistics of noise: no layer is neutral, and none dies out.

    With other random statistics the values shrink from layer to layer, until the answer is the
    same whatever the layers do.
    """
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    draws = torch.Generator().manual_seed(3)
    with torch.no_grad():
        network.train()(torch.rand(4, 3, image_px, image_px, generator=draws) * 2 - 1)
    return network.eval().requires_grad_(False)


def _torchvision(name, image_px=96, **options):
    from torchvision import models

    torch.manual_seed(0)
    return _calibrated(getattr(models, name)(weights=None, **options), image_px)


@pytest.fixture
def bring_in(tmp_path):
    def bring(state, kind, known=KnownFile(), zipped=True, samples=None, **settings):  # noqa: B008
        torch.save(state, tmp_path / "in.pth", _use_new_zipfile_serialization=zipped)
        recipe = ForeignRecipe(kind, **settings)
        out = tmp_path / "out.safetensors"
        memory = tmp_path / "memory.json"
        return import_weights(tmp_path / "in.pth", recipe, known, memory, out, samples), out

    return bring


def _as_in_2017(state):
    """Names of densenet121-a639ec97.pth: dots inside dense layers, no counters."""
    names = {
        key: key.replace("norm1", "norm.1").replace("norm2", "norm.2")
        .replace("conv1", "conv.1").replace("conv2", "conv.2") if "denselayer" in key else key
        for key in state
    }  # fmt: skip
    return {names[key]: value for key, value in state.items() if "tracked" not in key}


@pytest.mark.parametrize(
    ("architecture", "name", "publish", "zipped"),
    [
        ("resnet50", "resnet50", dict, True),
        ("resnext50", "resnext50_32x4d", dict, True),
        ("densenet121", "densenet121", _as_in_2017, False),
    ],
)
def test_imagenet_weights_of_torchvision(bring_in, architecture, name, publish, zipped):
    network = _torchvision(name)
    record, out = bring_in(
        publish(network.state_dict()), "imagenet", zipped=zipped, architecture=architecture
    )
    assert record["container"] == ("torch zip" if zipped else "torch legacy")
    assert record["status"] == "recorded, no published reference"
    images = torch.rand(1, 3, 64, 64)
    imported = load_foreign(ForeignRecipe("imagenet", architecture=architecture), out)
    with torch.no_grad():
        # Equal numbers at another place in memory may be added up in another order.
        torch.testing.assert_close(imported(images), network(images), rtol=0, atol=1e-5)
    # ... and they are what a training starts from
    started = build(architecture, 7, 3, init=out).freeze()
    ours = {key.removeprefix("trunk."): value for key, value in started.state_dict().items()}
    kept = [key for key in network.state_dict() if key in ours and "tracked" not in key]
    assert len(kept) > 150
    assert all(torch.equal(ours[key], network.state_dict()[key]) for key in kept)


def test_facenet_with_the_logits_of_its_training(bring_in, tmp_path):
    from facenet_pytorch import InceptionResnetV1

    torch.manual_seed(0)
    network = _calibrated(InceptionResnetV1(classify=True, num_classes=8631))
    # 20180402-114759-vggface2.pt was saved in 2020, before the zip layout was the default.
    record, out = bring_in(network.state_dict(), "facenet", zipped=False)
    assert record["container"] == "torch legacy"
    assert not [name for name in files.load_tensors(out) if name.startswith("logits")]
    images = torch.rand(2, 3, 96, 96) * 2 - 1
    network.classify = False
    with torch.no_grad():
        expected = network(images)
    for path in (out, tmp_path / "in.pth"):
        found = load_network(NetworkSpec("facenet", 96), path, "cpu").embed(images)
        assert torch.equal(found.features, expected), path


@pytest.fixture(scope="module")
def fid_network():
    settings = {"num_classes": 1008, "aux_logits": False, "init_weights": False}
    return _torchvision("inception_v3", image_px=299, **settings)


def test_fid_inception_equals_pytorch_fid(bring_in, fid_network, monkeypatch):
    """The same weights, built by pytorch-fid's own code."""
    from pytorch_fid import inception as theirs

    state = fid_network.state_dict()
    monkeypatch.setattr(theirs, "load_state_dict_from_url", lambda *_, **__: state)
    network = theirs.InceptionV3([3], resize_input=False, normalize_input=False).eval()
    _, out = bring_in(state, "inception_fid")
    images = torch.rand(2, 3, 299, 299) * 2 - 1
    found = load_network(NetworkSpec("inception_fid", 299), out, "cpu").embed(images)
    with torch.no_grad():
        expected = network(images)[0].flatten(1)
    assert expected.std(dim=0).mean() > 0.05  # the images are told apart
    torch.testing.assert_close(found.features, expected, rtol=1e-4, atol=1e-4)


def _as_ppa_saves(network, compiled):
    inner = "model._orig_mod." if compiled else "model."
    return {inner + key: value for key, value in network.state_dict().items()}


@pytest.mark.parametrize("checkpoint", [False, True])
def test_released_evaluator_of_the_official_repository(bring_in, checkpoint):
    network = _torchvision("inception_v3", image_px=299, aux_logits=True, init_weights=False)
    torch.manual_seed(1)
    network.fc = torch.nn.Linear(2048, 9)
    # Released files are plain; what the training program writes is wrapped and compiled.
    state = _as_ppa_saves(network, compiled=checkpoint)
    content = {"epoch": 100, "model_state_dict": state} if checkpoint else state
    settings = {"architecture": "inception-v3", "classes": 9, "image_px": 299}
    _, out = bring_in(content, "classifier", **settings)
    model = load_classifier(out, "cpu")
    images = torch.rand(1, 3, 299, 299) * 2 - 1
    with torch.no_grad():
        expected = laid_out(network, "cpu")(images)
        torch.testing.assert_close(model(images), expected, rtol=0, atol=1e-5)
    assert model.trunk.AuxLogits.fc.out_features == 1000
    with pytest.raises(MirageError, match=r"fc\.weight \[9, 2048\] instead of \[530, 2048\]"):
        bring_in(content, "classifier", **{**settings, "classes": 530})


def test_released_classifier_of_a_small_architecture(bring_in):
    network = build("convnet-mini", 5, 3, seed=4).freeze()
    state = {f"module.{key}": value for key, value in network.state_dict().items()}
    settings = {"architecture": "convnet-mini", "classes": 5, "image_px": 16}
    _, out = bring_in(state, "classifier", **settings)
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(load_classifier(out, "cpu")(images), laid_out(network, "cpu")(images))


def test_released_evaluator_of_the_low_resolution_attacks(bring_in, monkeypatch):
    """Names of KED's files, which hold data-parallel networks; fewer units of fewer maps."""
    monkeypatch.setattr(lowres, "_IR_STAGES", ((64, 2), (64, 1), (96, 1), (96, 1)))
    network = build("ir50", 5, 3, seed=4).freeze()
    ours = network.state_dict()
    names = {
        key: f"module.fc_layer.{key[5:]}"
        if key.startswith("head.")
        else f"module.feature.{key[6:]}"
        for key in ours
    }
    assert {
        "module.feature.input_layer.0.weight",
        "module.feature.body.0.res_layer.2.weight",
        "module.feature.body.3.shortcut_layer.1.running_var",
        "module.feature.output_layer.3.bias",
        "module.fc_layer.weight",
    } <= set(names.values())
    settings = {"architecture": "ir50", "classes": 5, "image_px": 112}
    content = {"state_dict": {names[key]: value for key, value in ours.items()}}
    _, out = bring_in(content, "classifier", zipped=False, **settings)
    images = torch.rand(2, 3, 112, 112) * 2 - 1
    assert torch.equal(load_classifier(out, "cpu")(images), laid_out(network, "cpu")(images))
    spec = NetworkSpec("classifier", 64, input="aligned", input_px=112)
    found = load_network(spec, out, "cpu").embed(images[:, :, :64, :64])
    assert (found.features.shape, found.logits.shape) == ((2, 512), (2, 5))
    with pytest.raises(MirageError, match="does not fit ir50 with 6 classes"):
        bring_in(content, "classifier", **{**settings, "classes": 6})


# Known answers


def _small(bring_in, seed=4, known=KnownFile()):  # noqa: B008
    state = build("convnet-mini", 5, 3, seed=seed).state_dict()
    settings = {"architecture": "convnet-mini", "classes": 5, "image_px": 16}
    return bring_in(state, "classifier", known, **settings)[0]


def test_an_answer_is_recorded_and_compared_with_the_next(bring_in, tmp_path):
    first = _small(bring_in)
    assert first["status"] == "recorded, no published reference"
    assert _small(bring_in)["status"] == "as at the last import, no published reference"
    assert "another file" in _small(bring_in, seed=5)["status"]
    assert _small(bring_in, seed=5)["status"].startswith("as at the last")
    memory = json.loads((tmp_path / "memory.json").read_text())
    memory["fingerprint"]["first"][0] += 1.0
    files.write_json(tmp_path / "memory.json", memory)
    with pytest.raises(MirageError, match="otherwise than at the last import"):
        _small(bring_in, seed=5)


def test_the_reference_table_decides_where_it_knows(bring_in, tmp_path):
    answer = _small(bring_in)["fingerprint"]
    (tmp_path / "out.safetensors").unlink()
    assert _small(bring_in, known=KnownFile(fingerprint=answer))["status"] == (
        "agrees with the reference table"
    )
    (tmp_path / "out.safetensors").unlink()
    with pytest.raises(MirageError, match="differs from the known one"):
        _small(bring_in, seed=5, known=KnownFile(fingerprint=answer))
    assert not (tmp_path / "out.safetensors").exists()


def test_published_digits_of_the_checksum(bring_in):
    sha256 = _small(bring_in)["sha256"]
    assert _small(bring_in, known=KnownFile(sha256=sha256[:8]))["bytes"] == "as published"
    assert _small(bring_in, known=KnownFile(sha256="0" * 8))["bytes"] == "other than published"


def test_facenet_distances_of_sample_faces(bring_in, tmp_path):
    """Published distances are those of the real file; here the network's own stand for them."""
    import numpy as np
    from facenet_pytorch import InceptionResnetV1
    from PIL import Image

    torch.manual_seed(0)
    network = _calibrated(InceptionResnetV1())
    people, chance = ("ann", "bob", "cyd"), np.random.default_rng(0)
    for person in people:
        (tmp_path / person).mkdir()
        pixels = chance.integers(0, 256, (160, 160, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / person / "1.png")
    faces = [np.asarray(Image.open(tmp_path / p / "1.png"), dtype=np.float32) for p in people]
    with torch.no_grad():
        rows = network(torch.from_numpy((np.stack(faces) - 127.5) / 128).permute(0, 3, 1, 2))
    distances = tuple(tuple(float((a - b).norm()) for b in rows) for a in rows)
    known = KnownFile(people=people, distances=distances)
    record, _ = bring_in(network.state_dict(), "facenet", known, samples=tmp_path)
    assert record["status"] == "agrees with the published reference"
    assert record["reference_error"] < 1e-5
    off = ((0.0, distances[0][1] + 0.02, distances[0][2]), *distances[1:])
    with pytest.raises(MirageError, match="distances between the sample faces"):
        known_files.check_distances(network, tmp_path, KnownFile(people=people, distances=off))
    with pytest.raises(MirageError, match=r"eve/1\.png is missing"):
        known_files.check_distances(
            network, tmp_path, KnownFile(people=("eve",), distances=((0.0,),))
        )


def test_a_published_image_in_either_layout(tmp_path):
    import numpy as np

    image = torch.rand(1, 3, 8, 8)
    for name, array in (("a", image.numpy()), ("b", image.permute(0, 2, 3, 1).numpy())):
        np.save(tmp_path / f"{name}.npy", array)
        assert known_files.check_image(image, tmp_path / f"{name}.npy") < 1e-7
        with pytest.raises(MirageError, match="differs from"):
            known_files.check_image(image.flip(3), tmp_path / f"{name}.npy")
    np.save(tmp_path / "c.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(MirageError, match=r"c\.npy cannot be read"):
        known_files.check_image(image, tmp_path / "c.npy")


# Fixed inputs


def test_fixed_inputs_are_formulas():
    import numpy as np

    image = fixed_image(3, 32)
    assert image.shape == (1, 3, 32, 32)
    assert float(image.abs().max()) <= 1
    assert float(image[0, 1, 3, 5]) == pytest.approx(
        0.5 * (np.sin(2 * np.pi * 2 * 3 * 3 / 32) + np.cos(2 * np.pi * 2 * 5 * 5 / 32)), abs=1e-6
    )
    # The first values of the latent that the public FFHQ image was made from.
    expected = [1.6243454, -0.6117564, -0.5281718, -1.0729686]
    assert fixed_latent(512)[0, :4].tolist() == pytest.approx(expected, abs=1e-6)


def test_fingerprints_differ_with_any_value_they_hold():
    answer = torch.linspace(-1, 1, 50)
    known = fingerprint(answer)
    assert difference(fingerprint(answer + 1e-6), known) < 1e-5
    assert difference(fingerprint(answer.flip(0)), known) > 0.5
    assert difference(fingerprint(answer[:49]), known) == float("inf")
    assert difference(fingerprint(answer * 1.1), known) > 0.01


def test_the_shipped_table_is_well_formed():
    from pathlib import Path

    import yaml

    root = Path(__file__).parents[3]
    table = root / "workflow/presets/weights.yaml"
    assets = yaml.safe_load((root / "workflow/presets/assets.yaml").read_text())
    rows = yaml.safe_load(table.read_text())
    assert all(published(table, name).source for name in rows)
    assert published(table, "unheard-of") == KnownFile()
    facenet = torch.tensor(published(table, "facenet-vggface2").distances)
    assert torch.equal(facenet, facenet.T)
    assert float(facenet.diagonal().abs().max()) == 0
    for name in rows:
        if name.startswith("imagenet"):
            digits = published(table, name).sha256
            assert digits == assets[name]["file"]["checksum"]["value"]
            assert f"-{digits}.pth" in assets[name]["file"]["urls"][0]
