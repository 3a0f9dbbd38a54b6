"""Table 13 and Figure 12, of made-up attacks and annotators."""

import math
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import yaml
from mirage.checkout import REPOSITORY
from mirage.errors import MirageError
from mirage.paper.drawing import save as save_figure
from mirage.paper.items import ITEMS
from mirage.paper.numbers import plain, read_table, write_table
from mirage.paper.presentation import describe
from mirage.paper.printed import print_table
from mirage.paper.render import html_fragment, latex
from mirage.paper.tables import make
from mirage.paper.userstudy.questionnaire import read_key, read_questions
from mirage.paper.userstudy.recipe import UserStudy, names, userstudies
from mirage.runtime import files
from mirage.study import configuration
from mirage.study.study import Study
from PIL import Image
from userstudy_models import (
    TREATMENTS,
    careless,
    export,
    gallery_of,
    reliable,
    save,
    write_pictures,
    write_study,
)

CONFIG = yaml.safe_load((Path(__file__).resolve().parents[3] / "config.yaml").read_text())
ANSWERS = f"{REPOSITORY}/answers/demo"


@pytest.fixture
def scale():
    """The demo's, to be changed."""
    return deepcopy(CONFIG["scales"]["demo"])


@pytest.fixture
def study(tmp_path, monkeypatch, scale):
    """Metrics of the three attacks, page and key; a folder for answers that is empty."""
    monkeypatch.chdir(tmp_path)
    Path(ANSWERS).mkdir(parents=True)
    write_pictures()
    write_study()
    study = Study(scale)
    for place, attack in enumerate(ITEMS["table13"].needs(study).attacks):
        accuracy = {"test_accuracy": 0.9 - place / 100, "calibration_error": 0.1}
        files.write_json(f"{attack.target.path}/metrics.json", accuracy)
        found = {"acc1": place / 10, "delta_face": 1.0 + place}
        files.write_json(f"{attack.path}/metrics.json", {"paper": found, "corrected": found})
    return study


def table13(study):
    """Rows, and the table as readers see it."""
    item, shown = ITEMS["table13"], describe(study, "demo")
    numbers = item.collected(study)
    rows = make(item, numbers, shown)
    parts = print_table(item, numbers, rows, shown, item.reading(study, shown))
    return rows, html_fragment(parts, shown), latex(parts, shown)


def answer(*choosers):
    for number, choose in enumerate(choosers):
        save(export("study/ORL.key.json", number, choose), f"{ANSWERS}/{number}.json")


def test_without_answers_the_table_says_how_to_get_them(study):
    rows, html, tex = table13(study)
    assert rows["treatment"].tolist() == TREATMENTS
    assert rows["answers"].tolist() == ["no answers yet"] * 3
    assert rows["user_preference"].isna().all()
    assert rows["user_preference_paper"].tolist() == [47.76, 17.16, 35.07]
    assert rows["acc1"].tolist() == [0.0, 10.0, 20.0]
    assert "ORL: no answers yet, so this claim was not tried. study/ORL.html opens from" in html
    assert "answers/demo in the repository" in html
    assert "User preference" in tex


def test_the_papers_counts_stand_beside_with_the_same_arithmetic(study):
    rows, html, _ = table13(study)
    assert rows["won_paper"].tolist() == [64, 23, 47]
    assert rows["ties_paper"].tolist() == [16] * 3
    assert rows["wilson_low_paper"].round(1).tolist() == [39.5, 11.7, 27.5]
    assert round(rows["p_largest_paper"][0], 3) == 0.946
    assert rows["p_runner_up_paper"].round(2).tolist() == [0.13] * 3
    assert "64:47: p = 0.13" in html
    assert "LS, α = −0.05 47.8 % [39.5, 56.2], all at once [37.7, 58.0]" in html
    assert "chosen most often does not show: its share is the largest with probability 0.9" in html
    assert "24 decided tasks would tell first from second in 7 % of studies; 420 would" in html


def test_answers_are_counted(study):
    """Eighteen people for negative smoothing, six of three different votes; one annotator out."""

    def votes(number):
        return reliable(lambda person: TREATMENTS[number if person < 6 else 0])

    answer(votes(0), votes(1), votes(2), careless)
    rows, html, _ = table13(study)
    first = rows.iloc[0]
    assert rows["user_preference"].tolist() == [100.0, 0.0, 0.0]
    assert rows["won"].tolist() == [18, 0, 0]
    assert (first["ties"], first["decided"], first["tasks_open"]) == (6, 18, 0)
    assert (first["annotators"], first["annotators_kept"]) == (4, 3)
    assert first["ties_as_thirds"] == pytest.approx(100 * 20 / 24)
    assert first["votes"] == pytest.approx(100 * (18 + 6 / 3) / 24)
    assert first["votes_low"] < first["votes"] < first["votes_high"]
    assert first["wilson_low"] == pytest.approx(100 * 18 / (18 + 1.959964**2), abs=1e-3)
    # 6 of 24 tasks have no agreeing pair; shares of the votes are 60/72 and twice 6/72.
    by_chance = (60**2 + 2 * 6**2) / 72**2
    assert first["fleiss_kappa"] == pytest.approx((0.75 - by_chance) / (1 - by_chance))
    assert "3 of 4 annotators kept" in html
    assert "of 18 decided tasks LS, α = −0.05 100.0 %" in html
    assert "chosen most often shows" in html


def test_too_few_votes_leave_the_shares_open(study):
    answer(reliable(lambda _: TREATMENTS[0]))
    rows, html, _ = table13(study)
    assert rows["user_preference"].isna().all()
    assert rows["answers"].tolist() == ["1 of 1 annotators kept, 24 tasks open"] * 3
    assert "ORL, this study" not in html


