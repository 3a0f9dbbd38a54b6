"""Features: each latent synthesised once, whatever the batches, both readings, and resumption."""

import dataclasses

import numpy as np
import pytest
import torch
from interruptions import StopAfter
from mirage import imaging
from mirage.errors import Interrupted, MirageError
from mirage.evaluation.features import embed_attack, embed_real, to_stored_range
from mirage.evaluation.networks import Embedded, EvaluationNetwork, load_network
from mirage.evaluation.recipe import NetworkSpec
from mirage.evaluation.stored import AttackFeatures, RealFeatures
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2.generator import Generator
from mirage.priors.stylegan2.regions import Window
from mirage.runtime.checkpoint import Checkpoint
from mirage.targets.architectures import build
from mirage.targets.weights import save_classifier

NO_STATE = Checkpoint(None, {})
CLASSES = torch.tensor([5, 2, 7])


class CountingGenerator:
    """Paints each latent as a flat image of its first value and counts what it paints."""

    image_px, num_ws = 16, 3

    def __init__(self):
        self.painted = []

    def synthesis(self, ws, region=None):
        assert region in (None, Window.whole(16))
        self.painted += ws[:, 0, 0].tolist()
        return ws[:, 0, 0, None, None, None].expand(-1, 1, 16, 16) * torch.linspace(1, 2, 16)


def _network(kind, px):
    def forward(x):
        flat = x.flatten(1)
        return Embedded(flat[:, ::7], flat[:, :9] if kind == "classifier" else None)

    return EvaluationNetwork(NetworkSpec(kind, px), forward, "cpu")


NETWORKS = {
    "eval": _network("classifier", 12),
    "face": _network("facenet", 8),
    "fid": _network("inception_fid", 16),
}
LATENTS = torch.linspace(-1, 1, 3 * 4 * 2).reshape(3, 4, 2)


def _embed(batch_size=5, checkpoint=NO_STATE, generator=None):
    pipeline = ImagePipeline(generator or CountingGenerator(), 16)
    return embed_attack(pipeline, NETWORKS, LATENTS, CLASSES, 6, 10, batch_size, "cpu", checkpoint)


def test_every_latent_is_synthesised_exactly_once():
    generator = CountingGenerator()
    _embed(generator=generator)
    assert generator.painted == LATENTS.flatten(0, 1)[:, 0].tolist()


def test_crops_of_the_prior_come_from_the_same_synthesis():
    shape = {"image_px": 16, "image_channels": 1, "channel_base": 64, "channel_max": 8}
    prior = Generator(GeneratorConfig(**shape, z_dim=8, w_dim=8, mapping_layers=1)).eval()
    w = torch.randn(3, 4, 8, generator=torch.Generator().manual_seed(0))
    classes = torch.arange(3)
    pipeline = ImagePipeline(prior, 12)
    found = embed_attack(pipeline, NETWORKS, w, classes, 12, 12, 5, "cpu", NO_STATE)
    with torch.no_grad():
        whole = prior.synthesis(pipeline.repeat(w.flatten(0, 1)))
    expected = whole[:, :, 2:14, 2:14].flatten(1)[:, ::7].reshape(3, 4, -1).numpy()
    np.testing.assert_allclose(found.features.of("eval", "paper"), expected, atol=1e-4)


def test_each_network_sees_the_one_crop_resized_in_both_readings():
    found = _embed()
    crops = CountingGenerator().synthesis(LATENTS.flatten(0, 1)[:, None])
    assert crops.abs().max() > 1
    for name, network in NETWORKS.items():
        resized = imaging.resize(crops, network.spec.image_px)
        fed = {"paper": resized, "corrected": resized.clamp(-1, 1)}
        if name == "fid":
            fed["paper"] = 2 * resized - 1
        for fidelity, images in fed.items():
            expected = images.flatten(1)[:, ::7].reshape(3, 4, -1)
            assert np.array_equal(found.features.of(name, fidelity), expected.numpy())
        assert not np.array_equal(found.features.of(name, "paper"), expected.numpy())
    assert found.features.logits_of("eval", "paper").shape == (3, 4, 9)
    with pytest.raises(MirageError, match="logits of the evaluation network 'face'"):
        found.features.logits_of("face", "paper")


