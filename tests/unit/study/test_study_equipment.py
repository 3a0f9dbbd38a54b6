"""Priors, students and public images: whose they are, where they lie, what does not fit."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from mirage.errors import MirageError
from mirage.study import configuration, in_use
from mirage.study.cells import parse
from mirage.study.stages import Stages
from mirage.study.study import Study
from snakemake.utils import update_config

ROOT = Path(__file__).parents[3]
CELL = "orl/resnet-mini/mid0.01/n3/s1"
OWN = f"targets/{CELL}/priors/own-gan/generator.safetensors"


def _config(change=None):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for name in ("tiny", "lowres"):
        path = ROOT / f"tests/workflow/{name}.yaml"
        update_config(config, yaml.safe_load(path.read_text()))
    config = deepcopy(config)
    update_config(config["scales"]["tiny"], change or {})
    return config


STUDY = Study(_config()["scales"]["tiny"], 2)
TARGET = parse(f"targets/{CELL}")


def test_a_stage_reads_its_targets_own_prior_and_students_and_public_images():
    stages = Stages(STUDY, parse(f"attacks/{CELL}/lomma"))
    assert stages.inputs("recovered/0-1", OWN) == {
        "weights": f"targets/{CELL}/weights.safetensors",
        "generator": OWN,
        "discriminator": OWN.replace("generator", "discriminator"),
        "public": "data/orl-public/views/square16.safetensors",
        "students": f"targets/{CELL}/students/two.safetensors",
    }
    assert stages.outcome == f"attacks/{CELL}/lomma/recovered.safetensors"
    assert STUDY.prior_of(stages.attack) == "own-gan"


def test_what_is_not_asked_for_is_not_read():
    shared = Stages(STUDY, parse(f"attacks/{CELL}/gmi")).inputs("recovered/2-3", "g/generator")
    assert set(shared) == {"weights", "generator", "discriminator"}
    assert STUDY.prior_of(parse(f"attacks/{CELL}/ppa")) == "orl-faces"


def test_each_target_has_a_seed_of_its_own():
    others = parse(f"targets/{CELL.replace('s1', 's7')}")
    assert STUDY.target_prior(TARGET, "own-gan")["seed"] == 1
    assert STUDY.target_prior(others, "own-gan")["seed"] == 7
    assert STUDY.students(others, "two")["seed"] == 7


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda: STUDY.target_prior(TARGET, "gan"), "no target's own.*priors/gan/generator"),
        (lambda: STUDY.target_prior(TARGET, "none"), "priors has no 'none'"),
        (lambda: STUDY.students(TARGET, "none"), "students has no 'none'"),
    ],
)
def test_what_no_target_has(ask, told):
    with pytest.raises(MirageError, match=told):
        ask()


def test_public_is_what_priors_and_students_learn_from():
    assert ("orl", "orl-public") in in_use.kept_apart(STUDY, in_use.datasets_in_use(STUDY))
    config = _config({"priors": {name: None for name in ("orl-faces", "gan", "own-gan")}})
    scale = config["scales"]["tiny"]
    scale["priors"] = {}
    assert "orl-public" in in_use.datasets_in_use(Study(scale))
    assert ("orl", "orl-public") in in_use.kept_apart(Study(scale), ["orl", "orl-public"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"priors": {"gan": {"source": {"dataset": "orl-publik"}}}}, "did you mean 'orl-public'"),
        ({"priors": {"gan": {"source": {"dataset": "orl"}}}}, "orl is private"),
        ({"priors": {"gan": {"source": {"view": "square32"}}}}, "orl-public has no view"),
        ({"priors": {"gan": {"image_px": 32}}}, "image_px: 32, but its view has 16"),
        ({"priors": {"gan": {"crop_px": 12}}}, "gmi has the prior gan, on the centre of 12 px"),
        ({"priors": {"gan": {"kind": "ked"}}}, "priors.gan.source"),
        ({"priors": {"gan": {"kind": "wgam"}}}, "priors.gan.kind is 'wgam'.*mean 'wgan'"),
        ({"priors": {"own-gan": {"source": {"kind": "trained"}}}}, "source.kind is 'trained'"),
        ({"priors": {"gan": {"source": {"recipe": {"epoch": 2}}}}}, "gan.source.recipe has no key"),
        (
            {"priors": {"own-gan": {"source": {"recipe": {"discriminator": {"classes": 5}}}}}},
            "lomma has the prior own-gan, on 5 classes, but orl has 4",
        ),
        ({"attacks": {"gmi": {"prior": "own-gan"}}}, "own-gan is of kind ked, but gmi works"),
        ({"attacks": {"gmi": {"prior": "gam"}}}, "'gam' is not among priors"),
        ({"attacks": {"gmi": {"pool": "few"}}}, "draws from the pool few, which has its own"),
        ({"attacks": {"lomma": {"ked": {"students": "three"}}}}, "'three' is not among students"),
        ({"students": {"two": {"dataset": "orl"}}}, "students.two: orl is private"),
        ({"students": {"two": {"view": "no"}}}, "students.two.view: orl-public has no view 'no'"),
        (
            {"students": {"two": {"recipe": {"architectures": ["resnet-mimi"]}}}},
            "recipe.architectures.0.: 'resnet-mimi' is not among architectures",
        ),
        ({"pools": {"few": {"prior": "own-gan"}}}, "few.prior: own-gan is every target's own"),
        ({"pools": {"few": {"prior": "gan"}}}, "gan is of kind wgan, but ppa works with stylegan2"),
    ],
)  # fmt: skip
def test_equipment_that_does_not_fit_is_told_at_the_start(change, told):
    with pytest.raises(MirageError, match=told):
        configuration.check(_config(change))


def test_an_attack_without_a_pool_needs_a_prior():
    config = _config()
    del config["scales"]["tiny"]["attacks"]["gmi"]["prior"]
    with pytest.raises(MirageError, match=r"attacks\.gmi: 'prior' is missing"):
        configuration.check(config)


def test_a_target_that_sees_other_images_has_no_such_prior():
    scale = _config()["scales"]["tiny"]
    views = {"square32": {"crop": [0, 10, 92, 92], "resize": "square", "image_px": 32}}
    scale["datasets"]["orl"] = {**scale["datasets"]["orl"], "views": views}
    scale["architectures"]["convnet-mini"] = {"paper": None, "view": "square32"}
    target = parse("targets/orl/convnet-mini/ls0/n3/s1")
    for ask in (Study(scale).target_prior, Study(scale).students):
        with pytest.raises(MirageError, match="16 px grey, but convnet-mini sees 32 px grey"):
            ask(target, "own-gan" if ask.__name__ == "target_prior" else "two")
