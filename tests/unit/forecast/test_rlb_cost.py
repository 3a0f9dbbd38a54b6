"""What RLB-MI costs, against closed forms."""

import copy

import pytest
from forecast_models import CONFIG, PRESETS
from mirage.attacks.kinds.rlb import cost
from mirage.forecast import units
from mirage.forecast.counting import count
from mirage.forecast.speeds import load_model
from mirage.forecast.units import Batches
from mirage.study.cells import Attack, Target
from mirage.targets.architectures import build

Z, H, B = 12, 16, 8


@pytest.fixture(scope="module")
def shop():
    scale = copy.deepcopy(CONFIG["scales"]["demo"])
    shape = {"image_px": 32, "image_channels": 1, "channels": [8, 8, 8]}
    scale["priors"]["wgan"] = {
        "kind": "wgan", "image_px": 32, "crop_px": 32,
        "source": {
            "kind": "trained", "dataset": "orl-public", "view": "square32", "seed": 1,
            "recipe": {"generator": {**shape, "z_dim": Z}, "discriminator": shape},
        },
    }  # fmt: skip
    settings = {"episodes": 50, "hidden": H, "batch_size": B}
    scale["attacks"]["rlb"] = {"title": "RLB-MI", "kind": "rlb", "prior": "wgan", "rlb": settings}
    return load_model(scale, None, 20, 20, "cpu", PRESETS, results=None).workshop


@pytest.fixture(scope="module")
def attack():
    return Attack.parse(Target.parse("orl/resnet-mini/ls0/n3/s1"), "rlb")


def test_an_episode_is_two_images_and_an_update(shop, attack):
    unit = cost.episode(shop.study, attack, 24, Batches(20, 20))
    assert unit.batch == 10  # two images of each class
    assert cost.episode(shop.study, attack, 3, Batches(20, 20)).batch == 3
    recipe = {"precision": "fp32"}
    rendered = count(units.render(shop.study, "wgan", 32, 10, recipe)).flops
    shown = count(units.classify(shop.study, "orl", "resnet-mini", 10)).flops
    head = build("resnet-mini", 24, 1).head
    images = 2 * (rendered + shown) + 2 * head.in_features * head.out_features
    actor = Z * H + H * H + 2 * Z * H
    critic = 2 * Z * H + H * H + H
    # Forward, weights' and activations' gradients; of the input's only those of the action.
    of_critic = 3 * critic - 2 * Z * H
    of_actor = 3 * actor - Z * H + 2 * critic - Z * H
    learner = 2 * (2 * actor + B * (of_critic + of_actor))
    assert count(unit).flops == pytest.approx(images + learner, rel=1e-9)


def test_a_job_is_all_its_episodes(shop, attack):
    work = cost.recover(shop, attack, range(5))
    ((unit, calls),) = work.calls
    assert (unit.batch, calls) == (5, 5 * 50)
    assert work.outputs == {"latents": 5 * (Z * 4 + 4 + 2 * 8 + 1)}
    assert work.state_bytes > 5 * 50 * (2 * Z + 1) * 4
