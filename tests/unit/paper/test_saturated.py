"""Confidences of exactly 1 are told under the items of single stages."""

from pathlib import Path

import pytest
import torch
import yaml
from mirage.attacks.results import Candidates, Selected, save_result
from mirage.paper.contents import contents
from mirage.paper.presentation import describe
from mirage.paper.saturated import needing_scores, with_ties
from mirage.study.stages import Stages
from mirage.study.study import Study

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())
STUDY = Study(CONFIG["scales"]["demo"])
ROLES = {"table5": ["sample"], "table6": ["sample"], "table7": ["sample", "select"],
         "figure6a": ["sample"]}  # fmt: skip
SATURATED = "ls-0.05"


def _write(attacks, role):
    """Three results of two classes each; one model is sure of all of class 0 and one more."""
    for attack in attacks:
        stages = Stages(STUDY, attack)
        stage = next(stage for stage in stages.kind.stages if stage.role == role)
        scores = torch.tensor([[0.9, 0.8, 0.7]] * 2)
        if str(attack.runner(role).treatment) == SATURATED:
            scores[0], scores[1, 0] = 1, 1
        kind = Candidates if role == "sample" else Selected
        path = Path(stages.result(stage))
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = torch.zeros(2, 3, dtype=torch.int64)
        save_result(path, kind(torch.arange(2), torch.zeros(2, 3, 1), scores, rows), {})


@pytest.mark.parametrize("name", ROLES)
def test_what_is_read_is_waited_for(name):
    needs = contents(STUDY.scale)[name].needs(STUDY)
    for attack in needs.attacks:
        assert f"{attack.path}/metrics.json" in needs.inputs
        sampler = attack.runner("sample")
        assert f"attacks/{sampler.cell}/{attack.name}/candidates.safetensors" in needs.inputs
        selected = f"{attack.path}/selected.safetensors"
        assert (selected in needs.inputs) == ("select" in ROLES[name])
    assert len(set(needs.inputs)) == len(needs.inputs)


@pytest.mark.parametrize("name", ROLES)
def test_saturated_choices_are_told_and_no_others(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    needs, shown = contents(STUDY.scale)[name].needs(STUDY), describe(STUDY, "demo")
    for role in ROLES[name]:
        _write(needs.attacks, role)
    told = with_ties(lambda *_: ["first"], lambda _: needs, ROLES[name])(STUDY, shown)
    start = "Of the 18 starting points that α = −0.05 chose, 12 share the highest possible "
    rest = "confidence of exactly 1, in 3 of 6 classes all of them; ties are broken by the order of"
    expected = ["first"]  # three seeds, each of two classes with three
    if name != "table6":  # whose starting points are all of hard labels
        expected.append(f"{start}{rest} the pool.")
    if name == "table7":
        expected += [
            f"Of the 18 results that α = −0.05 chose of those of α = {of}, 12 share the highest "
            f"possible {rest} the starting points."
            for of in ("0", "−0.05")
        ]
    assert sorted(told) == sorted(expected)


def test_several_attacks_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("ppa", "ppa-ce")
    attacks = [
        attack
        for attack in STUDY.attacks
        if str(attack) in names and str(attack.target.treatment) == SATURATED
        and attack.target.samples == 3 and attack.target.architecture == "resnet-mini"
        and attack.target.seed == 1
    ]  # fmt: skip
    _write(attacks, "sample")
    needs = needing_scores(STUDY, attacks, ["sample"])
    told = with_ties(lambda *_: [], lambda _: needs, ["sample"])(STUDY, describe(STUDY, "demo"))
    assert len(told) == 2
    for sentence, title in zip(told, ("PPA", "PPA, cross-entropy loss"), strict=True):
        assert f"(ORL faces (24 private people), {title})" in sentence
        assert sentence.startswith("Of the 6 starting points")
