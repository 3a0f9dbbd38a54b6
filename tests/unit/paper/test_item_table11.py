"""Table 11: from what the measure left to rows, notes and sentences."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from mirage.errors import MirageError
from mirage.evaluation.measures.adversarial.masking import NOTE
from mirage.paper.items import ITEMS
from mirage.paper.items.table11 import CHECKS, RATES, measured_file
from mirage.paper.presentation import describe
from mirage.paper.printed import print_table
from mirage.paper.reference import reference_rows
from mirage.paper.render import html_fragment
from mirage.paper.tables import make
from mirage.runtime import files
from mirage.study.configuration import check
from mirage.study.study import Study

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())
TABLE = ITEMS["table11"]
STATE = {"zero_gradient": 0.0, "certain": 0.25, "median_lead": 4.5}


def _leave(study, masked):
    """What the measure left of all targets; PGD succeeds with 0.9, where masked with 0.1."""
    for target in TABLE.needs(study).targets:
        alpha = target.treatment.alpha
        hidden = masked and alpha < 0
        untargeted = 0.1 + target.seed / 500 if hidden else 0.9 + target.seed / 1000
        rates = {name: untargeted if name.startswith("u") else 0.2 for name in RATES}
        rates |= dict.fromkeys(CHECKS, 0.85 + target.seed / 1000)
        state = {**STATE, "masked": int(hidden), "zero_gradient": 0.95 * hidden}
        right = {**rates, "untargeted_pgd": untargeted - 0.05}
        told = {"paper": {**rates, **state}, "corrected": {**right, **state},
                **({"note": NOTE} if hidden else {})}  # fmt: skip
        files.write_json(measured_file(target), told)
        files.write_json(
            f"{target.path}/metrics.json", {"test_accuracy": 0.97, "calibration_error": 0.1}
        )


@pytest.fixture
def demo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Study(deepcopy(CONFIG["scales"]["demo"]))


def test_the_paper_scale_has_the_papers_rows_and_no_other():
    study = Study(CONFIG["scales"]["paper"])
    targets = TABLE.needs(study).targets
    names = {"resnet152": "ResNet-152", "resnext50": "ResNeXt-50", "densenet121": "DenseNet-121"}
    ours = [
        (study.dataset(t.dataset)["title"], names[t.architecture], str(t.treatment))
        for t in targets
    ]
    theirs = reference_rows("table11")[["dataset", "architecture", "treatment"]]
    assert ours == list(theirs.itertuples(index=False, name=None))
    assert {(target.samples, target.seed) for target in targets} == {(None, 42)}


def test_it_waits_for_target_and_measure(demo):
    needs = TABLE.needs(demo)
    assert len(needs.inputs) == 2 * len(needs.targets) == 18
    assert needs.inputs[0] == f"{needs.targets[0].path}/metrics.json"
    assert needs.inputs[-1] == f"measures/{needs.targets[-1].cell}/adversarial/metrics.json"


def test_every_number_stands_beside_the_papers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = Study(deepcopy(CONFIG["scales"]["paper"]))
    _leave(study, masked=True)
    rows = make(TABLE, TABLE.collected(study), describe(study, "paper"))
    assert len(rows) == 18
    theirs = reference_rows("table11")
    for name in RATES:
        assert rows[f"{name}_paper"].tolist() == theirs[name].tolist()
    assert rows["test_acc_paper"].tolist() == theirs["clean_test_acc"].tolist()
    assert rows["masked_paper"].isna().all()
    assert rows["masked"].tolist() == [0, 0, 100] * 6
    assert rows["untargeted_pgd"].tolist() == pytest.approx([94.2, 94.2, 18.4] * 6)


def test_the_demo_says_whose_rows_stand_beside_its_own(demo):
    _leave(demo, masked=True)
    rows = make(TABLE, TABLE.collected(demo), describe(demo, "demo"))
    assert rows["untargeted_fgsm_paper"].tolist() == [70.09, 96.09, 13.38]
    assert set(rows["paper_setting"]) == {"FaceScrub, ResNet-152, all images"}


def test_a_masked_row_is_marked_and_told(demo):
    _leave(demo, masked=True)
    numbers, shown = TABLE.collected(demo), describe(demo, "demo")
    reading = TABLE.reading(demo, shown)
    whole, ours = print_table(TABLE, numbers, make(TABLE, numbers, shown), shown, reading)
    (block,) = whole.blocks
    assert [row.label for row in block.rows] == ["0.1", "0", "−0.05 †"]
    told = " ".join(whole.notes)
    assert (
        "−0.05 †: its gradients are masked, so a low rate is no robustness (3 of 3 seeds)" in told
    )
    assert "masked in 3 of 3 seeds. The gradient is exactly zero for 95.00 % of the images" in told
    assert "PGD changes 5.40 % with the cross-entropy, 85.20 % with the margin loss" in told
    assert "A low rate in such a row is no robustness." in told
    first = dict(zip((c.key for c in ours.columns), ours.blocks[0].rows[2].cells, strict=True))
    assert first["untargeted_pgd"].ours == "5.40"  # of the images classified right
    assert first["pgd_gap"].ours == "85.20"
    page = html_fragment([whole, ours], shown)
    assert "Gradients masked" in page
    assert "One-Pixel, targeted" in page


def test_claims_are_told_with_masked_losses_and_without(demo):
    _leave(demo, masked=True)
    told = TABLE.reading(demo, describe(demo, "demo"))
    claim = "untargeted attacks succeed less often with α = −0.05 than with hard labels"
    with_it, without = [sentence for sentence in told if claim in sentence]
    assert "PGD +79.8 ± 0.2 pp (shows; n = 3)" in with_it
    assert "PGD, margin loss 0.0" in without
    sound = told.index(next(s for s in told if s.startswith("The same with losses")))
    assert told[sound + 1] is without


def test_without_masking_the_rates_stand(demo):
    _leave(demo, masked=False)
    told = TABLE.reading(demo, describe(demo, "demo"))
    assert told[-1] == "No row's gradients are masked: the rates say how robust the models are."
    numbers = TABLE.collected(demo)
    assert set(numbers["note"]) == {""}


def test_it_is_refused_without_settings_of_the_measure():
    config = deepcopy(CONFIG)
    del config["scales"]["demo"]["measures"]["adversarial"]
    with pytest.raises(MirageError, match="no settings of adversarial"):
        check(config)


@pytest.mark.parametrize("epsilon", [0, 1.5])
def test_a_change_lies_within_the_range_of_images(epsilon):
    config = deepcopy(CONFIG)
    config["scales"]["demo"]["measures"]["adversarial"]["epsilon"] = epsilon
    with pytest.raises(MirageError, match="epsilon"):
        check(config)
