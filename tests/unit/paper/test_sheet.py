"""Sample sheets, from small files made up here."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from mirage.data.views import FORMAT, VERSION
from mirage.errors import MirageError
from mirage.evaluation.gallery import drawn
from mirage.evaluation.stored import AttackFeatures
from mirage.paper.drawing import save
from mirage.paper.items import ITEMS
from mirage.paper.numbers import read_table, write_table
from mirage.paper.presentation import describe
from mirage.runtime import files
from mirage.study import configuration
from mirage.study.study import Study
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
TREATMENTS = ["ls0", "ls0.1", "ls-0.05", "mid0.005", "bido0.05_0.5"]
PX, EACH, PEOPLE = 32, 3, 24
VIEW = "data/orl/views/square32.safetensors"
ATTACKED = [label for label in range(PEOPLE) if label != 2]  # 2 would be the first of all
SHOWN = drawn(ATTACKED, 4)


def _cell(treatment):
    return f"attacks/orl/resnet-mini/{treatment}/n3/s1/ppa"


def _grey(*values):
    """Plain images of so many grey levels."""
    return torch.tensor(values, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, PX, PX)


def _place(column, row):
    """Which place the evaluation network gives the person of a row (from 1): made up."""
    return 1 if row < column else 2 + row


@pytest.fixture
def scale():
    """The demo's, with sheets of four people."""
    scale = deepcopy(CONFIG["scales"]["demo"])
    for name in ("figure3", "figure9"):
        scale["paper"][name]["classes"] = len(SHOWN)
    return scale


@pytest.fixture
def study(tmp_path, monkeypatch, scale):
    """Five attacks on all people but one; galleries of six of them; photographs of everyone."""
    monkeypatch.chdir(tmp_path)
    labels = torch.arange(PEOPLE).repeat(EACH)
    train = torch.arange(PEOPLE * EACH).flip(0)  # the last photograph of each is the first here
    files.save_tensors(
        VIEW,
        {"pixels": _grey(*range(PEOPLE * EACH)), "labels": labels, "train": train, "test": train},
        {"format": FORMAT, "version": VERSION, "identities": [], "dataset": {"split": None}},
    )
    kept = sorted(drawn(ATTACKED, 6))
    for column, treatment in enumerate(TREATMENTS):
        images = _grey(*(100 + 20 * column + kept.index(one) for one in kept))
        files.save_tensors(
            f"{_cell(treatment)}/gallery.safetensors",
            {"images": images, "labels": torch.tensor(kept)},
        )
        logits = {"eval.paper": _logits(column), "eval.corrected": np.zeros((23, 2, PEOPLE))}
        found = AttackFeatures(np.array(ATTACKED), {}, logits)
        found.save(f"{_cell(treatment)}/features.safetensors")
    return Study(scale)


def _logits(column):
    """Best results as ``_place`` has them; every second best is a hit, which must not count."""
    logits = np.zeros((len(ATTACKED), 2, PEOPLE), np.float32)
    for index, one in enumerate(ATTACKED):
        logits[index, 1, one] = 1
        ahead = _place(column, SHOWN.index(one)) - 1 if one in SHOWN else 0
        others = [label for label in range(PEOPLE) if label != one]
        logits[index, 0, others[:ahead]] = 2
        logits[index, 0, one] = 1
    return logits


def test_the_people_are_the_first_attacked_of_the_draw_in_every_column(study):
    table = ITEMS["figure9"].data(study, describe(study, "demo"))
    assert list(dict.fromkeys(table["model"])) == ["training image", *TREATMENTS]
    assert table["class"].tolist() == 6 * SHOWN
    assert 2 not in SHOWN
    for column, treatment in enumerate(TREATMENTS):
        places = table.loc[table["model"] == treatment, "place"].tolist()
        assert places == [_place(column, row) for row in range(len(SHOWN))]
    assert table["place"].isna().sum() == len(SHOWN)


