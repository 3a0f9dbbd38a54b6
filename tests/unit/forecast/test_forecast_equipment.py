"""Work of priors and students that are trained here, and of attacks that need them."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from forecast_models import CONFIG, PRESETS
from mirage.forecast import units
from mirage.forecast.counting import count
from mirage.forecast.speeds import load_model
from mirage.forecast.work import Job
from mirage.targets.architectures import build
from snakemake.utils import update_config

WORKFLOW = Path(__file__).parents[2] / "workflow"
CELL = "orl/resnet-mini/mid0.01/n3/s1"


@pytest.fixture(scope="module")
def shop():
    config = {"scales": {"tiny": {}}}
    for name in ("tiny", "lowres"):
        update_config(config, yaml.safe_load((WORKFLOW / f"{name}.yaml").read_text()))
    scale = {**CONFIG["scales"]["demo"], **config["scales"]["tiny"]}
    return load_model(scale, 2, 16, 4, "cpu", PRESETS, results=None).workshop


JOBS = [
    Job.of("train_prior", prior="gan"),
    Job.of("train_target_prior", target=CELL, prior="own-gan"),
    Job.of("train_target_prior", target=CELL, prior="class-gan"),
    Job.of("train_students", target=CELL, students="two"),
    Job.of("run_stage", target=CELL, attack="gmi", part="recovered/0-1"),
    Job.of("run_stage", target=CELL, attack="lomma", part="recovered/0-1"),
    Job.of("embed_attack", target=CELL, attack="gmi"),
    Job.of("embed_attack", target=CELL, attack="lomma"),
]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: "-".join([job.rule, job.wildcards[0][1]]))
def test_every_unit_of_their_work_can_be_counted(shop, job):
    work = shop.work(job)
    assert work.calls
    for unit, images in work.calls:
        assert images > 0
        assert count(unit).flops > 0, unit.key
    assert max(work.outputs.values()) > 0


def test_a_training_is_as_long_as_its_recipe_says(shop):
    """30 public photographs in batches of 8 make 3 steps an epoch; what is left is dropped."""
    ((_, images),) = shop.work(JOBS[0]).calls
    assert images == 2 * 3 * 8
    (_, trained), (_, judged) = shop.work(JOBS[1]).calls
    assert (trained, judged) == (2 * 3 * 8, 30)
    _, *steps = shop.work(JOBS[3]).calls
    assert [images for _, images in steps] == [2 * 30, 2 * 30]


def test_students_weigh_what_their_file_holds(shop):
    names = ("convnet-mini", "resnet-mini")
    passes = [units.classify(shop.study, "orl", name, shop.batches.forward) for name in names]
    counts = {unit.key: count(unit) for unit in passes}
    size = replace(shop, counts=counts).work(JOBS[3]).outputs["students"]
    made = [build(name, 4, 1).state_dict().values() for name in names]
    assert size == sum(tensor.nbytes for tensors in made for tensor in tensors)
