"""What Snakemake plans, for both scales, without running anything."""

import re

import pytest
import yaml
from projects import ROOT


def _jobs(told):
    table = told.split("Job stats:")[-1]
    return {rule: int(n) for rule, n in re.findall(r"^(\w+)\s+(\d+)\s*$", table, re.MULTILINE)}


def test_demo_plan(checkout):
    jobs = _jobs(checkout.snakemake("-n", tiny=False).told)
    seeds = len(
        yaml.safe_load((ROOT / "config.yaml").read_text())["scales"]["demo"]["targets"][0]["seeds"]
    )
    # two budgets of the main architecture; two others, and four factors, with two seeds; two early
    # stops and six defenses with three; three networks per seed
    assert jobs["train_target"] == 2 * 3 * seeds + (6 + 4) * 2 + (2 + 6) * 3 + 3 * seeds
    # both losses; the same others; with three seeds each who samples, what is optimised on, the
    # starting points, who selects, and seven variants
    swapped, variants = 3 + 2 + 3 + 4, 7
    attacks = 2 * 2 * 3 * seeds + (6 + 4) * 2 + (2 + 6 + swapped + variants) * 3
    assert jobs["merge_chunks"] == jobs["score_attack"] == attacks
    # who selects shares two stages; what is optimised on, the first
    assert jobs["run_stage"] == 3 * attacks - (4 * 2 + 2) * 3
    assert jobs["synthesise_pool"] == seeds + 3  # the larger pool of a variant
    assert jobs["embed_real"] == jobs["calibrate_faces"] == seeds
    assert "train_prior" not in jobs  # its weights are shipped


def test_the_shipped_prior_is_no_jobs_output(checkout):
    for force in (("--forcerun", "train_prior"), ("--forceall",)):
        told = checkout.snakemake(*force, "-n", tiny=False).told
        assert "train_prior" not in _jobs(told)
    shipped = checkout.folder / "workflow/presets/priors/orl-faces"
    before = {path.name: path.read_bytes() for path in shipped.iterdir()}
    checkout.snakemake("all", "--delete-all-output", tiny=False)
    assert {path.name: path.read_bytes() for path in shipped.iterdir()} == before
    # Whoever wants a training of their own asks for it, into the results.
    told = checkout.snakemake("priors/orl-faces/generator.safetensors", "-n", tiny=False).told
    assert _jobs(told)["train_prior"] == 1


def test_paper_plan_lists_what_is_missing(checkout):
    told = checkout.snakemake("--profile", "slurm", "all", "-n", tiny=False).told
    for name in (
        "FaceScrub",
        "CelebA",
        "68 landmarks",
        "ffhq.pkl",
        "FaceNet",
        "assets/imagenet/resnet152.pth",
    ):
        assert name in told
    assert _jobs(told)["provide_asset"] == 14
    for unused in ("imagenette", "celeba64", "list_landmarks_celeba.txt"):
        assert unused not in told


def test_datasets_no_table_uses_can_be_asked_for(checkout):
    for dataset, assets in (("celeba64", 3), ("celeba64-public", 3), ("imagenette", 1)):
        target = f"data/{dataset}/manifest.json"
        told = checkout.snakemake("--profile", "slurm", target, "-n", tiny=False).told
        assert _jobs(told) == {"prepare_store": 1, "provide_asset": assets, "total": 1 + assets}
    target = "data/celeba64-public/acceptance.json"
    told = checkout.snakemake("--profile", "slurm", target, "-n", tiny=False).told
    assert _jobs(told)["prepare_store"] == 2


@pytest.fixture
def assets(checkout):
    checkout.fake_assets()
    return checkout


