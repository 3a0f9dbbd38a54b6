"""What Snakemake plans, for both scales, without running anything."""

import re
from collections import Counter
from functools import cache

import pytest
import yaml
from projects import ROOT, TINY, Checkout
from snakemake.utils import update_config

LAST = 3
"""Attempts that a job has on a cluster: one, and two retries."""
OVERLAID = ("--configfile", str(TINY), str(TINY.parent / "lowres.yaml"))
LOWRES = [
    f"attacks/orl/resnet-mini/{treatment}/n3/s1/{attack}/metrics.json"
    for treatment in ("ls0", "mid0.01")
    for attack in ("gmi", "lomma")
]


def _jobs(told):
    table = told.split("Job stats:")[-1]
    return {rule: int(n) for rule, n in re.findall(r"^(\w+)\s+(\d+)\s*$", table, re.MULTILINE)}


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """What is told of a plan of everything, by scale or profile; planned once for this file.

    Of the paper with every asset in its place, on the last attempt, which asks for most.
    """

    @cache
    def told(of):
        checkout = Checkout(tmp_path_factory.mktemp(of))
        if of == "demo":
            return checkout.snakemake("-n", tiny=False).told
        checkout.fake_assets()
        asked = ("--profile", of, "all", "-n", "--attempt", str(LAST))
        return checkout.snakemake(*asked, tiny=False).told

    return told


def test_demo_plan(planned):
    jobs = _jobs(planned("demo"))
    seeds = len(
        yaml.safe_load((ROOT / "config.yaml").read_text())["scales"]["demo"]["targets"][0]["seeds"]
    )
    # two budgets of the main architecture; two others with two seeds; two early stops and two
    # defenses with three; four factors and four defenses with one; three networks per seed; Table
    # 8's treatments with one; Tables 11 and 12's on the digits with three
    low, digits = 7, 9 * 3
    faces = 2 * 3 * seeds + 6 * 2 + (2 + 2) * 3 + 4 + 4 + 3 * seeds + low
    assert jobs["train_target"] == faces + digits
    # both losses; the same others; with three seeds each who samples, what is optimised on, the
    # starting points and who selects; seven variants with two
    swapped, variants = 3 + 2 + 3 + 4, 7
    attacks = 2 * 2 * 3 * seeds + (6 + variants) * 2 + (2 + 2 + swapped) * 3 + 4 + 4
    assert jobs["embed_attack"] == jobs["score_attack"] == attacks + 7 * low
    assert "merge_chunks" not in jobs  # nothing is cut
    # who selects shares two stages; what is optimised on, the first
    assert jobs["run_stage"] == 3 * attacks - (4 * 2 + 2) * 3 + 7 * low  # those have one stage
    assert jobs["train_target_prior"] == 2 * low
    assert jobs["train_students"] == low
    assert jobs["synthesise_pool"] == seeds + 2  # the larger pool of a variant
    assert jobs["embed_real"] == jobs["calibrate_faces"] == jobs["fit_reference"] == seeds
    assert "train_prior" not in jobs  # its weights are shipped


def test_a_shipped_prior_is_no_jobs_output(checkout):
    for force in (("--forcerun", "train_prior"), ("--forceall",)):
        told = checkout.snakemake(*force, "-n", tiny=False).told
        assert "train_prior" not in _jobs(told)
    shipped = checkout.folder / "workflow/presets/priors"
    before = {path: path.read_bytes() for path in shipped.glob("*/*")}
    assert {path.parent.name for path in before} == {"orl-faces", "orl-wgan"}
    checkout.snakemake("all", "--delete-all-output", tiny=False)
    assert {path: path.read_bytes() for path in shipped.glob("*/*")} == before
    # Whoever wants a training of their own asks for it, into the results.
    files = [f"priors/{name}/generator.safetensors" for name in ("orl-faces", "orl-wgan")]
    assert _jobs(checkout.snakemake(*files, "-n", tiny=False).told)["train_prior"] == 2


