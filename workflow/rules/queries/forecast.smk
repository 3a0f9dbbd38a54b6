"""What the forecast asks Snakemake and the study: jobs, and the kinds of work they are made of."""

import dataclasses
import functools

import planning
from mirage.forecast.graph import plan, units_of

WORK_COUNTS = f"{HOME}/workflow/presets/forecast/work.json"


@functools.cache
def jobs_behind(*targets):
    """Every job of some targets, nothing being there yet."""
    return planning.planned(workflow, targets)


def units_behind(*targets):
    """Kinds of work behind some targets, as they are before any store says its true size."""
    shop = dataclasses.replace(MODEL.workshop, results=None)
    units = units_of(plan(shop, jobs_behind(*targets)))
    return [dataclasses.asdict(unit) for unit in units]


def study_jobs(_):
    """Every job of the study."""
    return jobs_behind("all")


def study_units(_):
    """Every kind of work of the study, that of which most is done first."""
    return units_behind("all")


def all_units(_):
    """The same, and that of training the priors that are shipped."""
    trained = [
        f"priors/{name}/generator.safetensors"
        for name, entry in SCALE["priors"].items()
        if entry["source"]["kind"] == "trained"
    ]
    return units_behind("all", *trained)
