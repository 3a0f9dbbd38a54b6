"""Precision: what it switches, that it is put back, and what it changes in every stage."""

import dataclasses
import os
from contextlib import nullcontext
from pathlib import Path

import attack_models as models
import pytest
import torch
import yaml
from interruptions import StopAfter
from mirage.attacks.kinds import KINDS
from mirage.attacks.kinds.ppa.optimise import optimise_latents
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe, SamplingRecipe, SelectionRecipe
from mirage.attacks.kinds.ppa.sample import sample_candidates
from mirage.attacks.kinds.ppa.select import select_latents
from mirage.attacks.pool import synthesise_pool
from mirage.attacks.recipe import PoolRecipe
from mirage.data.views import LabelledImages
from mirage.errors import Interrupted, MirageError
from mirage.evaluation.features import embed_attack, embed_real
from mirage.evaluation.networks import Embedded, EvaluationNetwork
from mirage.evaluation.recipe import KnowledgeRecipe, NetworkSpec
from mirage.evaluation.student import extract_knowledge
from mirage.numerics import at_precision, autocast, full_precision, numerics
from mirage.priors.stylegan2 import blocks, resampling, synthesis
from mirage.priors.weights import load_generator
from mirage.study.study import Study

ROOT = Path(__file__).parents[2]
PRIOR = ROOT / "workflow/presets/priors/orl-faces/generator.safetensors"
PX, CLASSES = 12, [3, 0]


def switches():
    """(convolutions may use tf32, products may, deterministic, chosen by timing)."""
    cudnn = torch.backends.cudnn
    products = torch.backends.cuda.matmul.allow_tf32
    return cudnn.allow_tf32, products, cudnn.deterministic, cudnn.benchmark


@pytest.fixture(params=[False, True], ids=["products fp32 before", "products tf32 before"])
def before(request):
    """PyTorch's default, and a machine whose environment allows tf32 in matrix products."""
    usual = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = request.param
    yield switches()
    torch.backends.cuda.matmul.allow_tf32 = usual


@pytest.mark.parametrize(
    ("precision", "convolutions"), [("fp32", False), ("tf32", True), ("bf16", False)]
)
def test_switches_are_set_for_a_block_and_put_back(before, precision, convolutions):
    with numerics(precision, "cuda"):
        assert switches() == (convolutions, False, True, False)
        with numerics("fp32", "cuda:0"):
            assert switches() == (False, False, True, False)
        assert switches() == (convolutions, False, True, False)
    assert switches() == before
    with pytest.raises(Interrupted), numerics(precision, "cuda"):
        raise Interrupted
    assert switches() == before


def test_nothing_is_set_for_the_cpu(before):
    with numerics("tf32", "cpu"):
        assert switches() == before


def test_autocast_ends_with_its_block_and_leaves_islands():
    x = torch.ones(2, 2)
    for precision, inside in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        with autocast(precision, "cpu"):
            assert (x @ x).dtype == inside
            with full_precision(x):
                assert (x @ x).dtype == torch.float32
            assert (x @ x).dtype == inside
        assert not torch.is_autocast_enabled("cpu")
    with pytest.raises(Interrupted), autocast("bf16", "cpu"):
        raise Interrupted
    assert not torch.is_autocast_enabled("cpu")


def test_classifier_at_a_precision():
    model, images = models.classifier(), torch.randn(3, 1, PX, PX)
    assert at_precision(model, "fp32") is at_precision(model, "tf32") is model
    rounded = at_precision(model, "bf16")
    for ours, exact in ((rounded(images), model(images)),
                        (rounded.features(images), model.features(images))):  # fmt: skip
        assert ours.dtype == torch.float32
        assert 0 < (ours - exact).abs().max() < 0.05 * exact.abs().max()


@pytest.fixture(scope="module")
def faces():
    return _faces(4)


