"""Counts against closed forms and published figures."""

import pytest
import torch
from forecast_models import demo, paper, plan_of
from mirage.attacks.kinds.ppa import cost as attacks
from mirage.forecast import units
from mirage.forecast.counting import Tally, count
from mirage.forecast.graph import units_of
from mirage.forecast.units import Batches
from mirage.priors import cost as priors
from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2.generator import Generator
from mirage.priors.stylegan2.regions import centre_region
from mirage.targets import cost as targets
from mirage.targets.architectures import build
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

GIGA = 1e9


def _flops(work):
    with Tally() as tally:
        work()
    return tally.flops


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_convolution_and_its_gradients_cost_the_same_each(groups, transposed):
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    layer = kind(8, 12, 3, stride=2, padding=1, groups=groups, bias=False, device="meta")
    x = torch.zeros(5, 8, 14, 14, device="meta", requires_grad=True)
    places = 14 * 14 if transposed else 7 * 7
    forward = 2 * 5 * places * 9 * 8 * 12 // groups
    assert _flops(lambda: layer(x)) == forward
    assert _flops(lambda: torch.autograd.grad(layer(x).sum(), x)) == 2 * forward
    both = [x, layer.weight]
    assert _flops(lambda: torch.autograd.grad(layer(x).sum(), both)) == 3 * forward


def test_agrees_with_pytorch_where_nothing_is_grouped():
    model = build("densenet-mini", 10, 1).to("meta")
    x = torch.zeros(2, 1, 32, 32, device="meta")
    with FlopCounterMode(display=False) as theirs:
        model(x).sum().backward()
    assert _flops(lambda: model(x).sum().backward()) == theirs.get_total_flops()


def test_resnet152_is_the_published_network():
    """torchvision's model page: 60,192,808 parameters, 11.51 GMAC at 224 px."""
    model = build("resnet152", 1000, 3)
    assert sum(p.numel() for p in model.parameters()) == 60_192_808
    model = model.to("meta").eval()
    x = torch.zeros(1, 3, 224, 224, device="meta")
    assert _flops(lambda: model(x)) / 2 / GIGA == pytest.approx(11.51, abs=0.01)


def test_stylegan2_costs_what_its_shapes_say():
    """By hand from the shapes: 148.5 GF and 103.8 GF of convolutions, filters 2.1 and 1.3."""
    generator = Generator(GeneratorConfig(1024)).to("meta").eval().requires_grad_(False)
    ws = torch.zeros(1, generator.num_ws, 512, device="meta")
    whole = _flops(lambda: generator.synthesis(ws))
    region = centre_region(1024, 800)
    cut = _flops(lambda: generator.synthesis(ws, region=region))
    # On top of both: upsampling of the RGB images as products of matrices, and demodulation.
    assert whole / GIGA == pytest.approx(148.5 + 2.1, rel=0.05)
    assert cut / GIGA == pytest.approx(103.8 + 1.3, rel=0.05)
    ws = ws.requires_grad_()
    step = _flops(lambda: torch.autograd.grad(generator.synthesis(ws, region=region).sum(), ws))
    assert step == pytest.approx(2 * cut, rel=0.01)  # no gradients of weights


def test_a_training_step_is_three_forward_passes_but_for_the_first_layer():
    shop = demo().workshop
    target = shop.study.targets[0]
    forward = count(units.classify(shop.study, target.dataset, target.architecture, 8)).flops
    step = count(targets.training_step(shop.study, target)).flops
    first = 2 * 16 * 16 * 9 * 1 * 8  # 3x3 from 1 to 8 channels at stride 2: no gradient of images
    assert step == 3 * forward - first


