"""RLB-MI's rewards in closed form, and answers that are no numbers."""

import math

import pytest
import torch
from mirage.attacks.kinds.rlb.recipe import RlbRecipe
from mirage.attacks.kinds.rlb.reward import judged, reward

RECIPE = RlbRecipe()


def _reward(*logits, label=0, recipe=RECIPE):
    seen = judged(torch.tensor([logits]), torch.tensor([label]))
    return reward(seen, recipe)


def test_terms_of_both_images_by_hand():
    # p = (3/4, 1/4) of the latent's image and (1/4, 3/4) of the action's.
    got = _reward([math.log(3), 0.0], [0.0, math.log(3)])
    by_hand = 2 * math.log(3 / 4) + 2 * math.log(1 / 4) + 8 * math.log(1 / 2)
    assert got.values.item() == pytest.approx(by_hand)
    other = RlbRecipe(weights=(1.0, 5.0, 0.0))
    by_hand = math.log(3 / 4) + 5 * math.log(1 / 4)
    assert _reward([math.log(3), 0.0], [0.0, math.log(3)], recipe=other).values.item() == (
        pytest.approx(by_hand)
    )


def test_a_margin_below_the_floor_is_the_published_constant():
    got = _reward([0.0, math.log(3)], [0.0, math.log(3)])
    assert got.values.item() - 4 * math.log(1 / 4) == pytest.approx(-128.94, abs=0.005)
    higher = _reward([0.0, math.log(3)], [0.0, math.log(3)], recipe=RlbRecipe(floor=1e-2))
    assert higher.values.item() == pytest.approx(4 * math.log(1 / 4) + 8 * math.log(1e-2))


def test_margin_is_to_the_best_other_class():
    seen = judged(torch.tensor([[[1.0, 3.0, 2.0]]]), torch.tensor([1]))
    p = torch.tensor([1.0, 3.0, 2.0]).softmax(0)
    torch.testing.assert_close(seen.margin, (p[1] - p[2])[None, None])
    torch.testing.assert_close(seen.confidence, p[None, 1:2])
    torch.testing.assert_close(seen.log, p[None, 1:2].log())


def test_a_probability_of_0_is_counted_and_its_log_is_finite():
    for gap, lost in ((103.0, False), (104.0, True)):  # float32's exp is 0 from 103.97 on
        got = _reward([0.0, gap], [0.0, gap])
        assert got.underflowed.item() is lost
        assert not got.failed.item()
        assert got.values.item() == pytest.approx(-4 * gap + 8 * math.log(1e-7), rel=1e-6)
    assert _reward([5.0, 0.0], [0.0, 200.0]).underflowed.item()
    assert not _reward([5.0, 0.0], [5.0, 0.0], [0.0, 200.0]).underflowed.item()  # the test draw's


@pytest.mark.parametrize("strange", [math.nan, math.inf, -math.inf])
def test_no_strange_answer_reaches_the_learner(strange):
    got = _reward([strange, 1.0, 0.0], [math.log(3), 0.0, -1e9])
    assert got.values.isfinite().all()
    assert got.failed.item()
    whole = _reward([math.nan, 1.0, 0.0], [math.nan, 0.0, 0.0])
    assert whole.values.item() == pytest.approx(12 * math.log(1e-7))