def test_no_images_are_kept_where_no_measure_wants_any():
    pipeline = ImagePipeline(CountingGenerator(), 16)
    found = embed_attack(pipeline, NETWORKS, LATENTS, CLASSES, None, 10, 5, "cpu", NO_STATE)
    assert found.images.numel() == 0
    assert len(found.images) == LATENTS.shape[0] * LATENTS.shape[1]
    assert found.gallery.shape[-1] == 10


@pytest.mark.parametrize("batch_size", [1, 5, 20])
def test_all_images_of_some_classes_are_kept_as_samples(batch_size):
    pipeline = ImagePipeline(CountingGenerator(), 16)
    arguments = (pipeline, NETWORKS, LATENTS, CLASSES, None, 10, batch_size, "cpu", NO_STATE)
    assert embed_attack(*arguments).samples.shape == (0, 4, 1, 10, 10)
    found = embed_attack(*arguments, best=torch.tensor([2, 0, 3]), sampled=[0, 2])
    crops = CountingGenerator().synthesis(LATENTS[[0, 2]].flatten(0, 1)[:, None])
    expected = to_stored_range(imaging.resize(crops, 10)).unflatten(0, (2, 4))
    assert torch.equal(found.samples, expected)
    assert torch.equal(found.gallery[0], found.samples[0, 2])
    assert len(embed_attack(*arguments, sampled=[0, 1, 2]).samples) == 3


def test_images_are_unclipped_and_the_gallery_is_the_best_of_each_class():
    found = _embed()
    crops = CountingGenerator().synthesis(LATENTS.flatten(0, 1)[:, None])
    assert found.images.dtype == torch.float16
    assert found.images.abs().max() > 1
    assert (found.images.float() - imaging.resize(crops, 6)).abs().max() <= 2**-11
    best = imaging.resize(crops, 10)[::4].clamp(-1, 1)
    expected = torch.round((best + 1) * 127.5).to(torch.uint8)
    assert torch.equal(found.gallery, expected)


@pytest.mark.parametrize("batch_size", [1, 4, 12, 100])
def test_batches_have_no_part_in_the_result(batch_size):
    _assert_same(_embed(), _embed(batch_size))


def _assert_same(one, other):
    assert torch.equal(one.images, other.images)
    assert torch.equal(one.gallery, other.gallery)
    assert one.features.classes.tolist() == other.features.classes.tolist()
    for held, again in (
        (one.features.features, other.features.features),
        (one.features.logits, other.features.logits),
    ):
        assert held.keys() == again.keys()
        assert all(np.array_equal(held[name], again[name]) for name in held)


@pytest.mark.parametrize("ticks", [1, 2, 3])
def test_interrupted_embedding_resumes_to_the_same_bytes(tmp_path, ticks):
    state, generator = tmp_path / "state", CountingGenerator()
    with pytest.raises(Interrupted):
        _embed(checkpoint=StopAfter(state, ticks), generator=generator)
    _assert_same(_embed(), _embed(checkpoint=Checkpoint(state, {}), generator=generator))
    assert generator.painted == LATENTS.flatten(0, 1)[:, 0].tolist()


def test_diverged_images_are_refused():
    with pytest.raises(MirageError, match="diverged"):
        embed_real(
            {"eval": NETWORKS["eval"]}, {"eval": torch.full((1, 1, 12, 12), float("nan"))},
            torch.zeros(1, dtype=torch.int64), 1, NO_STATE,
        )  # fmt: skip


def test_real_images_differ_only_where_the_official_code_feeds_another_range():
    labels = torch.arange(6) % 3
    views = {
        name: torch.randint(0, 256, (6, 1, network.spec.image_px, network.spec.image_px))
        .to(torch.uint8)
        for name, network in NETWORKS.items()
    }  # fmt: skip
    real = embed_real(NETWORKS, views, labels, 4, NO_STATE)
    assert sorted(real.features) == [
        "eval.corrected", "face.corrected", "fid.corrected", "fid.paper",
    ]  # fmt: skip
    pixels = (views["fid"].double() / 255).flatten(1)[:, ::7].numpy()
    np.testing.assert_allclose(real.of("fid", "corrected"), 2 * pixels - 1, atol=1e-6)
    np.testing.assert_allclose(real.of("fid", "paper"), 4 * pixels - 3, atol=1e-6)
    assert real.of("eval", "paper") is real.of("eval", "corrected")


