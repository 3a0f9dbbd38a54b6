"""What the adversarial measure costs, against closed forms and the calls of a real run."""

import attack_models as models
import pytest
import torch
from forecast_models import demo, paper
from mirage.data.views import LabelledImages
from mirage.evaluation.measures.adversarial import cost
from mirage.evaluation.measures.adversarial.attacking import Attacked, attack_all
from mirage.evaluation.measures.adversarial.portion import Attacker
from mirage.evaluation.measures.adversarial.recipe import AdversarialRecipe
from mirage.forecast import units
from mirage.forecast.counting import count
from mirage.forecast.units import Batches
from mirage.study.cells import Target


def test_a_step_is_two_forward_passes():
    shop = demo().workshop
    target = Target.parse("digits/digitnet/ls0/all/s1")
    unit = cost.step(shop.study, target, AdversarialRecipe(), Batches(8, 8))
    forward = count(units.classify(shop.study, "digits", "digitnet", 8)).flops
    assert (unit.batch, unit.setting) == (8, "optimise_batch")
    assert count(unit).flops == 2 * forward


class _Counting(torch.nn.Module):
    """Counts images with and without a gradient."""

    def __init__(self):
        super().__init__()
        self.inner, self.followed, self.judged = models.classifier(classes=10, channels=1), 0, 0

    def forward(self, images):
        if images.requires_grad:
            self.followed += len(images)
        else:
            self.judged += len(images)
        return 0 * self.inner(images)  # no search ever ends


def test_calls_are_those_of_a_run():
    shop = demo().workshop
    target = Target.parse("digits/digitnet/ls0/all/s1")
    (steps, followed), (judge, judged) = cost.cost(shop, target).calls
    recipe = AdversarialRecipe.of(shop.study.measure("adversarial", "digits"))
    network, images = _Counting(), 4
    pixels = torch.zeros(images, 1, 10, 10, dtype=torch.uint8)
    # Equal logits are class 0: neither this label nor this target is ever met.
    labels, targets = torch.zeros(images).long(), torch.ones(images).long()
    tests = Attacked(LabelledImages(pixels, labels, 10), targets, list(range(images)))
    attack_all(
        Attacker(network, recipe, "digits", 1, 20, "cpu"), tests, models.no_checkpoint()
    )  # fmt: skip
    count_of_tests = shop.images("digits").test
    assert count_of_tests == 360
    assert followed / count_of_tests == network.followed / images == 42 + 41
    assert judged / count_of_tests == network.judged / images == 2 * 9 * 11 + 11
    assert steps.kind == "perturb"
    assert judge.setting == "optimise_batch"


def test_the_papers_table_takes_hours_not_days():
    model = paper()
    shop = model.workshop
    work = cost.cost(shop, Target.parse("facescrub/resnet152/ls-0.05/all/s42"))
    (_, followed), (_, judged) = work.calls
    assert followed == 3788 * 83
    assert judged == 3788 * 231
    forward = 2 * 11.51e9
    assert followed * 2 * forward + judged * forward == pytest.approx(3.45e16, rel=0.01)
    assert work.outputs["arrays"] < 1e6
