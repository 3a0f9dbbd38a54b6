"""The three stages on a CUDA device, against the CPU."""

import os

import attack_models as models
import pytest
import torch
from interruptions import StopAfter
from mirage.attacks import objective
from mirage.attacks.batches import official_batches
from mirage.attacks.kinds.ppa.optimise import make_stack, optimise_latents
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe, SamplingRecipe, SelectionRecipe
from mirage.attacks.kinds.ppa.sample import sample_candidates
from mirage.attacks.kinds.ppa.select import select_latents
from mirage.attacks.losses import LOSSES
from mirage.attacks.pool import synthesise_pool
from mirage.attacks.recipe import PoolRecipe
from mirage.errors import Interrupted, MirageError
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2.generator import Generator
from mirage.runtime.memory import limited_by
from mirage.targets.architectures import build

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(os.environ.get("MIRAGE_TEST_GPU") != "1", reason="MIRAGE_TEST_GPU is not 1"),
]
PX, CLASSES = 10, [3, 0]


def _models(device, dtype=torch.float32):
    pipeline = models.pipeline(dtype=dtype)
    pipeline.generator.to(device)
    return ImagePipeline(pipeline.generator, 12), models.classifier(dtype=dtype).to(device)


def _given(batch, device):
    return models.given(CLASSES, PX, batch, device=device)


def _attack(device):
    pipeline, model = _models(device)
    recipe = PoolRecipe(size=20, cutoff=3)
    pool = synthesise_pool(pipeline, recipe, PX, 8, device, models.no_checkpoint())
    found = sample_candidates(_given(8, device), SamplingRecipe(5), model, pool)
    recipe = OptimisationRecipe(steps=3, batch_size=2)
    optimised = optimise_latents(_given(5, device), recipe, pipeline, model, found.latents)
    recipe = SelectionRecipe(5, 8)
    selected = select_latents(_given(16, device), recipe, pipeline, model, found.latents)
    return pool, found, optimised, selected


def test_stages_agree_with_the_cpu_and_with_themselves():
    pool, found, optimised, selected = _attack("cuda")
    again = _attack("cuda")
    reference = _attack("cpu")
    assert torch.equal(again[2].latents, optimised.latents)
    assert torch.equal(again[3].scores, selected.scores)
    torch.testing.assert_close(pool.images, reference[0].images, rtol=0, atol=1e-2)
    torch.testing.assert_close(found.scores, reference[1].scores, rtol=0, atol=1e-2)
    torch.testing.assert_close(selected.scores, reference[3].scores, rtol=0, atol=1e-2)


def test_gradient_agrees_with_the_cpu_in_float64():
    gradients = []
    for device in ("cpu", "cuda"):
        pipeline, model = _models(device, torch.float64)
        recipe = OptimisationRecipe(steps=2, batch_size=2, crop="per_image")
        parts = official_batches(CLASSES, 5, 2)
        stack = make_stack(_given(9, device), recipe, pipeline, parts, torch.float64)
        goal = objective.Objective(pipeline, model, LOSSES["poincare"])
        w = models.latents(10, dtype=torch.float64).to(device).requires_grad_()
        gradients.append(objective.step_gradient(goal, stack, w, 1)[0].cpu())
    torch.testing.assert_close(*gradients, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
def test_optimisation_repeats_and_resumes_to_the_byte(tmp_path, precision):
    config = GeneratorConfig(128, z_dim=64, w_dim=64, mapping_layers=2)
    generator = Generator(config, seed=1).eval().requires_grad_(False).to("cuda")
    classifier = build("resnet18", 5, 3, seed=1).to("cuda").freeze()
    starts = torch.randn(2, 6, 64, generator=torch.Generator().manual_seed(0))
    recipe = OptimisationRecipe(steps=5, batch_size=3, precision=precision)
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32

    def work(checkpoint):
        given = models.given(CLASSES, 64, 6, device="cuda", checkpoint=checkpoint)
        return optimise_latents(given, recipe, ImagePipeline(generator, 100), classifier, starts)

    whole = work(models.no_checkpoint())
    assert torch.equal(work(models.no_checkpoint()).latents, whole.latents)
    with pytest.raises(Interrupted):
        work(StopAfter(tmp_path / "state", 7))
    assert torch.equal(work(StopAfter(tmp_path / "state", 99)).latents, whole.latents)
    assert before == (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32)


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
def test_images_at_each_precision(precision):
    pipeline, _ = _models("cuda")
    w = models.latents(4)
    exact = models.pipeline(dtype=torch.float64).images(w.double(), PX)
    with torch.no_grad():
        images = pipeline.at(precision).images(w.to("cuda"), PX)
    assert images.dtype == torch.float32
    # Without its context a stage has PyTorch's defaults, which are those of tf32.
    allowed = {"fp32": 1e-2, "tf32": 1e-2, "bf16": 0.2}[precision]
    assert (images.cpu() - exact).abs().max() < allowed * exact.abs().max()


def test_a_full_gpu_names_the_setting():
    def work(task):
        torch.empty(1 << 50, device="cuda")

    class Task:
        rule = "optimise_latents"
        params = type("Params", (), {"batch": 50, "recipe": {"batch_size": 25}})

    with pytest.raises(MirageError, match="--config optimise_batch=25"):
        limited_by("optimise_batch")(work)(Task)