@pytest.mark.parametrize("ticks", [1, 3, 5, 6])
def test_interrupted_embedding_of_real_images_resumes_to_the_same_bytes(tmp_path, ticks):
    views = {
        name: torch.arange(6 * network.spec.image_px**2)
        .view(6, 1, network.spec.image_px, -1)
        .to(torch.uint8)
        for name, network in NETWORKS.items()
    }
    seen = []

    def counted(network):
        def forward(images):
            seen.append(len(images))
            return network.forward(images)

        return dataclasses.replace(network, forward=forward)

    networks = {name: counted(network) for name, network in NETWORKS.items()}

    def embedded(checkpoint):
        return embed_real(networks, views, torch.arange(6), 4, checkpoint)

    whole = embedded(NO_STATE)
    passes = len(seen)
    with pytest.raises(Interrupted):
        embedded(StopAfter(tmp_path / "state", ticks))
    again = embedded(Checkpoint(tmp_path / "state", {}))
    assert len(seen) == 2 * passes  # nothing is computed twice
    assert again.features.keys() == whole.features.keys()
    assert all(np.array_equal(again.features[name], rows) for name, rows in whole.features.items())


def test_stored_features_come_back(tmp_path):
    whole = _embed().features
    whole.save(tmp_path / "features")
    again = AttackFeatures.load(tmp_path / "features")
    assert np.array_equal(again.classes, whole.classes)
    assert all(np.array_equal(again.features[n], a) for n, a in whole.features.items())
    assert all(np.array_equal(again.logits[n], a) for n, a in whole.logits.items())


def test_files_of_another_kind_are_named(tmp_path):
    RealFeatures(np.zeros(2, np.int64), {"eval.corrected": np.zeros((2, 3), np.float32)}).save(
        tmp_path / "real.safetensors"
    )
    assert RealFeatures.load(tmp_path / "real.safetensors").of("eval", "paper").shape == (2, 3)
    with pytest.raises(MirageError, match="holds no 'classes'"):
        AttackFeatures.load(tmp_path / "real.safetensors")
    with pytest.raises(MirageError, match="missing"):
        RealFeatures.load(tmp_path / "absent.safetensors")


def test_classifier_gives_the_features_behind_its_logits(tmp_path):
    model = build("convnet-mini", 4, 1).freeze()
    save_classifier(tmp_path / "eval.safetensors", model, {})
    network = load_network(NetworkSpec("classifier", 32), tmp_path / "eval.safetensors", "cpu")
    images = torch.rand(6, 1, 32, 32) * 2 - 1
    whole = network.embed(images)
    torch.testing.assert_close(whole.logits, model(images))
    torch.testing.assert_close(whole.features, model.features(images))


def test_a_class_of_latents_that_are_no_numbers_is_named_before_any_synthesis():
    latents, generator = LATENTS.clone(), CountingGenerator()
    latents[1, 3, 0] = float("nan")
    pipeline = ImagePipeline(generator, 16)
    with pytest.raises(MirageError, match=r"class 2 \(3 of 4\)\. Expected: 4 a class"):
        embed_attack(pipeline, NETWORKS, latents, CLASSES, 6, 10, 5, "cpu", NO_STATE)
    assert generator.painted == []


def test_classes_whose_features_are_no_numbers_are_named():
    def forward(x):
        features, logits = NETWORKS["eval"].forward(x)
        return Embedded(features, logits.where(x.mean((1, 2, 3))[:, None] < 1, torch.inf))

    networks = {**NETWORKS, "eval": dataclasses.replace(NETWORKS["eval"], forward=forward)}
    pipeline = ImagePipeline(CountingGenerator(), 16)
    with pytest.raises(MirageError, match="2 images of class 7"):
        embed_attack(pipeline, networks, LATENTS, CLASSES, 6, 10, 5, "cpu", NO_STATE)
    views = {
        name: torch.full((4, 1, network.spec.image_px, network.spec.image_px), 0.1)
        for name, network in networks.items()
    }
    views["eval"][2] = float("nan")
    with pytest.raises(MirageError, match="1 images of class 5"):
        embed_real(networks, views, torch.tensor([9, 8, 5, 9]), 3, NO_STATE)