def test_paper_plan_lists_what_is_missing(asked):
    told = asked.snakemake("--profile", "slurm", "all", "-n", tiny=False).told
    for name in (
        "FaceScrub",
        "CelebA",
        "68 landmarks",
        "ffhq.pkl",
        "FaceNet",
        "assets/imagenet/resnet152.pth",
        "assets/imagenet/vgg16_bn.pth",
        "assets/imagenet/efficientnet_b0.pth",
        "assets/released/FaceNet_95.88.tar",
        "celeba64",
        "ImageNette",
    ):
        assert name in told
    assert _jobs(told)["provide_asset"] == 22
    assert "list_landmarks_celeba.txt" not in told  # which nothing uses


def test_data_sets_can_be_asked_for_alone(asked):
    for dataset, assets in (("celeba64", 3), ("celeba64-public", 3), ("imagenette", 1)):
        target = f"data/{dataset}/manifest.json"
        told = asked.snakemake("--profile", "slurm", target, "-n", tiny=False).told
        assert _jobs(told) == {"prepare_store": 1, "provide_asset": assets, "total": 1 + assets}
    target = "data/celeba64-public/acceptance.json"
    told = asked.snakemake("--profile", "slurm", target, "-n", tiny=False).told
    assert _jobs(told)["prepare_store"] == 2


def test_paper_plan_with_assets(planned):
    told = planned("slurm")
    jobs = _jobs(told)
    assert "provide_asset" not in jobs
    # Tab. 2: 7 + 6 FaceScrub, 9 CelebA; Tab. 3: 6 + 6; Tab. 4: 15 + 9; two evaluators; Tab. 9: 4;
    # Tab. 8: 7; Tab. 12: 9 with 3 seeds, from random weights
    assert jobs["train_target"] == 7 + 6 + 9 + 6 + 6 + 15 + 9 + 2 + 2 + 2 + 7 + 9 * 3
    trained = [inputs for rule, inputs in _read(told) if rule == "train_target"]
    for inputs in trained:
        from_imagenet = any("resnet152" in path for path in inputs)
        assert not (from_imagenet and any("imagenette" in path for path in inputs))
    # KED-MI's and PLG-MI's priors and LOMMA's students of every target; one prior for the others
    assert (jobs["train_target_prior"], jobs["train_students"], jobs["train_prior"]) == (14, 7, 1)
    # chunks of 53 classes: 10 on FaceScrub (34 attacks), 19 on CelebA (24 attacks)
    whole = 34 * (1 + 2 * 10) + 24 * (1 + 2 * 19)
    # Tab. 5, 6, Fig. 6a: 3 samplings, 5 optimised, 3 starting points; Tab. 7: 4 selections anew
    stages = 3 + 5 * 2 * 10 + 3 * (1 + 2 * 10) + 4 * 10
    few = 2 + 3 + 9 + 1  # attacks of 50 people, in one chunk
    # Tab. 8, on each of 7: GMI, KED-MI and both of LOMMA 100 people at a time, the others 53
    low = 7 * (4 * 10 + 6 + 2 + 19)
    assert jobs["run_stage"] == whole + stages + 3 * few + low
    # A GPU job in the CPU partition would wait for ever: the profile has a line for every rule.
    blocks = re.split(r"\n(?=(?:local)?rule )", told)
    on_gpu = {block.split(":")[0].split()[-1]: block for block in blocks if "gpu=1" in block}
    assert {
        "train_target",
        "train_target_prior",
        "train_students",
        "run_stage",
        "measure_target",
    } <= set(on_gpu)
    for rule, block in on_gpu.items():
        for request in ("slurm_partition=gpu", "mem_mb=", "runtime="):
            assert request in block, (rule, request)
    # The FID's photographs are resized from the store, the others come from views.
    blocks = [part.split("output:")[0] for part in told.split("rule embed_real:")[1:]]
    read = [re.search(r"data/(\w+)/pixels\.safetensors", block) for block in blocks]
    assert {found[1] for found in read if found} == {"facescrub", "celeba"}


@pytest.mark.parametrize("profile", ["slurm", "workstation"])
def test_a_value_on_the_command_line_leaves_the_profiles_others(asked, profile):
    arguments = ("--profile", profile, "tables/table1.csv", "-n", "--config")
    told = asked.snakemake(*arguments, "classes_per_chunk=106", tiny=False).told
    # The paper's scale, 106 classes at a time: five attacks on FaceScrub, five on CelebA.
    assert _jobs(told)["run_stage"] == 5 * (1 + 2 * 5) + 5 * (1 + 2 * 10)


