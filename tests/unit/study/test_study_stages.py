"""Stages of attacks: what is shared lies in one place, what a stage reads, who runs it."""

from collections import Counter
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mirage.attacks.kinds import KINDS
from mirage.errors import MirageError
from mirage.registry import Registry
from mirage.study import configuration
from mirage.study.cells import ROLES, parse
from mirage.study.stages import Stages
from mirage.study.study import Study

ROOT = Path(__file__).parents[3]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
STUDY = Study(CONFIG["scales"]["demo"], 10)
CELL = "attacks/orl/resnet-mini/ls0/n3/s1"
TREATMENTS = ("ls0", "ls0.1", "ls-0.05")


def _stages(name, study=STUDY, cell=CELL):
    return Stages(study, parse(f"{cell}/{name}"))


def _results(stages):
    return {stage.role: stages.result(stage) for stage in stages.kind.stages}


@pytest.mark.parametrize(
    ("name", "candidates", "optimised", "selected"),
    [
        ("ppa", "ls0/n3/s1/ppa", "ls0/n3/s1/ppa", "ls0/n3/s1/ppa"),
        ("ppa+select@ls-0.05", "ls0/n3/s1/ppa", "ls0/n3/s1/ppa", "ls0/n3/s1/ppa+select@ls-0.05"),
        ("ppa+sample@ls0.1", "ls0.1/n3/s1/ppa", "ls0/n3/s1/ppa+sample@ls0.1",
         "ls0/n3/s1/ppa+sample@ls0.1"),
        ("ppa+sample@ls0.1+select@ls0.1", "ls0.1/n3/s1/ppa", "ls0/n3/s1/ppa+sample@ls0.1",
         "ls0/n3/s1/ppa+sample@ls0.1+select@ls0.1"),
    ],
)  # fmt: skip
def test_where_results_lie(name, candidates, optimised, selected):
    start = "attacks/orl/resnet-mini"
    assert _results(_stages(name)) == {
        "sample": f"{start}/{candidates}/candidates.safetensors",
        "optimise": f"{start}/{optimised}/optimised.safetensors",
        "select": f"{start}/{selected}/selected.safetensors",
    }


names = st.builds(
    lambda own, swaps: (own, {role: other for role, other in swaps.items() if other != own}),
    st.sampled_from(TREATMENTS),
    st.dictionaries(st.sampled_from(ROLES), st.sampled_from(TREATMENTS)),
)


@given(st.lists(names, min_size=2, max_size=6))
def test_results_share_a_file_if_and_only_if_the_same_models_ran_them(drawn):
    made = {}
    for own, swaps in drawn:
        name = "+".join(["ppa", *(f"{role}@{swaps[role]}" for role in ROLES if role in swaps)])
        stages = _stages(name, cell=f"attacks/orl/resnet-mini/{own}/n3/s1")
        ran = ()
        for stage in stages.kind.stages:
            ran = (*ran, stages.attack.runner(stage.role))
            assert made.setdefault(stages.result(stage), ran) == ran
    assert max(Counter(made.values()).values()) == 1


def test_a_stage_reads_what_it_declares():
    swapped = _stages("ppa+select@ls-0.05")
    assert swapped.inputs("selected/10-19", "g/generator") == {
        "weights": "targets/orl/resnet-mini/ls-0.05/n3/s1/weights.safetensors",
        "before": f"{CELL}/ppa/optimised/10-19.safetensors",
        "generator": "g/generator",
    }
    assert set(_stages("ppa").inputs("candidates", "g")) == {"weights", "pool"}
    assert set(_stages("ppa").inputs("optimised/0-9", "g")) == {"weights", "before", "generator"}


def test_a_term_of_the_loss_asks_for_its_files():
    scale = deepcopy(CONFIG["scales"]["demo"])
    scale["attacks"]["ppa"]["optimisation"] |= {"discriminator_weight": 0.1, "feature_weight": 1}
    read = _stages("ppa", Study(scale)).inputs("optimised", "p/generator.safetensors")
    assert read["discriminator"] == "p/discriminator.safetensors"
    assert read["pool"] == "priors/pools/orl-1000/s1-32.safetensors"


