"""A GPU without room: one message that names the setting to lower."""

from types import SimpleNamespace

import pytest
import torch
from mirage.errors import MirageError
from mirage.runtime.memory import limited_by, limited_by_recipe, limited_by_stage


def _task(batch, batch_size=6):
    params = SimpleNamespace(batch=batch, recipe={"batch_size": batch_size}, limit="optimise_batch")
    return SimpleNamespace(rule="run_stage", params=params)


TASK = _task(72)


def _full(_):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize("setting", ["optimise_batch", "forward_batch"])
def test_the_batch_is_named_with_a_smaller_one(setting):
    with pytest.raises(MirageError) as told:
        limited_by(setting)(_full)(TASK)
    assert f"too small for run_stage with {setting} = 72" in str(told.value)
    assert f"--config {setting}=36" in str(told.value)
    assert isinstance(told.value.__cause__, torch.OutOfMemoryError)


def test_a_batch_of_the_recipe_is_never_told_to_be_cut():
    for batch, advice in ((75, "--config optimise_batch=25"), (25, "bf16"), (8, "bf16")):
        with pytest.raises(MirageError, match=advice) as told:
            limited_by("optimise_batch")(_full)(_task(batch, 25))
        assert ("Lower it" in str(told.value)) == (batch > 25)


def test_a_stage_names_its_own_setting():
    with pytest.raises(MirageError, match="with optimise_batch = 72"):
        limited_by_stage(_full)(TASK)


def test_a_recipe_is_not_told_to_change():
    with pytest.raises(MirageError, match=r"precision: bf16.*another recipe"):
        limited_by_recipe(_full)(TASK)


def test_other_errors_and_results_pass():
    def broken(_):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        limited_by("forward_batch")(broken)(TASK)
    work = limited_by("forward_batch")(lambda task: {"rule": task.rule})
    assert work(TASK) == {"rule": "run_stage"}
