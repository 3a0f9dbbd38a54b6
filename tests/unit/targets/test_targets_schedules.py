"""Learning rates against PyTorch's schedulers."""

import pytest
import torch
from mirage.errors import MirageError
from mirage.targets.recipe import ScheduleRecipe


def rates_of(scheduler_class, base, epochs, **options):
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=base)
    scheduler = scheduler_class(optimiser, **options)
    rates = []
    for _ in range(epochs):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return rates


def test_multistep():
    recipe = ScheduleRecipe("multistep", (75, 90), 0.1)
    expected = rates_of(
        torch.optim.lr_scheduler.MultiStepLR, 1e-3, 100, milestones=[75, 90], gamma=0.1
    )
    assert [recipe.rate(1e-3, e, 100) for e in range(100)] == pytest.approx(expected)


def test_cosine_to_a_floor():
    recipe = ScheduleRecipe("cosine", floor=1e-4)
    expected = rates_of(torch.optim.lr_scheduler.CosineAnnealingLR, 0.1, 75, T_max=75, eta_min=1e-4)
    assert [recipe.rate(0.1, e, 75) for e in range(75)] == pytest.approx(expected)


def test_constant():
    assert {ScheduleRecipe().rate(0.1, e, 9) for e in range(9)} == {0.1}


@pytest.mark.parametrize(
    "values",
    [
        {"name": "multistep"},
        {"name": "cosine", "milestones": [3]},
        {"name": "multistep", "milestones": [9, 3]},
        {"name": "multistep", "milestones": [3], "gamma": 0},
        {"name": "linear"},
    ],
)
def test_impossible_schedules_are_refused(values):
    with pytest.raises(MirageError):
        ScheduleRecipe.of(values)
