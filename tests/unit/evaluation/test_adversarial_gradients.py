"""FGSM, BIM, PGD and APGD: against closed forms of linear models and plain loops."""

import itertools

import pytest
import torch
from mirage.errors import MirageError
from mirage.evaluation.measures.adversarial import goals
from mirage.evaluation.measures.adversarial.apgd import apgd, checkpoints
from mirage.evaluation.measures.adversarial.gradient_attacks import Climb, leap, walk, within
from torch import nn

SHAPE = (1, 4, 4)
EPSILON, STEP = 0.06, 0.015


def _stream(seed=0):
    return torch.Generator().manual_seed(seed)


def _images(count=12, seed=1, low=0.2, high=0.8, dtype=torch.float64):
    return low + (high - low) * torch.rand(count, *SHAPE, generator=_stream(seed), dtype=dtype)


def _linear(classes=2, seed=2, scale=1.0, dtype=torch.float64):
    """Logits W x, by a matrix [K, 16]; and how a climb sees them."""
    weights = scale * torch.randn(classes, 16, generator=_stream(seed), dtype=dtype)
    return weights, lambda images, turn: images.flatten(1) @ weights.T


def _lead(weights, images, labels):
    logits = images.flatten(1) @ weights.T
    return -goals.gap(logits, labels)


def _climb(classes=2, goal=goals.away, **model):
    weights, shown = _linear(classes, **model)
    images = _images(dtype=weights.dtype)
    labels = (images.flatten(1) @ weights.T).argmax(1)
    return Climb(shown, images, labels, goal, 64), weights


def test_fgsm_on_a_linear_model_costs_epsilon_times_the_l1_distance():
    climb, weights = _climb()
    changed, still = leap(climb, EPSILON)
    loss = EPSILON * (weights[0] - weights[1]).abs().sum()
    before, after = (_lead(weights, x, climb.classes) for x in (climb.images, changed))
    torch.testing.assert_close(before - after, loss.expand_as(before))
    assert not still.any()
    assert (changed - climb.images).abs().max() <= EPSILON + 1e-15


@pytest.mark.parametrize("goal", [goals.away, goals.gap, goals.tempered(3.0)])
def test_bim_and_pgd_reach_the_same_corner_of_a_linear_model(goal):
    """Both losses have one direction there, so enough steps from anywhere end where FGSM does."""
    climb, _ = _climb(goal=goal)
    corner, _ = leap(climb, EPSILON)
    start = climb.images + EPSILON * (2 * _images(seed=5, low=0, high=1) - 1)
    for begin in (climb.images, start):
        found = walk(climb, begin, EPSILON, STEP, 10)
        torch.testing.assert_close(found, corner)
    halfway = walk(climb, climb.images, EPSILON, STEP, 2)
    assert (halfway - climb.images).abs().max().item() == pytest.approx(2 * STEP)


def test_a_targeted_step_raises_the_targets_logit():
    weights, shown = _linear(3)
    images, targets = _images(), torch.tensor([0, 1, 2] * 4)
    changed, _ = leap(Climb(shown, images, targets, goals.towards, 64), EPSILON)
    probabilities = weights @ images.flatten(1).T
    probabilities = probabilities.T.softmax(1)
    push = (torch.eye(3, dtype=torch.float64)[targets] - probabilities) @ weights
    torch.testing.assert_close(changed, images + EPSILON * push.sign().view_as(images))


def test_images_stay_in_their_range():
    climb, _ = _climb()
    climb = climb._replace(images=(climb.images > 0.5).double())
    changed, _ = leap(climb, EPSILON)
    walked = walk(climb, climb.images, EPSILON, STEP, 10)
    for found in (changed, walked):
        assert found.min() >= 0
        assert found.max() <= 1
        assert (found != climb.images).any()


def test_an_image_without_a_gradient_never_moves_and_is_told():
    """In float32 the softmax of a lead of 200 is exactly one-hot; a lead of 60 has a gradient."""
    weights = torch.tensor([[0.5], [-0.5]]).expand(2, 16)
    images = torch.full((2, *SHAPE), 0.5)
    scale = torch.tensor([200.0, 60.0]) / 8

    def shown(x, _):
        return (x.flatten(1) @ weights.T) * scale[:, None]

    climb = Climb(shown, images, torch.zeros(2, dtype=torch.long), goals.away, 1)
    changed, still = leap(climb, EPSILON)
    assert still.tolist() == [True, False]
    assert torch.equal(changed[0], images[0])
    torch.testing.assert_close(changed[1], images[1] - EPSILON)
    walked = walk(climb, images, EPSILON, STEP, 4)
    assert torch.equal(walked[0], images[0])
    by_gap, still = leap(climb._replace(goal=goals.gap), EPSILON)
    assert not still.any()
    torch.testing.assert_close(by_gap, images - EPSILON)


@pytest.mark.parametrize(("share", "still"), [(1, False), (64, True)])
def test_a_mean_over_many_images_underflows_sooner(share, still):
    """exp(-101) is a float32 number, a 64th of it none: thresholds 103.97 and 99.8."""
    weights = torch.tensor([[50.5], [-50.5]])
    climb = Climb(
        lambda x, _: x.flatten(1) @ weights.T, torch.ones(1, 1, 1, 1),
        torch.zeros(1, dtype=torch.long), goals.away, share,
    )  # fmt: skip
    assert leap(climb, EPSILON)[1].item() is still


