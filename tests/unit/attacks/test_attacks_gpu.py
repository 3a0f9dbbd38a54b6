"""The three stages on a CUDA device, against the CPU."""

import os

import attack_models as models
import pytest
import torch
from mirage.attacks import losses, objective
from mirage.attacks.batches import official_batches
from mirage.attacks.optimisation import OptimisationRecipe, make_stack, optimise_latents
from mirage.attacks.pool import PoolRecipe, synthesise_pool
from mirage.attacks.sampling import SamplingRecipe, sample_candidates
from mirage.attacks.selection import SelectionRecipe, select_latents
from mirage.priors.pipeline import ImagePipeline

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(os.environ.get("MIRAGE_TEST_GPU") != "1", reason="MIRAGE_TEST_GPU is not 1"),
]
PX, CLASSES = 10, [3, 0]


def _models(device, dtype=torch.float32):
    pipeline = models.pipeline(dtype=dtype)
    pipeline.generator.to(device)
    return ImagePipeline(pipeline.generator, 12), models.classifier(dtype=dtype).to(device)


def _attack(device):
    pipeline, model = _models(device)
    recipe = PoolRecipe(size=20, cutoff=3)
    pool = synthesise_pool(pipeline, recipe, PX, 8, device, models.no_checkpoint())
    found = sample_candidates(model, pool, SamplingRecipe(5), CLASSES, 8, device)
    optimised = optimise_latents(
        pipeline, model, found.latents, CLASSES, OptimisationRecipe(steps=3, batch_size=2), PX, 7,
        device, 5, models.no_checkpoint(),
    )  # fmt: skip
    selected = select_latents(
        pipeline, model, found.latents, CLASSES, SelectionRecipe(5, 8), PX, 7, device, 16,
        models.no_checkpoint(),
    )  # fmt: skip
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
        stack = make_stack(parts, recipe, pipeline, PX, 7, device, torch.float64)
        goal = objective.Objective(pipeline, model, losses.poincare)
        w = models.latents(10, dtype=torch.float64).to(device).requires_grad_()
        gradients.append(objective.step_gradient(goal, stack, w, 1)[0].cpu())
    torch.testing.assert_close(*gradients, rtol=1e-8, atol=1e-12)