def test_each_image_stands_where_the_table_says_with_its_mark(study, tmp_path):
    item, shown = ITEMS["figure9"], describe(study, "demo")
    assert all(Path(path).is_file() for path in item.needs(study).inputs)
    table = item.data(study, shown)
    write_table("sheet.csv", table)
    for name, numbers in (("first", table), ("again", read_table("sheet.csv"))):
        save(item.draw(numbers, shown), f"{name}.png")
    assert Path("first.png").read_bytes() == Path("again.png").read_bytes()
    kept = sorted(drawn(ATTACKED, 6))
    with Image.open("first.png") as file:
        drawn_so = np.asarray(file.convert("L")).astype(int)
    side, gap = 160, 5
    for row, one in enumerate(SHOWN):
        for column in range(6):
            left = column * (side + gap) + (4 * gap if column else 0)
            cell = drawn_so[64 + row * (side + gap) :][:side, left : left + side]
            photograph = PEOPLE * (EACH - 1) + one
            expected = 100 + 20 * (column - 1) + kept.index(one) if column else photograph
            assert cell[side // 2, side // 2] == expected
            corner = cell[-30:, -30:]
            if column == 0:
                assert np.ptp(cell) == 0
            else:  # most of the disc is light with a tick, dark with a cross
                light, dark = (corner > 230).sum(), (corner < 30).sum()
                assert (light > 2 * dark) == (_place(column - 1, row) == 1)
                assert max(light, dark) > 200
                assert np.ptp(cell[:-30]) == np.ptp(cell[:, :-30]) == 0


def test_headings_are_the_symbols_and_the_strengths(study):
    item, shown = ITEMS["figure9"], describe(study, "demo")
    texts = [text.get_text() for text in item.draw(item.data(study, shown), shown).texts]
    assert texts == [
        "training image", "α = 0", "α = 0.1", "α = −0.05", "MID\nβ = 0.005",
        "BiDO\nλ = (0.05, 0.5)",
    ]  # fmt: skip


def test_the_reading_counts_hits_of_the_scales_fidelity(study, scale):
    item = ITEMS["figure9"]
    whose, counts = item.reading(study, describe(study, "demo"))
    assert whose.startswith("ORL faces (24 private people), resnet-mini, 3 training images per ")
    assert f"seed 1. From the top, classes {', '.join(map(str, SHOWN))}." in whose
    assert counts.startswith("Of 4 results of each model, one per person, the evaluation network ")
    assert (
        "for the person: 0 (α = 0), 1 (α = 0.1), 2 (α = −0.05), 3 (MID β = 0.005), "
        "4 (BiDO λ = (0.05, 0.5))."
    ) in counts
    # Of equal logits the lower index ranks higher: the other fidelity has no hit but class 0.
    other = Study({**scale, "fidelity": "corrected"})
    _, told = item.reading(other, describe(other, "demo"))
    hits = int(0 in SHOWN)
    assert f"for the person: {hits} (α = 0), {hits} (α = 0.1)" in told


def test_a_gallery_of_other_people_is_told(study):
    """As those of before the draw, which kept the first classes."""
    path = f"{_cell('ls0.1')}/gallery.safetensors"
    files.save_tensors(path, {"images": _grey(0, 1), "labels": torch.tensor([0, 1])})
    with pytest.raises(MirageError, match=rf"ls0.1/n3/s1/ppa/gallery.* no images .* {SHOWN[0]}, "):
        ITEMS["figure9"].data(study, describe(study, "demo"))


def test_a_sheet_reads_photographs_galleries_and_verdicts(scale):
    images, *others = ITEMS["figure3"].needs(Study(scale)).inputs
    assert images == VIEW
    assert others == [
        f"{_cell(treatment)}/{name}.safetensors"
        for treatment in TREATMENTS[:3]
        for name in ("gallery", "features")
    ]


def test_sheets_of_the_paper_are_of_its_models():
    paper = CONFIG["scales"]["paper"]["paper"]
    assert paper["figure3"]["samples"] == 30
    assert [paper[name]["dataset"] for name in ("figure9", "figure10")] == ["facescrub", "celeba"]
    for name in ("figure9", "figure10"):
        assert paper[name]["treatments"] == TREATMENTS
        assert paper[name]["samples"] == "all"
        assert "(0.05, 0.5)" in ITEMS[name].caption


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("figure9", {"classes": 25}, "paper.figure9.classes: 25 classes, but evaluation.gallery_"),
        ("figure9", {"classes": 0}, "paper.figure9.classes"),
        ("figure9", {"treatments": ["ls0", "ls0"]}, "paper.figure9.treatments"),
        ("figure9", {"treatments": ["bido0.05"]}, "paper.figure9: 'bido0.05' is no part"),
    ],
)
def test_what_does_not_fit_a_sheet_is_told_at_the_start(scale, name, change, message):
    scale["paper"][name].update(change)
    with pytest.raises(MirageError, match=message):
        configuration.check({**CONFIG, "scales": {**CONFIG["scales"], "demo": scale}})
