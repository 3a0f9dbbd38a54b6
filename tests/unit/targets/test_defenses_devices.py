"""MID and BiDO keep their tensors on the device: noise and labels are drawn on the CPU."""

import attack_models as models
import pytest
import torch
from interruptions import StopAfter
from mirage.attacks.kinds.ppa.optimise import optimise_latents
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe, SamplingRecipe, SelectionRecipe
from mirage.attacks.kinds.ppa.sample import sample_candidates
from mirage.attacks.kinds.ppa.select import select_latents
from mirage.attacks.pool import Pool
from mirage.data.views import LabelledImages
from mirage.errors import Interrupted
from mirage.priors.pipeline import ImagePipeline
from mirage.study.treatment import Treatment
from mirage.targets.architectures import build
from mirage.targets.recipe import TrainingRecipe
from mirage.targets.training import train_classifier
from mirage.targets.treatments import make
from pretend_cuda import pretend_cuda

PEOPLE = LabelledImages(
    torch.randint(256, (8, 1, 12, 12), dtype=torch.uint8), torch.arange(8) % 4, 4
)


def parts(spelled, **settings):
    return make(Treatment.parse(spelled).settings(settings))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("spelled", ["mid0.01", "bido0.05_0.5", "ls-0.1+mid0.01+bido0.05_0.5"])
def test_training(tmp_path, spelled, precision):
    recipe = TrainingRecipe.of(
        {"epochs": 2, "batch_size": 4, "optimiser": {"name": "adam", "lr": 1e-3}, "keep": "best",
         "precision": precision}
    )  # fmt: skip
    treatment = parts(spelled, bido={"batches": "balanced", "images_per_class": 2})

    def work(checkpoint):
        return train_classifier(
            "resnet-mini", PEOPLE, PEOPLE, recipe, 0, checkpoint, "cuda", treatment=treatment
        )

    with pretend_cuda() as mode:
        with pytest.raises(Interrupted):
            work(StopAfter(tmp_path / "state", 3))
        trained = work(StopAfter(tmp_path / "state", 99))
        assert mode.operations > 100
    assert all(isinstance(value, float | int) for value in trained.history[-1].values())


def test_attack():
    with pretend_cuda():
        model = parts("mid0.01")[0].wrap(build("resnet-mini", 5, 1), 0).to("cuda").freeze()
        made = models.pipeline()
        pipeline = ImagePipeline(made.generator.to("cuda"), made.crop_px)
        pool, given = Pool(models.latents(6), torch.zeros(6, 1, 12, 12)), models.given
        sample_candidates(given([3, 0], 12, 4, device="cuda"), SamplingRecipe(3), model, pool)
        steps = OptimisationRecipe(steps=2, batch_size=2)
        starts = models.latents(2, 3)
        optimise_latents(given([3, 0], 12, 4, device="cuda"), steps, pipeline, model, starts)
        chosen = SelectionRecipe(2, 3)
        few = given([3, 0], 12, 3, device="cuda")
        found = select_latents(few, chosen, pipeline, model, starts)
    assert found.scores.device.type == "cpu"
