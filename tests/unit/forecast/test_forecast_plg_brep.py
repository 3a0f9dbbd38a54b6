"""Counts of PLG-MI's steps and of BREP-MI's questions."""

import pytest
import torch
from forecast_models import demo
from mirage.attacks.kinds.brep import cost as brep
from mirage.attacks.kinds.plg import cost as plg
from mirage.attacks.kinds.plg.draws import BLOCK
from mirage.forecast import units
from mirage.forecast.counting import Tally, count
from mirage.forecast.work import Workshop
from mirage.priors.gans.conditional import ConditionalGenerator
from mirage.priors.gans.sizes import ConditionalConfig
from mirage.study.study import Study
from mirage.targets.architectures import build

SHAPE = {"image_px": 32, "image_channels": 1, "channels": [64, 32, 16, 8], "classes": 24}


def _step(n_views):
    told = {
        "architecture": "resnet-mini", "classes": 24, "channels": 1, "image_px": 32,
        "prior": "plg", "generator": SHAPE, "crop_px": 32, "n_views": n_views, "precision": "fp32",
    }  # fmt: skip
    return count(units.make("plg", "a step", 8, told, setting="optimise_batch"))


def test_a_step_is_the_networks_forward_and_back_and_two_products_for_each_crop():
    config = ConditionalConfig(32, 1, (64, 32, 16, 8), classes=24)
    prior = ConditionalGenerator(config).to("meta").eval().requires_grad_(False)
    target = build("resnet-mini", 24, 1).to("meta").freeze()
    z = torch.zeros(8, prior.z_dim, device="meta", requires_grad=True)
    with Tally() as tally:
        images = prior(z, torch.zeros(8, dtype=torch.int64, device="meta"))
        torch.autograd.grad(images.sum(), z)
    rendered = tally.flops / 8
    x = torch.zeros(8, 1, 32, 32, device="meta", requires_grad=True)
    with Tally() as tally:
        torch.autograd.grad(target(x).sum(), x)
    judged = tally.flops / 8
    crop = 2 * 2 * 2 * 32**3  # two products, forward and back
    for n_views in (1, 2):
        expected = rendered + n_views * (judged + crop)
        assert _step(n_views).flops == pytest.approx(expected, rel=0.02)


@pytest.fixture
def attack(monkeypatch):
    """A shop in which the demo's first attack is of these kinds."""
    shop = demo().workshop
    settings = {
        "plg": {"restarts": 3, "steps": 10},
        "brep": {"start_batch": 8, "start_batches": 5, "patience": 20, "points": 4},
    }
    monkeypatch.setattr(Study, "attack", lambda *_: settings)
    monkeypatch.setattr(Study, "prior_of", lambda *_: "orl-faces")
    monkeypatch.setattr(Workshop, "z_bytes", lambda *_: 512)
    return shop, shop.study.attacks[0]


def test_plg_takes_every_step_of_every_restart(attack):
    shop, of = attack
    work = plg.recover(shop, of, [1, 2])
    assert [(unit.kind, images) for unit, images in work.calls] == [
        ("plg", 60), ("render", 6), ("classify", 6),
    ]  # fmt: skip
    assert work.calls[0][0].batch == 72
    assert work.outputs["latents"] == 6 * 516 + 2 * 17
    assert plg._BLOCK == BLOCK


def test_brep_asks_about_the_whole_search_and_two_patiences_of_spheres(attack):
    shop, of = attack
    asked = 5 * 8 + 2 * (2 * 20) * (4 + 1)
    assert [(u.kind, n) for u, n in brep.recover(shop, of, [1, 2]).calls] == [
        ("render", asked), ("classify", asked),
    ]  # fmt: skip
