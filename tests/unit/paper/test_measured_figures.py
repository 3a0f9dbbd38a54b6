"""Figures 4, 5, 6b and 7: from what measures left to CSV, drawing and sentences."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from mirage.errors import MirageError
from mirage.evaluation.measures.gradients.walk import PLACES
from mirage.paper import measured
from mirage.paper.drawing import save
from mirage.paper.embeddings_plot import outline
from mirage.paper.items import ITEMS
from mirage.paper.numbers import read_table, write_table
from mirage.runtime import files
from mirage.study import configuration
from mirage.study.study import Study
from scipy.stats import t

ROOT = Path(__file__).resolve().parents[3]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
TREATMENTS, SEEDS = ["ls0.1", "ls0", "ls-0.05"], [1, 2, 3]
FIGURES = {"figure4": "embeddings", "figure5": "embeddings",
           "figure6b": "gradients", "figure7": "gradients"}  # fmt: skip
PAIRS, STEPS = 4, 5


@pytest.fixture
def scale():
    """The demo's, with three seeds."""
    scale = deepcopy(CONFIG["scales"]["demo"])
    for name in FIGURES:
        scale["paper"][name] = {**scale["paper"][name], "seeds": SEEDS}
    scale["measures"]["gradients"]["pairs"] = PAIRS
    return scale


def _folder(treatment, seed, measure):
    return Path(f"measures/orl/resnet-mini/{treatment}/all/s{seed}/{measure}")


def _number(treatment, seed):
    """A number of each target: differences to hard labels are -0.1, -0.2, -0.3 at -0.05."""
    return {"ls0.1": 0.5, "ls0": 0.6, "ls-0.05": 0.6 - 0.1 * seed}[treatment] + seed / 100


@pytest.fixture
def left(tmp_path, monkeypatch, scale):
    """What the measures of nine targets left, and the study."""
    monkeypatch.chdir(tmp_path)
    for treatment in TREATMENTS:
        for seed in SEEDS:
            _leave_gradients(treatment, seed)
            _leave_embeddings(treatment, seed)
    return Study(scale)


def _leave_gradients(treatment, seed):
    value, arrays = _number(treatment, seed), {}
    cosine = torch.full((PAIRS, STEPS), value)
    cosine[:, 0] = torch.nan
    for loss, factor in (("poincare", 1), ("cross_entropy", -1)):
        arrays |= {f"{loss}.{name}": torch.full((PAIRS, STEPS), 0.25)
                   for name in ("loss", "probability", "moved")}  # fmt: skip
        for place in PLACES:
            arrays[f"{loss}.cosine.{place}"] = factor * cosine
            arrays[f"{loss}.largest.{place}"] = torch.ones(PAIRS, STEPS)
        arrays[f"{loss}.largest.image"][seed, 2] = 0
    told = {"cosine": value, "cosine_last": value, "cosine_unsure": None, "not_positive": 0.25,
            "zero": 1, "lost": 0}  # fmt: skip
    folder = _folder(treatment, seed, "gradients")
    files.save_tensors(folder / "arrays.safetensors", arrays)
    by_place = dict.fromkeys(PLACES, told)
    files.write_json(folder / "metrics.json", {"poincare": by_place, "cross_entropy": by_place})


def _leave_embeddings(treatment, seed):
    value, count = _number(treatment, seed), 30
    stream = np.random.default_rng(seed)
    kinds = ("own_mean", "other_mean", "own_nearest", "other_nearest")
    arrays = {kind: torch.from_numpy(1 + stream.random(count)) for kind in kinds}
    arrays["own_mean"][0] = torch.nan
    labels = torch.arange(count) // 5
    layout = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))
    arrays |= {"labels": labels, "shown.labels": labels, "shown.layout": layout}
    numbers = ("own_to_other", "nearest_other_scaled", "nearest_to_other", "silhouette", "purity")
    told = {"images": count, "alone": 1, "largest": 4.0, **dict.fromkeys(numbers, value)}
    folder = _folder(treatment, seed, "embeddings")
    files.save_tensors(folder / "arrays.safetensors", arrays)
    files.write_json(folder / "metrics.json", told)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_drawn_from_its_csv_with_equal_bytes(left, name):
    item = ITEMS[name]
    assert all(Path(path).is_file() for path in item.needs(left).inputs)
    table = item.data(left, None)
    write_table("numbers.csv", table)
    back = read_table("numbers.csv")
    for suffix in ("png", "pdf"):
        for which, numbers in (("first", table), ("again", back)):
            save(item.draw(numbers, None), f"{which}.{suffix}")
        first, again = (Path(f"{which}.{suffix}").read_bytes() for which in ("first", "again"))
        assert first == again
        assert len(first) > 5000