def _faces(count):
    """Latents of the demo's prior, and their images in float64."""
    generator = load_generator(PRIOR)
    z = torch.randn(count, generator.z_dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        w = generator.mapping(z)
        exact = load_generator(PRIOR).double()
        return generator, w, exact.synthesis(w.double()[:, None].expand(-1, generator.num_ws, -1))


def test_images_at_each_precision(faces):
    generator, w, exact = faces
    pipeline = models.ImagePipeline(generator, generator.image_px)
    errors = {}
    for precision in ("fp32", "tf32", "bf16"):
        with torch.no_grad():
            images = pipeline.at(precision).crop(pipeline.repeat(w))
        assert images.dtype == torch.float32
        errors[precision] = float((images - exact).abs().max())
    assert errors["tf32"] == errors["fp32"] < 1e-5  # a CPU knows no tf32
    assert 1e-3 < errors["bf16"] < 0.15
    assert pipeline.at("bf16").at("fp32") == pipeline


def test_styles_and_images_stay_float32(monkeypatch):
    """Without its float32 islands the synthesis errs more.

    On the mean of 128 faces, whose error is 0.83 to 0.86 of it with and without AVX2 and AVX-512;
    of four faces it is anything from 0.71 to 0.93.
    """
    generator, w, exact = _faces(128)
    pipeline = models.ImagePipeline(generator, generator.image_px, "bf16")

    def error():
        with torch.no_grad():
            images = pipeline.crop(pipeline.repeat(w))
        return float((images.double() - exact).square().mean().sqrt())

    kept = error()
    for module in (synthesis, blocks, resampling):
        monkeypatch.setattr(module, "full_precision", lambda _: nullcontext())
    assert kept < 0.9 * error()


@pytest.mark.parametrize("crop", ["shared", "per_image"])
def test_attack_stages_follow_their_recipe(crop):
    pipeline, model = models.pipeline(), models.classifier()
    starts, nothing = models.latents(2, 4), models.no_checkpoint()

    def optimised(precision):
        recipe = OptimisationRecipe(steps=2, batch_size=2, crop=crop, precision=precision)
        given = models.given(CLASSES, PX, 8)
        return optimise_latents(given, recipe, pipeline, model, starts).losses

    def selected(precision):
        recipe = SelectionRecipe(4, 5, crop=crop, precision=precision)
        return select_latents(models.given(CLASSES, PX, 8), recipe, pipeline, model, starts).scores

    def pooled(precision):
        recipe = PoolRecipe(size=5, cutoff=3, precision=precision)
        return synthesise_pool(pipeline, recipe, PX, 3, "cpu", nothing).images

    def sampled(precision):
        pool = synthesise_pool(pipeline, PoolRecipe(size=5, cutoff=3), PX, 3, "cpu", nothing)
        recipe = SamplingRecipe(5, precision=precision)
        return sample_candidates(models.given(CLASSES, PX, 3), recipe, model, pool).scores

    for stage in (optimised, selected, pooled, sampled):
        plain, tf32, rounded = (stage(precision) for precision in ("fp32", "tf32", "bf16"))
        assert torch.equal(tf32, plain), stage
        assert rounded.dtype == torch.float32
        assert 0 < (rounded - plain).abs().max() < 0.1 * plain.abs().max(), stage


def test_evaluation_follows_its_precision():
    model = models.classifier()
    network = EvaluationNetwork(
        NetworkSpec("classifier", PX),
        lambda images: Embedded(model.features(images), model(images)),
        "cpu",
    )
    nothing, pixels = models.no_checkpoint(), torch.arange(5 * PX * PX).view(5, 1, PX, PX)
    views = {"eval": pixels.to(torch.uint8)}

    def real(precision):
        found = embed_real({"eval": network}, views, torch.arange(5), 2, nothing, precision)
        return found.of("eval", "corrected")

    def attack(precision):
        found = embed_attack(
            models.pipeline().at(precision), {"eval": network}, models.latents(2, 3),
            torch.tensor(CLASSES), PX, PX, 4, "cpu", nothing, precision,
        )  # fmt: skip
        return found.features.of("eval", "paper")

    for stage in (real, attack):
        plain, rounded = (torch.from_numpy(stage(precision)) for precision in ("fp32", "bf16"))
        assert rounded.dtype == torch.float32
        assert 0 < (rounded - plain).abs().max() < 0.1 * plain.abs().max(), stage


def test_student_follows_its_precision():
    recipe = KnowledgeRecipe("convnet-mini", 32, epochs=1, batch_size=4, precision="bf16")
    assert recipe.training.precision == "bf16"
    pixels = torch.arange(8 * 32 * 32).view(8, 1, 32, 32).to(torch.uint8)
    people = LabelledImages(pixels, torch.arange(8) // 4, 2)
    images = pixels.float() / 128 - 1
    scores = extract_knowledge(
        images, people.labels, people, people, recipe, 1, models.no_checkpoint(), "cpu"
    )
    assert 0 <= scores["xi_test"] <= 1


@pytest.mark.parametrize("recipe", [PoolRecipe, SamplingRecipe, OptimisationRecipe,
                                    SelectionRecipe])  # fmt: skip
def test_another_precision_is_refused(recipe):
    least = {PoolRecipe: {"size": 1}, OptimisationRecipe: {"steps": 1}}.get(recipe, {})
    with pytest.raises(MirageError, match="fp16"):
        recipe.of({**least, "precision": "fp16"})


def test_paper_scale_computes_what_the_official_code_does():
    """tf32 in every stage that the official code runs; the demo keeps the default."""
    scales = yaml.safe_load((ROOT / "config.yaml").read_text())["scales"]
    for name, precision in (("paper", "tf32"), ("demo", "fp32")):
        study = Study(scales[name])
        for attack in study.attacks:
            settings = study.attack(attack)
            stages = [settings[stage.settings] for stage in KINDS[settings["kind"]].stages]
            if settings["kind"] == "ppa":
                stages += [study.pool(settings["pool"])]
            if "knowledge" in study.measures(attack):
                stages += [study.measure("knowledge", attack.target.dataset)]
            training, evaluation = study.training(attack.target), scales[name]["evaluation"]
            for stage in (*stages, training, evaluation):
                assert stage.get("precision", "fp32") == precision


def test_a_changed_precision_is_other_work(tmp_path):
    """State of one precision is not resumed at another: the recipe is part of the identity."""
    recipe = SelectionRecipe(2, 3)
    path = tmp_path / "state"
    for precision in ("fp32", "bf16"):
        told = {"params": {"recipe": dataclasses.asdict(recipe) | {"precision": precision}}}
        checkpoint = StopAfter(path, 1, told)
        assert checkpoint.load() is None
        with pytest.raises(Interrupted):
            checkpoint.tick(lambda: {"ratings": torch.zeros(1)})


@pytest.mark.gpu
@pytest.mark.skipif(os.environ.get("MIRAGE_TEST_GPU") != "1", reason="needs a CUDA device")
def test_precisions_on_a_gpu():
    """tf32 rounds convolutions and not products; fp32 rounds neither."""
    draws = torch.Generator().manual_seed(0)
    images = torch.randn(4, 64, 32, 32, generator=draws)
    kernel = torch.randn(64, 64, 3, 3, generator=draws)
    matrix = torch.randn(256, 256, generator=draws)
    exact = torch.nn.functional.conv2d(images.double(), kernel.double())
    product = matrix.double() @ matrix.double()

    def errors(precision):
        with numerics(precision, "cuda"):
            convolved = torch.nn.functional.conv2d(images.cuda(), kernel.cuda())
            multiplied = matrix.cuda() @ matrix.cuda()
        return (
            float((convolved.cpu() - exact).abs().max() / exact.abs().max()),
            float((multiplied.cpu() - product).abs().max() / product.abs().max()),
        )

    plain, rounded = errors("fp32"), errors("tf32")
    assert max(plain) < 1e-5
    assert rounded[1] < 1e-5
    if torch.cuda.get_device_capability() >= (8, 0):
        assert 1e-5 < rounded[0] < 1e-2