def test_lazy_regularisers_are_counted_as_often_as_they_run():
    shape = {"image_px": 8, "image_channels": 1, "channels": [8, 8]}
    settings = {
        "generator": {**shape, "z_dim": 8, "w_dim": 8, "mapping_layers": 1},
        "discriminator": shape, "steps": 100, "batch_size": 4, "path_batch": 4,
        "path_interval": 1, "path_weight": 0.0,
    }  # fmt: skip

    def flops(**changes):
        return count(priors.training_step({**settings, **changes})).flops

    plain = flops(r1_gamma=0.0, r1_interval=2)
    often, seldom = flops(r1_interval=2) - plain, flops(r1_interval=4) - plain
    assert often == pytest.approx(2 * seldom)
    assert often > 0


def test_memory_is_that_of_the_tensors_alive():
    with Tally() as tally:
        a = torch.zeros(1000, device="meta")
        b = a + 1
        view = b.view(10, 100)
        assert tally.live == 8000
        del a
        assert tally.live == 4000
        del b
        assert tally.live == 4000
        del view
    assert (tally.live, tally.peak) == (0, 8000)


def test_operators_are_counted_that_start_something():
    layer = nn.Linear(4, 4, device="meta")
    with Tally() as tally:
        rows = torch.ones(3, 4, device="meta")  # one
        layer(rows.view(3, 4)).relu_()  # a product with a bias, and one more
    assert tally.operators == 3


def test_operators_of_a_step_do_not_depend_on_its_images():
    shop = demo().workshop
    target = shop.study.targets[0]
    few, many = (
        count(units.classify(shop.study, target.dataset, target.architecture, batch)).operators
        for batch in (4, 100)
    )
    assert few == many > 10


def test_saved_activations_show_in_the_peak():
    layers = nn.Sequential(*(nn.Linear(64, 64, bias=False, device="meta") for _ in range(10)))
    x = torch.zeros(100, 64, device="meta", requires_grad=True)
    with Tally() as tally:
        torch.autograd.grad(layers(x).tanh().sum(), x)
    one = 4 * 100 * 64
    # The inputs of ten layers are kept, but for weights that ask no gradient only the weights are.
    assert 10 * one <= tally.peak <= 14 * one + 10 * 4 * 64 * 64


def test_memory_grows_in_a_line_with_the_batch():
    shop = demo().workshop
    target = shop.study.targets[0]
    told = [
        count(units.classify(shop.study, target.dataset, target.architecture, batch))
        for batch in (64, 200)
    ]
    assert told[0].peak_bytes(200) == pytest.approx(told[1].bytes, rel=0.02)


@pytest.mark.parametrize("model", [demo, paper])
def test_the_shipped_counts_are_those_of_the_configuration(model):
    """All of the demo is counted again, of the paper what is quick; every unit must be there."""
    shop = model().workshop
    shipped_priors = [
        priors.training_step(prior["source"]["recipe"], shop.study.prior_kind(name))
        for name, prior in shop.study.scale["priors"].items()
        if prior["source"]["kind"] == "trained"
    ]
    for unit in [*units_of(plan_of(model())), *shipped_priors]:
        shipped = shop.counts[unit.key]
        quick = unit.kind in ("render",) or unit.key.startswith("classify resnext50")
        if (model is paper and not quick) or unit.kind == "prior":
            continue
        now = count(unit)
        assert now.flops == pytest.approx(shipped.flops, rel=1e-9)
        assert now.weight_bytes == shipped.weight_bytes
        assert now.peak_bytes(shipped.batch) == pytest.approx(shipped.bytes, rel=0.1)


def test_terms_of_the_attack_change_its_work():
    shop = demo().workshop
    attack = shop.study.attacks[0]
    plain = shop.study.attack(attack)
    terms = {"feature_weight": 1.0, "discriminator_weight": 0.01}
    plain = {**plain, "optimisation": {**plain["optimisation"], "batch_size": 4}}
    more = {**plain, "optimisation": {**plain["optimisation"], **terms}}
    batches = Batches(8, 8)
    costs = [
        count(attacks.optimisation_step(shop.study, attack.target, s, batches))
        for s in (plain, more)
    ]
    keys = {
        attacks.optimisation_step(shop.study, attack.target, s, batches).key for s in (plain, more)
    }
    assert len(keys) == 2
    assert costs[1].flops > 1.5 * costs[0].flops