@pytest.mark.parametrize(
    ("name", "part", "told"),
    [
        ("ppa+select@ls-0.05", "optimised/0-9", f"{CELL}/ppa/optimised.safetensors"),
        ("ppa+sample@ls0.1", "candidates", "ls0.1/n3/s1/ppa/candidates.safetensors"),
        ("ppa", "optimised/0-23", "one of 0-9, 10-19, 20-23"),
        ("ppa", "distilled", "no stage of this attack leaves 'distilled'"),
    ],
)
def test_parts_that_are_not_made_there(name, part, told):
    with pytest.raises(MirageError, match=told):
        _stages(name).part(part)


def test_without_chunks_a_stage_is_one_job():
    stages = _stages("ppa", Study(CONFIG["scales"]["demo"]))
    made = [stages.parts(stage) for stage in stages.kind.stages]
    assert made == [["candidates"], ["optimised"], ["selected"]]
    assert stages.part("selected")[1] == list(range(24))
    assert stages.inputs("selected", "g")["before"] == f"{CELL}/ppa/optimised.safetensors"
    with pytest.raises(MirageError, match="one of optimised as a whole"):
        stages.part("optimised/0-23")


def test_a_subset_of_the_classes_is_cut_into_chunks():
    scale = deepcopy(CONFIG["scales"]["demo"])
    scale["attacks"]["ppa"]["classes"] = [20, 3, 7]
    stages = _stages("ppa-ce", Study(scale, 2))  # inherited
    assert stages.classes == [3, 7, 20]
    assert stages.chunks == ["3-7", "20-20"]
    assert stages.part("selected/3-7")[1] == [3, 7]
    assert stages.part("candidates")[1] == [3, 7, 20]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "ppb"}, "attacks.ppa.kind is 'ppb'. Expected: text that is one of .*ppa"),
        ({"classes": 25}, "attacks.ppa.classes .on orl.: class 24 cannot be attacked"),
        (
            {"classes": [1, 1]},
            "classes is .1, 1.. Expected: a list of 2 or more different values",
        ),
        ({"selection": {"n_selected": 7}}, "attacks.ppa.selection.n_selected: 7 of only 6"),
    ],
)
def test_settings_that_do_not_fit_are_told_at_the_start(change, told):
    config = deepcopy(CONFIG)
    config["scales"]["demo"]["attacks"]["ppa"] |= change
    with pytest.raises(MirageError, match=told):
        configuration.check(config)


def test_an_attack_names_its_kind():
    config = deepcopy(CONFIG)
    del config["scales"]["demo"]["attacks"]["ppa"]["kind"]
    with pytest.raises(MirageError, match=r"attacks\.ppa: 'kind' is missing"):
        configuration.check(config)


def test_results_of_one_name_are_all_cut_or_all_whole():
    """The rules tell by the name whether chunks are to be joined."""
    cut = [{s.result for kind in KINDS.values() for s in kind.stages if s.cut == c} for c in (0, 1)]
    assert not cut[0] & cut[1]


@pytest.mark.parametrize("name", KINDS)
def test_every_stage_of_a_kind_is_there(name):
    kind = KINDS[name]
    assert isinstance(kind.run, Registry)
    assert {stage.role for stage in kind.stages} <= set(kind.run)
    assert all(callable(kind.run[stage.role]) for stage in kind.stages)
    assert callable(kind.checks["misfits"])
    assert set(kind.costs["cost"]) == {stage.role for stage in kind.stages}


def test_blocks_of_one_name_make_one_recipe():
    """The configuration knows a block by its name alone, whichever kind of attack has it."""
    found = {}
    for kind in KINDS.values():
        for stage in kind.stages:
            assert found.setdefault(stage.settings, stage.recipe) is stage.recipe
