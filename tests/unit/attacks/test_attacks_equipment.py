"""What an attack without a pool works with: its prior, public images, students; its result."""

import pytest
import torch
from attack_models import no_checkpoint
from mirage.attacks.given import Given
from mirage.attacks.results import (
    Candidates,
    Reconstructed,
    Selected,
    join_chunks,
    load_outcome,
    save_result,
)
from mirage.errors import MirageError
from mirage.memory_format import laid_out
from mirage.priors import weights
from mirage.priors.gans.critic import Critic
from mirage.priors.gans.deconvolution import DeconvolutionGenerator
from mirage.priors.gans.sizes import CriticConfig, DeconvolutionConfig
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.rendering import Prior, load_rendering
from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2.generator import Generator
from mirage.runtime import files
from mirage.targets.architectures import build
from mirage.targets.weights import load_classifiers, save_classifiers

SIZE = {"image_px": 16, "image_channels": 1, "channels": (6, 4)}
NAN = float("nan")


def _given(**paths):
    return Given(paths, {}, [0, 1], 16, 16, 1, "cpu", 4, no_checkpoint())


def _reconstructed(*classes, scores=None):
    count = len(classes)
    scores = torch.rand(count, 2) if scores is None else torch.tensor(scores)
    return Reconstructed(
        torch.tensor(classes), torch.randn(count, 2, 3), scores,
        torch.arange(count), torch.ones(count, dtype=torch.bool),
    )  # fmt: skip


@pytest.fixture
def gan(tmp_path):
    """Files of a generator, with moved batch norms, and of its critic."""
    generator = DeconvolutionGenerator(DeconvolutionConfig(**SIZE, z_dim=5), seed=1)
    generator(torch.randn(32, 5))
    weights.save_generator(tmp_path / "generator", generator, {}, "wgan")
    critic = Critic(CriticConfig(**SIZE), seed=2)
    weights.save_discriminator(tmp_path / "discriminator", critic, {}, "wgan")
    return {name: tmp_path / name for name in ("generator", "discriminator")}


def test_a_prior_turns_unit_images_into_the_networks_range(gan):
    prior = _given(**gan).prior()
    z = torch.randn(3, prior.z_dim, requires_grad=True)
    unit = weights.load_generator(gan["generator"])(z)
    images = prior.generate(z)
    assert torch.equal(images, 2 * unit - 1)
    assert images.min() < -0.1
    assert images.abs().max() <= 1
    (slope,) = torch.autograd.grad(images.sum(), z)
    assert slope.abs().sum() > 0
    assert not any(p.requires_grad for p in prior.generator.parameters())
    assert not prior.generator.training


def test_labels_reach_a_conditional_generator():
    class OneForEach(torch.nn.Module):
        z_dim = 2

        def forward(self, z, labels):
            return (labels / 10)[:, None, None, None].expand(-1, 1, 4, 4) + 0 * z.sum()

    prior = Prior(OneForEach(), 4)
    views = prior.sizes(torch.zeros(2, 2), [4, 8], torch.tensor([5, 10]))
    assert views[4][:, 0, 0, 0].tolist() == [0, 1]
    torch.testing.assert_close(views[8][:, 0, 5, 5], torch.tensor([0.0, 1.0]))


def test_the_critic_takes_unit_images_and_is_frozen(gan):
    critic = _given(**gan).critic()
    assert critic(torch.rand(3, 1, 16, 16)).shape == (3,)
    assert not critic.training
    assert not any(p.requires_grad for p in critic.parameters())


def test_a_file_says_how_its_latents_are_rendered(gan, tmp_path):
    config = GeneratorConfig(image_px=16, image_channels=1, channels=(4, 4, 4), z_dim=5, w_dim=7)
    weights.save_generator(tmp_path / "style", Generator(config, seed=1), {})
    style = load_rendering(tmp_path / "style", 12, "cpu")
    assert isinstance(style, ImagePipeline)
    assert (style.latent_dim, style.crop_px) == (7, 12)
    plain = load_rendering(gan["generator"], 16, "cpu")
    assert isinstance(plain, Prior)
    assert plain.latent_dim == 5
    assert plain.at("bf16").precision == "bf16"


def test_public_images_are_those_of_the_view(tmp_path):
    pixels = torch.randint(0, 256, (5, 1, 16, 16), dtype=torch.uint8)
    files.save_tensors(tmp_path / "view", {"pixels": pixels, "labels": torch.zeros(5)})
    assert torch.equal(_given(public=tmp_path / "view").public(), pixels)


def test_students_are_kept_in_one_file_in_their_order(tmp_path):
    names = ("resnet-mini", "convnet-mini")
    models = [build(name, 5, 1, seed=3).eval() for name in names]
    save_classifiers(tmp_path / "students", models, {"seed": 3})
    loaded = _given(students=tmp_path / "students").students()
    images = torch.rand(2, 1, 16, 16)
    assert [model.name for model in loaded] == list(names)
    for model, again in zip(models, loaded, strict=True):
        assert torch.equal(again(images), laid_out(model, "cpu")(images))
        assert not any(p.requires_grad for p in again.parameters())


def test_a_file_that_holds_no_students_is_told(tmp_path):
    model = build("convnet-mini", 5, 1, seed=3)
    files.save_tensors(tmp_path / "none", {"x": torch.zeros(1)})
    with pytest.raises(MirageError, match="does not hold a classifier"):
        load_classifiers(tmp_path / "none", "cpu")
    save_classifiers(tmp_path / "students", [model], {})
    tensors = files.load_tensors(tmp_path / "students")
    header = files.read_metadata(tmp_path / "students")
    files.save_tensors(tmp_path / "lacking", dict(list(tensors.items())[1:]), header)
    with pytest.raises(MirageError, match="Missing key"):
        load_classifiers(tmp_path / "lacking", "cpu")


def test_either_outcome_is_read(tmp_path):
    found = _reconstructed(4, 2)
    save_result(tmp_path / "found", found, {})
    again = load_outcome(tmp_path / "found")
    assert isinstance(again, Reconstructed)
    for name in ("classes", "latents", "scores", "queries", "found"):
        assert torch.equal(getattr(again, name), getattr(found, name))
    columns = torch.tensor([4]), torch.zeros(1, 2, 3), torch.ones(1, 2), torch.zeros(1, 2).long()
    save_result(tmp_path / "selected", Selected(*columns), {})
    assert load_outcome(tmp_path / "selected").best.tolist() == [0]
    save_result(tmp_path / "candidates", Candidates(*columns), {})
    with pytest.raises(MirageError, match="holds Candidates"):
        load_outcome(tmp_path / "candidates")


def test_chunks_of_reconstructions_join(tmp_path):
    for place, classes in enumerate(((0, 1), (3,))):
        save_result(tmp_path / str(place), _reconstructed(*classes), {"seed": 1})
    joined = Reconstructed(**join_chunks([tmp_path / "1", tmp_path / "0"], [0, 1, 3])[0])
    assert joined.classes.tolist() == [0, 1, 3]
    assert joined.queries.tolist() == [0, 1, 0]


def test_the_surest_latent_is_the_best_and_no_number_is_never():
    found = _reconstructed(0, 1, 2, scores=[[0.1, 0.9], [NAN, 0.2], [NAN, NAN]])
    assert found.best.tolist() == [1, 1, 0]
    figures = _reconstructed(0, 1, scores=[[0.5, 1.0], [0.5, 0.0]]).figures()
    assert figures["mean confidence"] == 0.5
    assert (figures["found"], figures["queries"]) == (1.0, 0.5)
