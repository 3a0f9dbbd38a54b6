"""The forecast through Snakemake: from nothing, without assets, against what Snakemake plans."""

import json
import re
import sys

import pytest
import yaml
from mirage.forecast import summary
from mirage.forecast.counting import counted
from mirage.forecast.graph import plan, units_of
from mirage.forecast.speeds import load_model
from projects import ROOT, TINY

sys.path.append(str(ROOT / "tests/unit/forecast"))
from forecast_models import planned

PAPER = ("scale=paper", "device=cuda", "classes_per_chunk=53", "optimise_batch=50")


def _jobs(told):
    table = told.split("Job stats:")[-1]
    return {rule: int(n) for rule, n in re.findall(r"^(\w+)\s+(\d+)\s*$", table, re.MULTILINE)}


def _model(checkout, results, *extra):
    config = yaml.safe_load((checkout.folder / "config.yaml").read_text())
    for path in extra:
        changes = yaml.safe_load(path.read_text())
        config = {**config, **changes, "scales": {**config["scales"], **changes["scales"]}}
    return load_model(
        config["scales"][config["scale"]], config["classes_per_chunk"], config["forward_batch"],
        config["optimise_batch"], "cpu", checkout.folder / "workflow/presets/forecast", results,
    )  # fmt: skip


def test_the_demo_is_forecast_from_nothing_and_measured_once(checkout):
    planned = _jobs(checkout.snakemake("-n", tiny=False).told)
    told = checkout.snakemake("forecast", "--config", "calibration_s=2", tiny=False).told
    results = checkout.folder / "results/demo"
    assert "measured speeds" in told
    assert (results / "forecast.csv").is_file()
    assert "<table>" in (results / "forecast.html").read_text()
    found = json.loads((results / "forecast.json").read_text())
    assert {row["target"] for row in found["targets"]} >= {"all", "tables/table1.csv"}
    again = checkout.snakemake("forecast", "--config", "calibration_s=2", tiny=False).told
    assert "rule calibrate" not in again
    assert "Wall time by number of cores" in again
    # Planning is untouched by what was measured.
    assert _jobs(checkout.snakemake("-n", tiny=False).told) == planned
    _measured_on_a_cpu_is_nothing_to_a_gpu(checkout, results)


def _measured_on_a_cpu_is_nothing_to_a_gpu(checkout, results):
    gpu = ("--config", "scale=demo", "device=cuda")
    target = "targets/orl/resnet-mini/ls0/n3/s1/metrics.json"
    requests = checkout.snakemake(target, "-n", *gpu, tiny=False).told
    told = checkout.snakemake("forecast", *gpu, "calibration_s=0", tiny=False).told
    assert "(cpu) is left aside, since the jobs' device is cuda" in told
    again = checkout.snakemake(
        "--profile", "slurm", "forecast", "-n", *gpu, "calibration_s=2", tiny=False
    ).told
    calibrate = again.split("rule calibrate:")[1].split("\nrule ")[0]
    assert "slurm_partition=gpu" in calibrate
    assert "Params have changed" in calibrate
    (results / "forecast/calibration.json").unlink()
    bare = checkout.snakemake(target, "-n", *gpu, tiny=False).told
    asked = r"(?:runtime|mem_mb)=\d+"
    assert re.findall(asked, requests) == re.findall(asked, bare) != []


def test_the_paper_is_forecast_without_assets_or_a_gpu(checkout):
    told = checkout.snakemake("forecast", "--config", *PAPER, "calibration_s=0", tiny=False).told
    assert "Nothing has been measured yet" in told
    assert "one A100" in told
    assert "Largest batch by memory of the GPU" in told
    assert "images.safetensors" in told


def test_limits_reach_the_forecast_with_the_attempts_a_job_has(checkout):
    limits = ("longest_minutes=60", "most_mb=9000", "calibration_s=0")
    told = checkout.snakemake(
        "--profile", "workstation", "forecast", "--config", *PAPER, *limits, tiny=False
    ).told
    assert "Requests cut to longest_minutes (60): prepare_store (from attempt 2 on), " in told
    assert "Not done after 3 times 60 minutes: train_target (" in told
    assert "Will not fit into 9000 MB: train_target (" in told


def test_limits_hold_for_a_calibration(checkout):
    told = checkout.snakemake(
        "--profile", "slurm", "calibrate", "-n", "--config", *PAPER, "longest_minutes=15",
        "most_mb=9000", tiny=False,
    ).told  # fmt: skip
    assert re.findall(r"(?:runtime|mem_mb)=\d+", told) == ["mem_mb=9000", "runtime=15"]


