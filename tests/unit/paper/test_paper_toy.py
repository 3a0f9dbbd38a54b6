"""The toy example against the numbers of the paper and its notebook, and its gradients."""

import pytest
import torch
from mirage.errors import MirageError
from mirage.paper import toy, toy_result
from mirage.paper.recipe import ToyRecipe

# alpha: steps, distance, final loss, end point, distance and confidence after 5,000 steps
PRINTED = {
    0.0: (763, 3.23, 0.0021, (5.62, 5.31), 0.82, 0.994),
    0.05: (3113, 0.65, 0.1698, (8.07, 7.56), 0.22, 0.961),
    -0.05: (53, 6.75, -1.7280, (1.33, 3.75), 5.64, 0.9999),
}


@pytest.fixture(scope="module")
def result():
    return toy.run_toy(ToyRecipe())


@pytest.fixture(scope="module")
def runs(result):
    assert {run.seed for run in result.runs} == {42}
    return {run.alpha: run for run in result.runs}


@pytest.mark.parametrize("alpha", PRINTED)
def test_regenerates_the_printed_numbers(runs, alpha):
    steps, distance, loss, end, unstopped, confidence = PRINTED[alpha]
    run = runs[alpha]
    assert run.steps == pytest.approx(steps, abs=2)
    assert run.distance == pytest.approx(distance, abs=0.02)
    assert run.loss == pytest.approx(loss, abs=5e-4)
    assert run.stopped_path[-1].tolist() == pytest.approx(end, abs=0.05)
    assert run.unstopped_distance == pytest.approx(unstopped, abs=0.02)
    assert run.unstopped_confidence == pytest.approx(confidence, abs=1e-3)
    assert run.train_accuracy == 1
    assert len(run.stopped_path) == run.steps + 2
    assert len(run.unstopped_path) == 5001


def test_confidence_far_from_the_data_falls_with_alpha(runs):
    mean = {alpha: runs[alpha].grid.mean() for alpha in PRINTED}
    assert mean[0.05] < mean[0.0] < mean[-0.05]


def test_a_result_survives_its_file(result, tmp_path):
    toy_result.save_toy(tmp_path / "a.safetensors", result)
    back = toy_result.load_toy(tmp_path / "a.safetensors")
    toy_result.save_toy(tmp_path / "b.safetensors", back)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert [run.steps for run in back.runs] == [run.steps for run in result.runs]


def test_blobs_are_those_of_the_notebook():
    points, labels = toy.make_points()
    assert labels.bincount().tolist() == [167, 167, 166]
    assert labels[0] == 1
    start = torch.tensor(toy.START)
    assert (points[labels == 0] - start).norm(dim=1).min() == pytest.approx(0.231, abs=1e-3)


def test_initial_weights_are_the_default_draw_and_the_global_state_is_kept():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    network = toy.make_network(42)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(42)
    first = torch.nn.Linear(2, 20)
    second = torch.nn.Linear(20, 20)
    assert torch.equal(network[0].weight, first.weight)
    assert torch.equal(network[3].bias, second.bias)
    assert network[6].bias is None


def test_walk_is_gradient_descent_on_the_target_class():
    weight = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 2.0]])
    path, confidence = toy.walk(lambda x: x @ weight.T, 3, torch.tensor([0.5, -0.5]))
    point = torch.tensor([0.5, -0.5])
    for step in range(3):
        p = (weight @ point).softmax(0)
        torch.testing.assert_close(confidence[step], p[2])
        torch.testing.assert_close(path[step], point)
        point = point - 0.1 * weight.T @ (p - torch.tensor([0.0, 0.0, 1.0]))
    torch.testing.assert_close(path[3], point)


def test_stopping_rule_counts_as_the_notebook(monkeypatch):
    """Confidence passes the goal at index 2: two is reported, three updates are made."""
    path = torch.stack([torch.arange(6.0), torch.zeros(6)], dim=1)
    confidence = torch.tensor([0.1, 0.9, 0.96, 0.97, 0.98, 0.99])
    monkeypatch.setattr(toy, "UNSTOPPED_STEPS", 5)
    monkeypatch.setattr(toy, "TRAINING_STEPS", 1)
    monkeypatch.setattr(toy, "walk", lambda *_: (path, confidence))
    run = toy.run_toy(ToyRecipe(alphas=(0.0,))).runs[0]
    assert run.steps == 2
    assert run.stopped_path[-1].tolist() == [3, 0]


def test_an_attack_that_never_arrives_is_counted_as_such(monkeypatch, tmp_path):
    monkeypatch.setattr(toy, "GOAL", 1.5)
    monkeypatch.setattr(toy, "TRAINING_STEPS", 2)
    for module in (toy, toy_result):
        monkeypatch.setattr(module, "UNSTOPPED_STEPS", 4)
    monkeypatch.setattr(toy, "ATTACK_LIMIT", 10)
    result = toy.run_toy(ToyRecipe(alphas=(0.0,)))
    toy_result.save_toy(tmp_path / "toy", result)
    run = toy_result.load_toy(tmp_path / "toy").runs[0]
    assert run.steps is None
    assert len(run.stopped_path) == 11
    assert len(run.unstopped_path) == 5


@pytest.mark.parametrize("values", [{"seeds": []}, {"alphas": [1.5]}, {"alphas": [0.1, 0.1]}])
def test_impossible_recipes_are_refused(values):
    with pytest.raises(MirageError):
        ToyRecipe.of(values)
