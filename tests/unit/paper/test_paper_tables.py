"""Tables against hand numbers and against the paper's own consistency."""

import json
import math

import pandas as pd
import pytest
from mirage.errors import MirageError
from mirage.paper.effects import (
    ALL_EQUAL,
    OPEN,
    OPPOSITE,
    SHOWS,
    TOO_FEW,
    effects,
    finding_of,
    seeds_needed,
)
from mirage.paper.items import ITEMS
from mirage.paper.metrics import METRICS, paper_sign
from mirage.paper.numbers import collect, plain, read_table, select, write_table
from mirage.paper.presentation import Presentation
from mirage.paper.printed import print_table
from mirage.paper.reference import reference_rows
from mirage.paper.tables import make, paired, summarise
from mirage.paper.toy_result import ToyResult, ToyRun, toy_table
from mirage.study.cells import Attack, Target
from mirage.study.treatment import Treatment
from mirage.targets.treatments import PARTS
from scipy import stats

BASE = {
    "dataset": "facescrub", "architecture": "resnet152", "samples": "all", "attack": "ppa",
    "fidelity": "paper",
}  # fmt: skip


def made_cells(values, **others):
    """Rows of {(alpha, seed): acc1}; the other metrics follow from it."""
    rows = []
    for (alpha, seed), acc1 in values.items():
        treatment = "" if math.isnan(alpha) else str(Treatment.smoothing(alpha))
        row = {**BASE, "treatment": treatment, "alpha": alpha, "seed": seed, "note": "", **others}
        row |= dict.fromkeys(METRICS, 1.0) | {"acc1": acc1, "delta_face": 1 - acc1 / 100}
        rows.append(row)
    return pd.DataFrame(rows)


def table(name, numbers, fidelity="paper", counterparts=None):
    """A table of the paper made of such rows."""
    shown = Presentation("demo", False, fidelity=fidelity, counterparts=counterparts or {})
    return make(ITEMS[name], numbers, shown)


def test_table1_of_the_paper_is_its_table2_rounded():
    printed = reference_rows("table01").dropna(subset=["alpha"])
    full = reference_rows("table02").set_index(["dataset", "architecture", "alpha"])
    digits = {"test_acc": 1, "acc1": 1, "delta_face": 2, "xi_train": 1}
    assert len(printed) == 6
    for _, row in printed.iterrows():
        exact = full.loc[(row["dataset"], row["architecture"], row["alpha"])]
        for metric in ITEMS["table1"].metrics:
            # Half a unit of the last printed digit, whichever way the paper rounds a half.
            assert abs(row[metric] - exact[metric]) <= 0.5001 * 10 ** -digits[metric]


def test_claimed_signs_hold_in_most_of_the_papers_table2():
    full = reference_rows("table02")
    for metric in ("acc1", "delta_face", "delta_eval", "xi_train", "test_acc"):
        for alpha in (0.1, -0.05):
            signs = []
            for _, model in full.groupby(["dataset", "architecture"]):
                value = model.set_index("alpha")[metric]
                signs.append((value[alpha] - value[0.0]) * paper_sign(metric, alpha) > 0)
            assert sum(signs) >= 5
            assert len(signs) == 6


def test_summarise_by_hand():
    cells = made_cells({(0.0, 1): 2.0, (0.0, 2): 4.0, (0.0, 3): 9.0, (0.1, 1): 7.0})
    rows = summarise(cells, ["dataset", "alpha"]).set_index("alpha")
    assert rows.loc[0.0, "acc1"] == 5.0
    assert rows.loc[0.0, "acc1_seed_sd"] == pytest.approx(math.sqrt((9 + 1 + 16) / 2))
    assert rows.loc[0.0, "n_seeds"] == 3
    assert rows.loc[0.1, "acc1"] == 7.0
    assert math.isnan(rows.loc[0.1, "acc1_seed_sd"])


def test_summarise_refuses_a_seed_that_stands_twice():
    cells = pd.concat([made_cells({(0.0, 1): 2.0}), made_cells({(0.0, 1): 3.0}, attack="other")])
    with pytest.raises(MirageError, match=r"more than one attack cell has alpha 0\.0, seed 1"):
        summarise(cells, ["alpha"])