@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_the_forecast_knows_every_job_snakemake_plans(checkout, scale):
    if scale == "paper":
        checkout.fake_assets()
    settings = ("scale=paper", "device=cuda") if scale == "paper" else ("scale=demo",)
    jobs = _jobs(checkout.snakemake("all", "-n", "--config", *settings, tiny=False).told)
    told = checkout.snakemake("forecast", "--config", *settings, "calibration_s=0", tiny=False)
    assert told.returncode == 0
    found = json.loads((checkout.folder / f"results/{scale}/forecast.json").read_text())
    forecast = {row["rule"]: row["jobs"] for row in found["rules"]}
    assert {rule: jobs[rule] for rule in forecast} == forecast


@pytest.fixture(scope="module")
def of_the_tiny_study(finished):
    """Its model and its plan, counted now that all is there."""
    settings, model = yaml.safe_load(TINY.read_text()), _model(finished, finished.results, TINY)
    told = planned(finished.folder, finished.results, **settings)
    model = model.with_counts(counted(units_of(plan(model.workshop, told)), {}))
    return model, plan(model.workshop, told)


def test_files_have_the_sizes_forecast(finished, of_the_tiny_study):
    _, jobs = of_the_tiny_study
    compared = 0
    for task in jobs.values():
        for path, size in task.outputs.items():
            real = finished.results / path
            big = real.suffix == ".safetensors" and "toy" not in path
            if big and path not in task.temporary and not path.startswith("priors/orl-faces"):
                header = 8_000  # names, shapes and settings
                # Features may be stored in one fidelity where both are the same.
                least = 0.45 if path.startswith("evaluation/") else 0.9
                assert least * size - header <= real.stat().st_size <= 1.1 * size + header, path
                compared += 1
    assert compared > 30


def test_every_job_that_ran_is_in_the_plan_of_a_finished_study(finished, of_the_tiny_study):
    """Nothing being there yet is no matter of what is there: the plan is that of the first run."""
    _, jobs = of_the_tiny_study
    ran = _jobs(finished.first.told)
    assert len(jobs) == ran["total"] - ran["all"]
    assert {job.rule for job in jobs} | {"all", "total"} == set(ran)


NEW_RULE = """

rule count_letters:
    input:
        "report.html",
    output:
        letters="letters/{size}.txt",
    resources:
        runtime=minutes("count_letters"),
    shell:
        "wc -m {input} > {output}"
"""
NEW_COST = """

def count_letters(shop, wildcards):
    return Work(outputs={"letters": 1e6 * int(wildcards["size"])}, light_s=3600)


COSTS["count_letters"] = count_letters
"""


def test_a_new_rule_touches_nothing_in_the_forecast(checkout):
    """The rule alone costs next to nothing; a line beside its code says what it does cost."""
    snakefile, rules = checkout.folder / "Snakefile", checkout.folder / "workflow/rules/paper.smk"
    snakefile.write_text(snakefile.read_text() + '        "letters/300.txt",\n')
    rules.write_text(rules.read_text() + NEW_RULE)
    hours = []
    for cost in ("", NEW_COST):
        path = checkout.folder / "workflow/scripts/mirage/paper/cost.py"
        path.write_text(path.read_text() + cost)
        checkout.snakemake("forecast", "--config", "calibration_s=0", tiny=False)
        told = json.loads((checkout.folder / "results/demo/forecast.json").read_text())
        row = next(row for row in told["rules"] if row["rule"] == "count_letters")
        assert row["jobs"] == 1
        hours.append(row["hours"])
    assert hours == [0, pytest.approx(1, rel=0.01)]
    assert {"letters/300.txt": 3e8}.items() <= {r["what"]: r["bytes"] for r in told["disk"]}.items()
    asked = checkout.snakemake("letters/300.txt", "-n", tiny=False).told
    assert "runtime=161" in asked  # ten minutes, and 2.5 times the hour and the writing


def test_finished_jobs_are_held_against_their_forecast(finished, of_the_tiny_study):
    model, _ = of_the_tiny_study
    records = [json.loads(p.read_text()) for p in (finished.results / "jobs").rglob("*.json")]
    compared = summary.compare(model, records)
    assert {"train_target", "run_stage", "score_attack"} <= set(compared)
    for row in compared.values():
        assert 0.3 < row["memory_ratio"] < 3
    page = (finished.results / "report.html").read_text()
    assert "time / forecast" in page
