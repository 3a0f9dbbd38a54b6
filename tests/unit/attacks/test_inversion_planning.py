"""GMI, KED-MI and LOMMA in a study: files, chunks, work; all without torch or results."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from mirage.errors import MirageError
from mirage.forecast.counting import count
from mirage.forecast.units import Batches, make
from mirage.forecast.work import FLOAT, Workshop
from mirage.study import configuration
from mirage.study.cells import parse
from mirage.study.stages import Stages
from mirage.study.study import Study

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())
CELL = "attacks/orl/resnet-mini/ls0/n3/s1"
PUBLIC = {"dataset": "orl-public", "view": "square32", "seed": 1}
GENERATOR = {"image_px": 32, "image_channels": 1, "channels": [32, 16, 8], "z_dim": 20}
JUDGES = {
    "wgan": {"image_px": 32, "image_channels": 1, "channels": [32, 16, 8]},
    "ked": {"image_px": 32, "image_channels": 1, "channels": [32, 16, 8], "classes": 24},
}
LOMMA = {"loss": "identity", "feature_weight": 1.0, "students": "three"}


def _config(**settings):
    config = deepcopy(CONFIG)
    scale = config["scales"]["demo"]
    for name, kind, source in (("gan", "wgan", "trained"), ("own", "ked", "per_target")):
        recipe = {"generator": GENERATOR, "discriminator": JUDGES[kind]}
        scale["priors"][name] = {
            "kind": kind, "image_px": 32, "crop_px": 32,
            "source": {"kind": source, **PUBLIC, "recipe": recipe},
        }  # fmt: skip
    names = ["resnet-mini", "convnet-mini"]
    scale["students"] |= {"three": {**PUBLIC, "recipe": {"architectures": names}}}
    scale["attacks"] |= {
        "gmi": {"title": "GMI", "kind": "gmi", "prior": "gan", "gmi": settings},
        "ked": {"title": "KED", "kind": "ked", "prior": "own", "ked": settings},
    }
    return config


def _study(per_chunk=None, **settings):
    return Study(_config(**settings)["scales"]["demo"], per_chunk)


def test_settings_stand_in_a_configuration():
    configuration.check(_config(steps=7, batch_size=10, **LOMMA))


@pytest.mark.parametrize(
    ("kind", "change", "told"),
    [
        ("gmi", {"prior": "own"}, "prior own is of kind ked, but gmi works with wgan"),
        ("ked", {"prior": "gan"}, "prior gan is of kind wgan, but ked works with ked"),
        ("gmi", {"gmi": {"students": "two"}}, "students: .two. is not among students"),
        ("ked", {"ked": {"steps": -1}}, "steps is -1"),
        ("ked", {"ked": {"restarts": 5}}, "restarts"),
    ],
)
def test_settings_that_do_not_fit_are_told(kind, change, told):
    config = _config()
    config["scales"]["demo"]["attacks"][kind] |= change
    with pytest.raises(MirageError, match=told):
        configuration.check(config)


def _stages(kind, per_chunk=None, **settings):
    return Stages(_study(per_chunk, **settings), parse(f"{CELL}/{kind}"))


@pytest.mark.parametrize("kind", ["gmi", "ked"])
def test_chunks_are_whole_official_batches(kind):
    assert _stages(kind, 10, batch_size=4).chunks == ["0-7", "8-15", "16-23"]
    assert _stages(kind, 2, batch_size=10).chunks == ["0-9", "10-19", "20-23"]
    assert _stages(kind, 2).chunks == ["0-23"]
    assert _stages(kind).images == 24 * 5


@pytest.mark.parametrize("kind", ["gmi", "ked"])
def test_files_are_those_of_the_very_target(kind):
    target = "targets/orl/resnet-mini/ls0/n3/s1"
    read = _stages(kind, **LOMMA).inputs("recovered", "g/generator")
    assert read == {
        "weights": f"{target}/weights.safetensors",
        "generator": "g/generator",
        "discriminator": "g/discriminator",
        "public": read["public"],
        "students": f"{target}/students/three.safetensors",
    }
    assert "orl-public" in read["public"]
    assert set(_stages(kind).inputs("recovered", "g")) == {
        "weights", "generator", "discriminator",
    }  # fmt: skip


def _work(kind, **settings):
    stages = _stages(kind, **settings)
    shop = Workshop(stages.study, Batches(250, 72), {}, {}, {})
    shop._images["orl-public"] = type("Sizes", (), {"total": 160})()
    return stages.kind.costs["cost"]["recover"](shop, stages.attack, range(24))


@pytest.mark.parametrize(("kind", "rows"), [("gmi", 24 * 5), ("ked", 24)])
def test_work_is_a_step_for_every_latent(kind, rows):
    work = _work(kind, steps=7, batch_size=10)
    (unit, steps), (_, rendered), (_, judged) = work.calls
    assert (unit.kind, unit.batch, unit.setting) == ("invert", 70, "optimise_batch")
    assert (steps, rendered, judged) == (rows * 7, 120, 120)
    assert work.outputs["latents"] == 120 * 21 * FLOAT + 24 * 17
    lomma = _work(kind, steps=7, batch_size=10, **LOMMA)
    assert [images for _, images in lomma.calls] == [rows * 7, 120, 120, 160]
    assert lomma.calls[0][0].key != unit.key
    assert "with 2 students" in lomma.calls[0][0].name
    assert _work(kind, batch_size=60).calls[0][0].batch == 3 * 24


@pytest.mark.parametrize("kind", ["gmi", "ked"])
def test_the_counted_loop_is_the_attack(kind):
    """FLOPs of a step: each network forwards and back to its image, and nothing else."""

    def flops(students, batch=12):
        settings = {
            "architecture": "resnet-mini", "classes": 24, "channels": 1, "image_px": 32,
            "crop_px": 32, "generator": GENERATOR, "prior": {"gmi": "wgan"}.get(kind, kind),
            "discriminator": JUDGES[{"gmi": "wgan"}.get(kind, kind)], "attack": kind,
            "students": students, "precision": "fp32", "official": 6,
        }  # fmt: skip
        return count(make("invert", "test", batch, settings, ("official",))).flops

    def passed(architecture):
        settings = {
            "architecture": architecture, "classes": 24, "channels": 1, "image_px": 32,
            "precision": "fp32",
        }  # fmt: skip
        return count(make("classify", architecture, 12, settings)).flops

    plain = flops([])
    added = flops(["convnet-mini"]) - plain
    # The first layer's gradient with respect to the image costs as much as its pass.
    assert added == pytest.approx(2 * passed("convnet-mini"), rel=1e-6)
    assert plain > 2 * passed("resnet-mini")
    assert flops([], 24) == pytest.approx(plain, rel=1e-6)