def test_paper_plan_with_assets(assets):
    told = assets.snakemake("--profile", "slurm", "all", "-n", tiny=False).told
    jobs = _jobs(told)
    assert "provide_asset" not in jobs
    # Tab. 2: 7 + 6 FaceScrub, 9 CelebA; Tab. 3: 6 + 6; Tab. 4: 15 + 9; two evaluators; Tab. 9: 4
    assert jobs["train_target"] == 7 + 6 + 9 + 6 + 6 + 15 + 9 + 2 + 2 + 2
    # chunks of 53 classes: 10 on FaceScrub (34 attacks), 19 on CelebA (24 attacks)
    whole = 34 * (1 + 2 * 10) + 24 * (1 + 2 * 19)
    # Tab. 5, 6, Fig. 6a: 3 samplings, 5 optimised, 3 starting points; Tab. 7: 4 selections anew
    stages = 3 + 5 * 2 * 10 + 3 * (1 + 2 * 10) + 4 * 10
    few = 2 + 3 + 9 + 1  # attacks of 50 people, in one chunk
    assert jobs["run_stage"] == whole + stages + 3 * few
    # A GPU job in the CPU partition would wait for ever: the profile has a line for every rule.
    blocks = re.split(r"\n(?=(?:local)?rule )", told)
    on_gpu = {block.split(":")[0].split()[-1]: block for block in blocks if "gpu=1" in block}
    assert {"train_target", "run_stage", "measure_attack", "measure_target"} <= set(on_gpu)
    for rule, block in on_gpu.items():
        for request in ("slurm_partition=gpu", "mem_mb=", "runtime="):
            assert request in block, (rule, request)
    # The FID's photographs are resized from the store, the others come from views.
    block = told.split("rule embed_real:")[1].split("output:")[0]
    assert re.search(r"data/\w+/pixels\.safetensors", block)


@pytest.mark.parametrize("profile", ["slurm", "workstation"])
def test_a_value_on_the_command_line_leaves_the_profiles_others(checkout, profile):
    arguments = ("--profile", profile, "tables/table1.csv", "-n", "--config")
    told = checkout.snakemake(*arguments, "classes_per_chunk=106", tiny=False).told
    # The paper's scale, 106 classes at a time: five attacks on FaceScrub, five on CelebA.
    assert _jobs(told)["run_stage"] == 5 * (1 + 2 * 5) + 5 * (1 + 2 * 10)


@pytest.mark.parametrize("profile", ["slurm", "workstation"])
def test_the_last_attempt_asks_for_no_more_than_there_is(assets, profile):
    """A workstation's memory is the limit of each request by Snakemake's own doing."""
    told = assets.snakemake("--profile", profile, "all", "-n", "--attempt", "3", tiny=False).told
    limits = {"slurm": {"runtime": 1440, "mem_mb": 120_000}, "workstation": {"mem_mb": 128_000}}
    for name, most in limits[profile].items():
        asked = [int(value) for value in re.findall(rf"\b{name}=(\d+)", told)]
        assert len(asked) > 1000
        assert max(asked) == most


def test_a_job_writes_a_few_files(assets):
    """A cluster's shared disk suffers from many small files: a chunk writes one, and its record."""
    told = assets.snakemake("--profile", "slurm", "all", "-n", tiny=False).told
    written = {}
    for rule, files in re.findall(
        r"^(?:local)?rule (\w+):\n(?:    input: .*\n)?    output: (.*)$", told, re.MULTILINE
    ):
        written[rule] = max(written.get(rule, 0), len(files.split(", ")))
    assert len(written) > 15
    assert written["run_stage"] == 2
    assert max(written.values()) <= 4


def test_no_attack_reads_a_private_image(assets):
    """Walk both plans: attack and prior jobs have no file of a private data set as input."""
    for arguments in ((), ("--profile", "slurm")):
        told = assets.snakemake(*arguments, "all", "-n", tiny=False).told
        seen = 0
        for block in re.split(r"\n(?=(?:local)?rule )", told):
            rule = re.match(r"(?:local)?rule (\w+):", block)
            if rule and rule[1] in {
                "train_prior", "import_prior", "synthesise_pool", "run_stage", "merge_chunks",
            }:  # fmt: skip
                seen += 1
                inputs = re.search(r"^\s+input: (.*)$", block, re.MULTILINE)
                assert "data/" not in (inputs[1] if inputs else "")
        assert seen > 200


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
    assert jobs["train_target"] == 2 * 3 * 8 + 10 * 2 + 8 * 3 + 3 * 8
    assert jobs["score_attack"] == 2 * 2 * 3 * 8 + 4 * 2 + 27 * 3
    assert (jobs["make_table"], jobs["draw_figure"], jobs["plot_figure"]) == (9, 3, 9)


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
def test_a_wrong_configuration_is_one_clear_message(checkout, change, message):
    path = checkout.folder / "config.yaml"
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change))
    done = checkout.snakemake("-n", tiny=False, check=False)
    assert done.returncode != 0
    assert message in done.told
    assert "Traceback (most recent call last)" not in done.told