@pytest.mark.parametrize("profile", ["slurm", "workstation"])
def test_the_last_attempt_asks_for_no_more_than_there_is(planned, profile):
    """A workstation's memory is the limit of each request by Snakemake's own doing."""
    told = planned(profile)
    limits = {"slurm": {"runtime": 1440, "mem_mb": 120_000}, "workstation": {"mem_mb": 128_000}}
    for name, most in limits[profile].items():
        asked = [int(value) for value in re.findall(rf"\b{name}=(\d+)", told)]
        assert len(asked) > 1000
        assert max(asked) == most


def _asked(told):
    """What a training on FaceScrub asks for."""
    blocks = [part.split("\nrule ")[0] for part in told.split("rule train_target:")[1:]]
    return next(block for block in blocks if "output: targets/facescrub/resnet152/ls0/all" in block)


def test_a_workstation_plans_the_paper_scale(planned):
    block = _asked(planned("workstation"))
    assert "gpu=1" in block
    assert "slurm" not in block
    # One model forecasts the requests of both profiles: at least the training's own images.
    memory = re.search(r"mem_mb=(\d+)", block)
    assert memory[0] in _asked(planned("slurm"))
    assert int(memory[1]) / LAST > 34_090 * 3 * 224**2 / 1e6


def test_a_job_writes_a_few_files(planned):
    """A cluster's shared disk suffers from many small files: a chunk writes one, and its record."""
    told = planned("slurm")
    written = {}
    for rule, files in re.findall(
        r"^(?:local)?rule (\w+):\n(?:    input: .*\n)?    output: (.*)$", told, re.MULTILINE
    ):
        written[rule] = max(written.get(rule, 0), len(files.split(", ")))
    assert len(written) > 15
    assert written["run_stage"] == 2
    assert max(written.values()) <= 4


KNOWING_NO_ONE = {
    "train_prior", "import_prior", "train_target_prior", "train_students", "synthesise_pool",
    "run_stage", "merge_chunks",
}  # fmt: skip
"""Rules whose jobs see no private image."""


def _read(told):
    """Rule and inputs of every planned job."""
    for block in re.split(r"\n(?=(?:local)?rule )", told):
        if rule := re.match(r"(?:local)?rule (\w+):", block):
            inputs = re.search(r"^\s+input: (.*)$", block, re.MULTILINE)
            yield rule[1], inputs[1].split(", ") if inputs else []


def _views(scale):
    """Paths below which the images lie that priors and students may learn from."""
    sources = [prior["source"] for prior in scale["priors"].values()]
    sources += scale.get("students", {}).values()
    return tuple(f"data/{s['dataset']}/views/{s['view']}." for s in sources if "view" in s)


@pytest.fixture(scope="module")
def lowres(tmp_path_factory):
    """What is told of a plan of the low-resolution attacks."""
    checkout = Checkout(tmp_path_factory.mktemp("lowres"))
    return checkout.snakemake(*LOWRES, *OVERLAID, "-n", tiny=False).told


@pytest.mark.parametrize(("scale", "least"), [("demo", 200), ("paper", 200), ("tiny", 16)])
def test_no_attack_reads_a_private_image(planned, lowres, scale, least):
    """Attacks, and what equips them, have no image but public ones as input."""
    told = lowres if scale == "tiny" else planned("slurm" if scale == "paper" else scale)
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for file in (TINY, TINY.parent / "lowres.yaml") if scale == "tiny" else ():
        update_config(config, yaml.safe_load(file.read_text()))
    public = _views(config["scales"][scale])
    jobs = [inputs for rule, inputs in _read(told) if rule in KNOWING_NO_ONE]
    assert len(jobs) > least
    for inputs in jobs:
        for path in inputs:
            assert not path.startswith("data/") or path.startswith(public), path