def test_table1_pairs_seeds_and_finds_the_papers_row():
    # Seed 3 has no Standard partner: it counts for the mean, not for the change.
    values = {(0.0, 1): 50.0, (0.0, 2): 70.0, (0.1, 1): 60.0, (0.1, 2): 74.0, (0.1, 3): 10.0}
    rows = table("table1", made_cells(values | {(-0.05, 1): 20.0, (-0.3, 1): 5.0}))
    assert rows["model"].tolist() == ["Standard", "Pos. LS", "Neg. LS"]
    positive = rows.set_index("model").loc["Pos. LS"]
    assert positive["acc1"] == 48.0
    assert positive["acc1_change"] == 7.0
    assert positive["acc1_paper"] == 95.2
    assert positive["acc1_difference"] == pytest.approx(48.0 - 95.2)
    assert positive["paper_setting"] == "FaceScrub, ResNet-152, all images"
    assert math.isnan(rows.set_index("model").loc["Standard", "acc1_change"])
    assert rows["fidelity"].tolist() == ["paper"] * 3


def test_table1_without_standard_has_empty_changes():
    rows = table("table1", made_cells({(0.1, 1): 60.0}))
    assert rows["acc1_change"].isna().all()


def test_table2_matches_tables_2_and_4_through_counterparts():
    values = {(0.0, 1): 50.0, (0.1, 1): 60.0, (-0.005, 1): 40.0, (-0.3, 1): 3.0}
    cells = pd.concat(
        [
            made_cells(values, dataset="orl", samples="3"),
            made_cells(values, samples="30"),
            made_cells(values, attack="ppa-ce"),
        ]
    )
    rows = table(
        "table2", cells, counterparts={"dataset": {"orl": "FaceScrub"}, "samples": {"3": "all"}}
    )
    keyed = rows.set_index(["dataset", "samples", "attack", "alpha"])
    assert keyed.loc[("orl", "3", "ppa", -0.005), "acc1_paper"] == 80.66
    four = reference_rows("table04").query("dataset == 'FaceScrub' and samples == '30'")
    expected = four.set_index("alpha").loc[0.1, "acc1"]
    assert keyed.loc[("facescrub", "30", "ppa", 0.1), "acc1_paper"] == expected
    assert math.isnan(keyed.loc[("orl", "3", "ppa", -0.3), "acc1_paper"])
    assert keyed.xs("ppa-ce", level="attack")["acc1_paper"].isna().all()
    assert rows["alpha"].tolist() == [0.1, 0.0, -0.005, -0.3] * 3


def test_tables_print_one_fidelity():
    cells = pd.concat(
        [made_cells({(0.0, 1): 50.0}), made_cells({(0.0, 1): 10.0}, fidelity="corrected")]
    )
    assert table("table2", cells)["acc1"].tolist() == [50.0]
    assert table("table2", cells, "corrected")["acc1"].tolist() == [10.0]


def test_other_treatments_have_rows_of_their_own_name():
    """Not that of the smoothing in them; they follow it and are held against nothing."""
    stopped = "ls0.1+stop@ls-0.05"
    note = "never reached"
    cells = pd.concat(
        [
            made_cells({(math.nan, 1): 33.0, (math.nan, 2): 35.0}, treatment=stopped),
            made_cells({(0.0, 1): 50.0, (0.1, 1): 60.0}),
        ]
    ).reset_index(drop=True)
    cells.loc[0, "note"] = note
    rows = table("table2", cells)
    assert rows["treatment"].tolist() == ["ls0.1", "ls0", stopped]
    assert rows["acc1"].tolist() == [60.0, 50.0, 34.0]
    assert rows["acc1_paper"].isna().tolist() == [False, False, True]
    assert rows["note"].tolist() == ["", "", f"{note} (1 of 2 seeds)"]
    (printed,) = print_table(ITEMS["table2"], cells, rows, Presentation("demo", False))
    assert [row.label for row in printed.blocks[0].rows] == ["0.1", "0", f"{stopped} †"]
    assert printed.notes == [
        f"facescrub, resnet152, all training images, ppa, {stopped} †: {note} (1 of 2 seeds)."
    ]
    # Table 1 has the paper's three models; effects are those of the smoothing factor.
    assert table("table1", cells)["treatment"].tolist() == ["ls0", "ls0.1"]
    assert set(paired(cells, ["acc1"])["treatment"]) == {"ls0.1"}