def test_refused_answers_stop_the_table(study):
    answer(reliable(lambda _: TREATMENTS[0]))
    Path(f"{ANSWERS}/torn.json").write_text("{")
    with pytest.raises(MirageError, match=r"torn\.json: it is no JSON"):
        table13(study)


def test_the_table_as_csv_reads_back(study):
    answer(*[reliable(lambda _: TREATMENTS[1])] * 3)
    rows, *_ = table13(study)
    write_table("table.csv", plain(rows))
    again = read_table("table.csv")
    assert again["user_preference"].tolist() == [0.0, 100.0, 0.0]
    assert {"goodman_high", "p_chance", "fleiss_kappa", "power", "won_paper"} <= set(again)


def test_needs_are_cells_keys_and_saved_answers(study):
    item = ITEMS["table13"]
    before = item.needs(study).inputs
    assert before.count("study/ORL.key.json") == 1
    assert f"attacks/orl/resnet-mini/{TREATMENTS[1]}/n3/s1/ppa/metrics.json" in before
    assert not any("answers" in path for path in before)
    answer(careless)
    Path(f"{ANSWERS}/.hidden.json").touch()
    Path(f"{ANSWERS}/notes.txt").touch()
    assert set(item.needs(study).inputs) - set(before) == {f"{ANSWERS}/0.json"}


def test_the_figure_is_a_task_of_the_page_and_no_honeypot(study):
    item, shown = ITEMS["figure12"], describe(study, "demo")
    assert item.needs(study).inputs == ["study/ORL.html", "study/ORL.key.json"]
    figure = item.draw(study, shown)
    images = [axes.get_images()[0] for axes in figure.axes]
    assert [axes.get_title() for axes in figure.axes][5:] == ["Option 1", "Option 2", "Option 3"]
    assert len(images) == 8
    key = read_key("study/ORL.key.json")
    tasks = read_questions("study/ORL.html")["tasks"]
    task = next(one for one in tasks if key.tasks[one["name"]].answer is None)
    person = key.tasks[task["name"]].person
    for place, name in enumerate(task["options"]):
        what = key.tasks[task["name"]].options[name]
        held = files.load_tensors(gallery_of(what))
        expected = held["images"][held["labels"].tolist().index(person)][0].numpy().astype(int)
        drawn = np.asarray(images[5 + place].get_array())[..., 0].astype(int)
        assert np.abs(drawn - expected).mean() < 8  # noise through a JPEG
    for name in ("first", "again"):
        save_figure(item.draw(study, shown), f"{name}.png")
    assert Path("first.png").read_bytes() == Path("again.png").read_bytes()
    with Image.open("first.png") as file:
        assert file.size[0] > 1000


def test_the_report_does_not_say_which_option_is_which(study):
    shown = describe(study, "demo")
    (told,) = ITEMS["figure12"].reading(study, shown)
    text = told + ITEMS["figure12"].told(False)
    assert not [name for name in (*TREATMENTS, "MID", "BiDO", "α") if name in text]


def test_studies_of_the_paper_are_of_the_models_of_table_1():
    study = Study(CONFIG["scales"]["paper"])
    assert names(study.scale) == ["FaceScrub", "CelebA"]
    first, second = userstudies(study)
    assert (first.tasks, second.tasks) == (150, 150)
    in_table1 = set(ITEMS["table1"].needs(study).attacks)
    assert {*first.attacks.values(), *second.attacks.values()} < in_table1
    assert first.groups == {"actors": "0-264", "actresses": "265-529"}
    assert first.photographs == "data/facescrub/views/short224.safetensors"


def test_a_scale_without_user_studies_has_none(scale):
    assert names({**scale, "paper": {}}) == names({**scale, "paper": {"userstudy": None}}) == []
    demo = UserStudy(Study(scale), "ORL")
    assert (demo.page, demo.key) == ("study/ORL.html", "study/ORL.key.json")
    assert demo.galleries == [gallery_of(treatment) for treatment in TREATMENTS]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": 25}, "paper.userstudy.studies.ORL.tasks: 25 people, but evaluation.gallery_"),
        ({"treatments": ["ls0", "mid0.005"]}, "treatments"),
        ({"treatments": ["ls0", "ls0", "mid0.005"]}, "treatments"),
        ({"treatments": ["ls0", "mid0.005", "bido0.05"]}, "'bido0.05' is no part"),
        ({"dataset": "orm"}, "'orm' is not among datasets"),
    ],
)
def test_what_does_not_fit_a_user_study_is_told_at_the_start(scale, change, message):
    scale["paper"]["userstudy"]["studies"]["ORL"].update(change)
    with pytest.raises(MirageError, match=message):
        configuration.check({**CONFIG, "scales": {**CONFIG["scales"], "demo": scale}})


def test_two_studies_of_one_data_set_and_names_that_are_no_names_are_refused(scale):
    studies = scale["paper"]["userstudy"]["studies"]
    for name, message in (("Again", "Again.dataset: ORL is of orl, too"), ("../up", "letters and")):
        whole = {**scale, "paper": {**scale["paper"]}}
        entry = {**scale["paper"]["userstudy"], "studies": {**studies, name: studies["ORL"]}}
        whole["paper"]["userstudy"] = entry
        with pytest.raises(MirageError, match=message):
            configuration.check({**CONFIG, "scales": {**CONFIG["scales"], "demo": whole}})


def test_nothing_is_known_of_no_votes(study):
    rows, *_ = table13(study)
    for column in ("won", "wilson_low", "p_largest", "votes", "fleiss_kappa"):
        assert all(value is None or math.isnan(value) for value in rows[column])