def test_every_target_has_a_prior_and_students_to_itself(lowres):
    """Whatever a job reads of them lies below the target that it reads as well."""
    seen = Counter()
    for rule, inputs in _read(lowres):
        own = [path for path in inputs if "/priors/own-gan/" in path or "/students/" in path]
        targets = {path.partition("/weights.")[0] for path in inputs if "/weights." in path}
        if own and rule == "run_stage":
            assert {path.split("/priors/")[0].split("/students/")[0] for path in own} == targets
        if rule in ("train_target_prior", "train_students"):
            assert len(targets) == 1
            assert sorted(inputs) == ["data/orl-public/views/square16.safetensors", *(
                f"{target}/weights.safetensors" for target in targets
            )]  # fmt: skip
            seen[rule] += 1
    assert seen == {"train_target_prior": 2, "train_students": 2}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("ls0/n3/s1/priors/none/generator.safetensors", "priors has no 'none'. Expected: one of"),
        ("ls0/n3/s1/priors/gan/generator.safetensors", "priors/gan/generator.safetensors, which"),
        ("ls0/n3/s1/students/none.safetensors", "students has no 'none'. Expected: one of two"),
        ("ls0/n5/s1/priors/own-gan/generator.safetensors", "nothing says how to train"),
        ("lx0/n3/s1/students/two.safetensors", "no part of a treatment"),
    ],
)
def test_equipment_of_no_target_is_one_clear_message(asked, path, told):
    wanted = f"targets/orl/resnet-mini/{path}"
    done = asked.snakemake(wanted, *OVERLAID, "-n", tiny=False, check=False)
    assert done.returncode != 0
    assert told in done.told
    assert "Traceback (most recent call last)" not in done.told


def test_cells_of_no_item_are_made_and_told_once(checkout):
    """An attack that no table names, and a grid without attacks."""
    path = checkout.folder / "config.yaml"
    text = path.read_text()
    for was, becomes in (
        ("table2: {attacks: [ppa, ppa-ce]}", "table2: {attacks: [ppa]}"),
        (
            "seeds: [1, 2]\n        training: few\n        attacks: [ppa]",
            "seeds: [1, 2]\n        training: few\n        attacks: []",
        ),
    ):
        assert was in text
        text = text.replace(was, becomes, 1)
    path.write_text(text)
    told = checkout.snakemake("-n", tiny=False).told
    assert told.count("Extra, in the report but in no table or figure of the paper") == 1
    assert "attacks/orl/resnet-mini/ls0.1/n3/s1/ppa-ce, " in told
    jobs = _jobs(told)
    assert jobs["train_target"] == 2 * 3 * 8 + 6 * 2 + 4 * 3 + 4 + 4 + 3 * 8 + 7 + 9 * 3
    assert jobs["score_attack"] == 2 * 2 * 3 * 8 + 7 * 2 + 16 * 3 + 4 + 4 + 7 * 7
    assert (jobs["make_table"], jobs["draw_figure"], jobs["plot_figure"]) == (13, 5, 9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("steps: 40", "stepps: 40"), "Did you mean 'steps'?"),
        (("treatments: [ls0.1, ls0, ls-0.05]", "treatments: [ls1.5]"), "1.5"),
        (("samples: [3] ", "samples: [8] "), "7 training images per class"),
        (("candidates_per_class: 6", "candidates_per_class: 1001"), "holds 1000"),
        (("scale: demo ", "scale: dem "), "one of demo, paper"),
        (("n_selected: 3", "n_selected: 9"), "only 6"),
        (
            (
                "loss: poincare\n          crop_scale: [0.9",
                "discriminator_weight: 1\n          crop_scale: [0.9",
            ),
            "no multiple of the 4",
        ),
        (("gallery_classes: 24", "gallery_classes: 2"), "keeps 2"),
        (("dataset: orl-public\n          view", "dataset: orl\n          view"), "orl is private"),
        (
            ("architectures: [resnet-mini]", "architectures: [resnet-mimi]"),
            "did you mean 'resnet-mini'",
        ),
    ],
)
def test_a_wrong_configuration_is_one_clear_message(asked, change, message):
    path, text = asked.folder / "config.yaml", (ROOT / "config.yaml").read_text()
    assert change[0] in text
    path.write_text(text.replace(*change))
    done = asked.snakemake("-n", tiny=False, check=False)
    path.write_text(text)
    assert done.returncode != 0
    assert message in done.told
    assert "Traceback (most recent call last)" not in done.told