def test_a_csv_names_treatments_where_alpha_does_not():
    rows = table("table2", made_cells({(0.0, 1): 50.0}))
    assert not {"treatment", "note"} & set(plain(rows))
    assert "alpha" in plain(rows)
    other = table("table2", made_cells({(math.nan, 1): 50.0}, treatment="mid0.005", note="told"))
    assert plain(other)[["treatment", "note"]].iloc[0].tolist() == [
        "mid0.005",
        "told (1 of 1 seeds)",
    ]
    assert plain(other)["alpha"].isna().all()


def test_what_the_paper_does_not_print_stands_apart():
    """Precision and its kin are measured in the corrected arithmetic only."""
    values = {(0.0, 1): 50.0, (0.1, 1): 60.0}
    cells = pd.concat([made_cells(values), made_cells(values, fidelity="corrected")])
    cells.loc[cells["fidelity"] == "corrected", "recall"] = 0.25
    item = ITEMS["table2"]
    rows = table("table2", cells)
    assert not {"precision", "recall"} & {name.split("_")[0] for name in rows}
    paper, ours = print_table(item, cells, rows, Presentation("demo", False))
    assert [column.key for column in paper.columns] == list(item.metrics)
    assert [column.key for column in ours.columns] == list(item.ours)
    assert [row.cells[1].ours for row in ours.blocks[0].rows] == ["0.250", "0.250"]
    assert (ours.fidelity, ours.has_paper, paper.has_paper) == ("corrected", False, True)
    unmeasured = cells[cells["fidelity"] == "paper"]
    assert len(print_table(item, unmeasured, rows, Presentation("demo", False))) == 1


def test_paired_differences_and_effects_by_hand():
    differences = [1.0, 2.0, 3.0, -2.0]
    values = {(0.0, seed): 50.0 for seed in range(4)}
    values |= {(-0.05, seed): 50.0 - value for seed, value in enumerate(differences)}
    assert paired(made_cells(values), ["acc1"])["difference"].tolist() == [-1.0, -2.0, -3.0, 2.0]
    row = effects(made_cells(values), ["acc1"]).iloc[0]
    spread = math.sqrt((0 + 1 + 4 + 9) / 3)  # around the mean of 1
    assert row["mean"] == -1.0
    assert row["se"] == pytest.approx(spread / 2)
    assert row["margin"] == pytest.approx(3.182446 * spread / 2)  # t table, 3 degrees, 97.5 %
    assert (row["n_seeds"], row["n_paper_sign"], row["n_ties"]) == (4, 3, 0)
    assert row["finding"] == OPEN


def test_a_metric_counts_the_seeds_it_was_measured_in():
    values = {(0.0, seed): 50.0 + seed for seed in range(4)} | {(0.1, s): 60.0 for s in range(4)}
    cells = made_cells(values)
    cells.loc[(cells["alpha"] == 0.0) & (cells["seed"] < 3), "xi_train"] = math.nan
    row = table("table2", cells).set_index("alpha").loc[0.0]
    assert (row["n_seeds"], row["acc1_seeds"], row["xi_train_seeds"]) == (4, 4, 1)
    assert row["xi_train"] == 1.0
    assert math.isnan(row["xi_train_seed_sd"])
    found = effects(cells, ["acc1", "xi_train"]).set_index("metric")
    assert found["n_seeds"].to_dict() == {"acc1": 4, "xi_train": 1}
    assert found.loc["xi_train", "finding"] == TOO_FEW


@pytest.mark.parametrize("rounding", [0.0, 1e-14])
def test_equal_differences_have_no_interval_of_width_nothing(rounding):
    values = {(0.0, seed): 50.0 for seed in range(4)}
    values |= {(0.1, seed): 51.4 + rounding * seed for seed in range(4)}
    row = effects(made_cells(values), ["acc1"]).iloc[0]
    assert row["margin"] == 0
    assert row["finding"] == ALL_EQUAL


