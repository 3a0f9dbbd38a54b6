"""PLG-MI and BREP-MI run from the files that a job is given, and leave a file."""

import dataclasses

import attack_models as models
import pytest
import torch
from mirage.attacks.kinds import KINDS
from mirage.attacks.results import Reconstructed, load_outcome, save_result
from mirage.priors.gans.conditional import ConditionalGenerator
from mirage.priors.gans.deconvolution import DeconvolutionGenerator
from mirage.priors.gans.sizes import ConditionalConfig, DeconvolutionConfig
from mirage.priors.weights import save_generator
from mirage.targets.architectures import build
from mirage.targets.weights import save_classifier

PX, CLASSES = 32, 4
PRIORS = {
    "plg": ConditionalGenerator(ConditionalConfig(PX, 1, (16, 8, 8, 4), classes=CLASSES, z_dim=8)),
    "wgan": DeconvolutionGenerator(DeconvolutionConfig(PX, 1, (16, 8, 4), z_dim=8)),
}


@pytest.mark.parametrize(
    ("kind", "prior", "settings"),
    [
        ("plg", "plg", {"restarts": 2, "steps": 3}),
        ("brep", "wgan", {"start_batches": 2, "patience": 3, "pass_limit": 9}),
    ],
)
def test_a_job(tmp_path, kind, prior, settings):
    places = {name: tmp_path / f"{name}.safetensors" for name in ("weights", "generator", "left")}
    save_classifier(places["weights"], build("resnet-mini", CLASSES, 1), {})
    save_generator(places["generator"], PRIORS[prior], {}, prior)
    (stage,) = KINDS[kind].stages
    assert stage.settings == kind
    assert prior in KINDS[kind].priors
    given = dataclasses.replace(
        models.given([2, 0], PX, 50), crop_px=PX, settings=settings,
        files={name: places[name] for name in stage.inputs(settings)},
    )  # fmt: skip
    found = KINDS[kind].run[stage.role](given)
    save_result(places["left"], found, {"recipe": settings})
    read = load_outcome(places["left"])
    assert isinstance(read, Reconstructed)
    assert read.classes.tolist() == [2, 0]
    assert read.latents.shape == (2, KINDS[kind].images_per_class({kind: settings}), 8)
    assert read.latents.isfinite().all()
    assert (read.queries > 0).all() == (kind == "brep")
    assert torch.equal(read.scores, found.scores)