@pytest.mark.parametrize(("name", "sign"), [("figure6b", 1), ("figure7", -1)])
def test_gradients_are_pooled_over_seeds_and_counted(left, name, sign):
    table = ITEMS[name].data(left, None)
    assert len(table) == len(TREATMENTS) * len(PLACES) * STEPS
    own = table[(table["treatment"] == "ls-0.05") & (table["place"] == "image")]
    values = [_number("ls-0.05", seed) for seed in SEEDS for _ in range(PAIRS)]
    assert own["pairs"].tolist() == [12] * STEPS
    assert own["mean"].tolist()[1:] == pytest.approx([sign * np.mean(values)] * 4)
    assert own["std"].tolist()[1:] == pytest.approx([np.std(values, ddof=1)] * 4)
    assert own["zero"].tolist() == [0, 0, 3, 0, 0]
    assert own["step"].tolist() == [1, 2, 3, 4, 5]
    assert own["seeds"].unique().tolist() == ["1 2 3"]


def test_sentences_hold_means_differences_and_counts(left):
    told = ITEMS["figure6b"].reading(left, None)
    margin = t.ppf(0.975, 2) * 0.1 / np.sqrt(3)
    text = " ".join(told)
    assert told[0].startswith("n = 12 pairs")
    assert "4 for each seed; seeds 1, 2, 3" in told[0]
    assert f"α = −0.05: −0.200 ± {margin:.3f} (not distinguishable from 0; n = 3)" in text
    assert "α = 0.1: −0.100 ± 0.000 (n = 3)" in text  # the paper claims nothing of it
    assert "0.420 (α = −0.05)" in text
    assert "is 0.420, which is not that; 25.0 % of all cosines" in text
    assert "exactly zero: 9; not finite: 0" in text


def test_an_effect_shows_in_the_direction_of_the_claim():
    clear = {
        "ls0": {seed: {"x": 1.0} for seed in SEEDS},
        "ls-0.05": {seed: {"x": 1.8 + seed / 10} for seed in SEEDS},
    }
    assert "(shows; n = 3)" in measured.differences(clear, "x", 2, below=1)
    assert "(shows the opposite; n = 3)" in measured.differences(clear, "x", 2, below=-1)
    assert measured.differences(clear, "x", 2, above=1).endswith("± 0.25 (n = 3)")
    del clear["ls0"]
    assert measured.differences(clear, "x", 2, below=1) == ""


def test_violins_are_in_units_of_the_largest_distance_and_leave_out_the_undefined(left):
    table = ITEMS["figure5"].data(left, None)
    own = table[(table["treatment"] == "ls0") & (table["kind"] == "own_mean")]
    held = [
        files.load_tensors(_folder("ls0", seed, "embeddings") / "arrays.safetensors")["own_mean"]
        for seed in SEEDS
    ]
    values = torch.cat([distances[1:] for distances in held]).numpy() / 4
    assert own["n"].unique().tolist() == [len(values)] == [87]
    assert own["distance"].iloc[[0, -1]].tolist() == pytest.approx([values.min(), values.max()])
    assert own["median"].iloc[0] == pytest.approx(np.median(values))
    assert own["density"].max() == 1
    assert "1 images are alone" in ITEMS["figure5"].reading(left, None)[-1]


def test_equal_distances_are_a_bar():
    grid, density = outline(np.full(9, 0.5))
    assert set(grid) == {0.5}
    assert set(density) == {1.0}


def test_the_layout_is_of_the_first_seed_with_its_own_numbers(left):
    table = ITEMS["figure4"].data(left, None)
    assert table["seed"].unique().tolist() == [1]
    assert table.groupby("treatment").size().tolist() == [30] * 3
    own = table[table["treatment"] == "ls-0.05"]
    assert own["silhouette"].unique().tolist() == [_number("ls-0.05", 1)]
    expected = torch.randn(30, 2, generator=torch.Generator().manual_seed(1)).numpy()
    np.testing.assert_array_equal(own[["x", "y"]].to_numpy(), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s["measures"].pop("gradients"), "paper.figure6b: measures has no settings of"),
        (lambda s: s["measures"].pop("embeddings"), "paper.figure4: measures has no settings of"),
        (lambda s: s["measures"]["gradients"].update(losses=["poincare"]), "lack cross_entropy"),
        (lambda s: s["measures"]["gradients"].update(pairs=1001), "orl-1000 holds 1000"),
        (lambda s: s["measures"]["gradients"].update(attack="ppb"), "did you mean 'ppa'"),
        (lambda s: s["attacks"]["ppa"].update(measures=["gradients"]), "is a measure of targets"),
        (lambda s: s["paper"]["figure5"].update(treatments=["ls0.10"]), "'ls0.10' is no part"),
    ],
)
def test_what_does_not_fit_is_told_at_the_start(scale, change, message):
    change(scale)
    with pytest.raises(MirageError, match=message):
        configuration.check({**CONFIG, "scales": {**CONFIG["scales"], "demo": scale}})