@pytest.mark.parametrize("spread", [0.5, 4.0, 9.3, 40.0])
@pytest.mark.parametrize("margin", [1.0, 6.0])
def test_seeds_follow_from_the_interval_wanted(spread, margin):
    def half_width(n):
        return stats.t.ppf(0.975, n - 1) * spread / math.sqrt(n)

    n = seeds_needed(spread, margin)
    assert half_width(n) <= margin
    assert n == 3 or half_width(n - 1) > margin


def test_two_seeds_are_too_few():
    values = {(0.0, 1): 50.0, (0.0, 2): 50.0, (0.1, 1): 60.0, (0.1, 2): 61.0}
    assert set(effects(made_cells(values), ["acc1", "delta_face"])["finding"]) == {TOO_FEW}


@pytest.mark.parametrize(
    ("mean", "margin", "sign", "finding"),
    [
        (2.0, 1.0, 1, SHOWS), (-2.0, 1.0, -1, SHOWS), (2.0, 1.0, -1, OPPOSITE),
        (1.0, 1.0, 1, OPEN), (0.0, 0.0, 1, OPEN), (9.0, math.nan, 1, TOO_FEW),
        (2.0, 0.0, 1, ALL_EQUAL), (-2.0, 0.0, 1, ALL_EQUAL),
    ],
)  # fmt: skip
def test_findings_follow_from_the_interval(mean, margin, sign, finding):
    assert finding_of(mean, margin, sign) == finding


CELL = Attack(Target("facescrub", "resnet152", Treatment.parse("ls-0.05"), 30, 42), "ppa")


@pytest.fixture
def results(tmp_path):
    values = {"acc1": 0.1434, "delta_face": 1.232, "fid": None, "precision": 0.5}
    write(tmp_path, CELL.target, {"test_accuracy": 0.9145, "calibration_error": 0.1474})
    write(tmp_path, CELL, {"paper": values, "corrected": {"acc1": 0.2}, "seed": 3})
    return tmp_path


def write(results, cell, record):
    path = results / cell.path / "metrics.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(record if isinstance(record, str) else json.dumps(record))


def test_collect_turns_shares_into_percent(results):
    numbers = collect([CELL], results)
    assert numbers["fidelity"].tolist() == ["paper", "corrected"]
    row = numbers.iloc[0]
    assert row["test_acc"] == pytest.approx(91.45)
    assert row["acc1"] == pytest.approx(14.34)
    assert (row["ece"], row["delta_face"], row["precision"]) == (0.1474, 1.232, 0.5)
    assert math.isnan(row["fid"])
    assert (row["samples"], row["treatment"], row["alpha"]) == ("30", "ls-0.05", -0.05)
    assert (row["cell"], row["attack"], row["note"]) == (CELL.path, "ppa", "")


def test_a_target_that_nothing_attacks_has_its_own_numbers_alone(results):
    numbers = collect([CELL.target], results)
    assert numbers["fidelity"].tolist() == ["paper", "corrected"]
    assert (numbers["test_acc"].iloc[0], numbers["attack"].iloc[0]) == (91.45, "")
    assert numbers["acc1"].isna().all()


@pytest.mark.parametrize(
    ("scores", "note"),
    [
        ((0.5, 0.93), ""),
        (
            (0.5, 0.901, 0.88),
            "the goal of its early stop was never reached: no epoch of 3 reached 0.9300, the test "
            "accuracy of ls-0.05; the best had 0.9010",
        ),
    ],
)
def test_a_goal_never_reached_is_noted(results, scores, note):
    stop = PARTS["stop"].of({"like": "ls-0.05"}).told({"test_accuracy": 0.93})
    history = [{"test_accuracy": score} for score in scores]
    write(results, CELL.target, {"test_accuracy": 0.9, "stop": stop.result(history)})
    assert collect([CELL], results)["note"].tolist() == [note, note]


@pytest.mark.parametrize("text", ["[]", "{}", '{"paper": {"acc1": "high"}}', '{"paper": 3}', "{"])
def test_collect_names_the_bad_record(results, text):
    write(results, CELL, text)
    with pytest.raises(MirageError, match=r"metrics\.json"):
        collect([CELL], results)