@pytest.mark.parametrize("shift", [0.0, 7.0])
@pytest.mark.parametrize("scale", [1.0, 50.0])
def test_dlr_is_its_formula_whatever_the_scale(shift, scale):
    logits = torch.randn(40, 6, generator=_stream(), dtype=torch.float64)
    labels = torch.randint(6, (40,), generator=_stream(3))
    expected = []
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        ranked = sorted(row, reverse=True)
        others = max(value for place, value in enumerate(row) if place != label)
        expected.append(-(row[label] - others) / (ranked[0] - ranked[2]))
    found = goals.dlr(scale * logits + shift, labels)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_dlr_wants_three_classes():
    with pytest.raises(MirageError, match="2 classes"):
        goals.dlr(torch.zeros(1, 2), torch.zeros(1, dtype=torch.long))


def test_the_gap_is_minus_the_margin():
    logits = torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, -1.0]])
    assert goals.gap(logits, torch.tensor([0, 2])).tolist() == [-1.0, 6.0]


def test_checkpoints_are_those_of_the_publication():
    """Croce and Hein: p_{j+1} = p_j + max(p_j - p_{j-1} - 0.03, 0.06) of 100 steps."""
    p = [0, 22]
    while p[-1] <= 100:
        p.append(p[-1] + max(p[-1] - p[-2] - 3, 6))
    assert [turn for turn, _ in checkpoints(100)] == p[1:-1]
    assert [period for _, period in checkpoints(100)][:3] == [22, 19, 16]
    assert list(checkpoints(20))[:5] == [(4, 4), (7, 3), (9, 2), (10, 1), (11, 1)]
    assert list(checkpoints(1)) == [(1, 1)]


def _network(seed=4, classes=4):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 24), nn.Tanh(), nn.Linear(24, classes)).double()
    net.requires_grad_(False)
    net[1].bias.copy_(-net[1].weight.sum(1) / 2)  # grey says nothing
    net[3].bias.zero_()
    return net


def _plain_apgd(net, image, label, start, steps):
    """One image, written down from the publication; the prediction of every iterate."""

    def look(x):
        x = x.clone().requires_grad_()
        logits = net(x)
        value = goals.dlr(logits, label)[0]
        (gradient,) = torch.autograd.grad(value, x)
        return value.item(), gradient, logits.argmax().item()

    def clip(x):
        return torch.min(torch.max(x, image - EPSILON), image + EPSILON).clamp(0, 1)

    x, old, length = start, start, 2 * EPSILON
    value, gradient, seen = look(x)
    predictions, values, lengths = [seen], [value], [length]
    best, best_value, best_gradient = x, value, gradient
    halved, checked, begin = True, value, 0
    ends = [turn for turn, _ in checkpoints(steps)]
    for k in range(steps):
        z = clip(x + length * gradient.sign())
        a = 1.0 if k == 0 else 0.75
        x, old = clip(x + a * (z - x) + (1 - a) * (x - old)), x
        value, gradient, seen = look(x)
        predictions.append(seen)
        values.append(value)
        if value > best_value:
            best, best_value, best_gradient = x, value, gradient
        if k + 1 in ends:
            period = k + 1 - begin
            pairs = itertools.pairwise(values[begin : k + 2])
            rises = sum(late > early for early, late in pairs)
            halved = rises <= 0.75 * period or (not halved and best_value <= checked)
            checked, begin = best_value, k + 1
            if halved:
                length, x, gradient = length / 2, best, best_gradient
        lengths.append(length)
    return predictions, lengths


def test_apgd_is_the_published_algorithm_image_by_image():
    net, images = _network(), _images(30, 8, 0, 1)
    labels = net(images).argmax(1)
    start = within(images, images + EPSILON * (2 * _images(30, 9, 0, 1) - 1), EPSILON)
    looked = []

    class Kept(Climb):
        def look(self, at, turn):
            found = super().look(at, turn)
            looked.append(found[2].argmax(1))
            return found

    climb = Kept(lambda x, _: net(x), images, labels, goals.dlr, 1)
    found = apgd(climb, start, EPSILON, 20)
    ours = torch.stack(looked)
    shortened = 0
    for row in range(30):
        alone = slice(row, row + 1)
        plain, lengths = _plain_apgd(net, images[alone], labels[alone], start[alone], 20)
        assert ours[:, row].tolist() == plain
        wrong = [p for p in plain if p != labels[row]]
        assert found[row].item() == (wrong[0] if wrong else plain[-1])
        shortened += lengths[-1] < lengths[0]
    assert 0 < (found != labels).sum() < 30
    assert shortened > 10


def test_apgd_finds_the_corner_of_a_linear_model():
    climb, weights = _climb(3, goal=goals.gap, seed=4)
    images = _images(12, 1, 0.4, 0.6)
    climb = climb._replace(images=images, classes=(images.flatten(1) @ weights.T).argmax(1))
    lead = _lead(weights, climb.images, climb.classes)
    rival = (climb.images.flatten(1) @ weights.T).scatter(
        1, climb.classes[:, None], -torch.inf
    ).argmax(1)  # fmt: skip
    reach = EPSILON * (weights[climb.classes] - weights[rival]).abs().sum(1)
    found = apgd(climb, climb.images, EPSILON, 20)
    fooled = found != climb.classes
    assert fooled[lead < 0.99 * reach].all()
    most = EPSILON * torch.cdist(weights, weights, p=1).amax(1)[climb.classes]
    assert not fooled[lead > most].any()
    assert fooled.any()
    assert not fooled.all()