def test_csv_keeps_every_digit_and_the_names(tmp_path):
    cells = made_cells({(0.1, 1): 100 / 3, (-0.05, 1): 2 / 7}, samples="3")
    write_table(tmp_path / "cells.csv", cells)
    back = read_table(tmp_path / "cells.csv")
    assert back["acc1"].tolist() == [100 / 3, 2 / 7]
    assert back["samples"].tolist() == ["3", "3"]
    assert table("table2", back)["acc1"].tolist() == table("table2", cells)["acc1"].tolist()
    with pytest.raises(MirageError, match="is missing"):
        read_table(tmp_path / "none.csv")


def test_select_says_what_is_not_there():
    cells = made_cells({(0.0, 1): 50.0}, samples="3")
    assert len(select(cells, samples="3", attack=["ppa", "other"])) == 1
    with pytest.raises(MirageError, match="attack = gmi"):
        select(cells, attack="gmi")


def test_toy_table_compares_only_the_papers_seed():
    import torch

    runs = tuple(
        ToyRun(0.05, seed, 0.1, 1.0, steps, torch.zeros(2, 2), 0.6, 0.2, 0.96, torch.ones(2, 2))
        for seed, steps in ((42, 3113), (5, None))
    )
    table = toy_table(ToyResult(torch.zeros(1, 2), torch.zeros(1), runs))
    assert table["steps_paper"].iloc[0] == 3113
    assert table["distance_paper"].iloc[0] == 0.65
    assert table[["steps", "steps_paper", "distance_paper"]].iloc[1].isna().all()


def test_ties_are_counted_as_ties_and_not_as_agreement():
    """Two seeds as the paper claims, one against, two equal; for metrics of either direction."""
    values = {(0.0, seed): 50.0 for seed in range(5)}
    values |= {(-0.05, seed): 50.0 + value for seed, value in enumerate((-1, -2, 3, 0, 0))}
    table = effects(made_cells(values), ["acc1", "delta_face"]).set_index("metric")
    for metric in ("acc1", "delta_face"):
        row = table.loc[metric]
        assert (row["n_seeds"], row["n_paper_sign"], row["n_ties"]) == (5, 2, 2)


def test_directions_and_units_are_those_of_the_papers_headings():
    """Arrows of Tables 1 and 2: up for accuracies and knowledge, down for distances and errors."""
    up = {"test_acc", "acc1", "acc5", "xi_train", "xi_test"}
    down = {"ece", "delta_face", "delta_eval", "fid"}
    more = {"precision", "recall", "density", "coverage"}  # not in its tables; more is closer
    more |= {"recovered_acc1", "recovered_acc5", "found"}  # of the low-resolution attacks
    more |= {"confidence", "verified"}  # nor are these, shares of results
    modes, attacks = ("untargeted", "targeted"), ("fgsm", "pgd", "bim", "onepixel")
    fooled = {f"{mode}_{attack}" for mode in modes for attack in attacks}
    fooled |= {"pgd_gap", "pgd_tempered", "apgd_dlr"}  # of adversarial images
    more |= fooled
    assert {key for key, metric in METRICS.items() if metric.arrow == "↑"} == up | more
    less = {"unverified", "delta_face_seen", "delta_eval_seen"}  # ours: share of hits, distances
    less |= {"recovered_fid", "delta_knn", "backdoor_success"}
    assert {key for key, metric in METRICS.items() if metric.arrow == "↓"} == down | less
    low = {"recovered_acc1_std", "recovered_acc5_std"}
    level = {"acc1_std", "recovered_fid_images", "variety", "real_variety", "queries"} | low
    signs = {"masked", "zero_gradient", "certain"}
    level |= {"backdoor_clean", "user_preference", "median_lead"} | signs
    assert {key for key, metric in METRICS.items() if not metric.arrow} == level
    shares = {"acc1_std", "confidence", "verified", "unverified"}
    shares |= {"recovered_acc1", "recovered_acc5", "found"} | low | fooled | signs
    shares |= {"backdoor_success", "backdoor_clean", "user_preference"}
    assert {key for key, metric in METRICS.items() if metric.percent} == up | shares
    for key in up:
        assert (paper_sign(key, 0.1), paper_sign(key, 0.0), paper_sign(key, -0.05)) == (1, 0, -1)
    for key in down:
        assert (paper_sign(key, 0.1), paper_sign(key, 0.0), paper_sign(key, -0.05)) == (-1, 0, 1)
