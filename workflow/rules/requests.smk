"""Requests for time and memory, forecast job by job; a profile may override them."""

import dataclasses

import planning
from mirage.forecast.graph import plan, units_of

MODEL_SETTINGS = {
    "scale": SCALE,
    "classes_per_chunk": config["classes_per_chunk"],
    "forward_batch": config["forward_batch"],
    "optimise_batch": config["optimise_batch"],
    "device": config["device"],
    "presets": f"{HOME}/workflow/presets/forecast",
}
# Not among the settings: neither a calibration nor the report is made again for another limit.
LIMITS = {"longest_minutes": config["longest_minutes"], "most_mb": config["most_mb"]}
MODEL = load_model(
    **{**MODEL_SETTINGS, "presets": ROOT / "workflow/presets/forecast"},
    **LIMITS,
    results=Path(),
)


def request(asked_for, rule):
    """Resource function: what to ask for."""

    def resource(wildcards, attempt):
        return asked_for(Job.of(rule, **dict(wildcards.items())), attempt)

    return repeating.takes(resource, "wildcards", "attempt")


minutes = partial(request, MODEL.minutes)
megabytes = partial(request, MODEL.megabytes)


def calibration_minutes(_, attempt):
    """Time of a calibration: twice its seconds, and counting networks that are new."""
    wanted = attempt * (20 + int(2 * config["calibration_s"] / 60))
    return at_most(wanted, config["longest_minutes"])


def calibration_megabytes(_, attempt):
    """Memory of a calibration: small data sets, all networks in turn."""
    return at_most(attempt * 16000, config["most_mb"])


def attempts(_):
    """How often Snakemake starts a job before it gives up."""
    return 1 + workflow.execution_settings.retries


@cache
def jobs_behind(*targets):
    """Every job of some targets, nothing being there yet."""
    return planning.planned(workflow, targets)


def units_behind(*targets):
    """Kinds of work behind some targets, that of which most is done first.

    As they are before any store says its true size.
    """
    shop = dataclasses.replace(MODEL.workshop, results=None)
    units = units_of(plan(shop, jobs_behind(*targets)))
    return [dataclasses.asdict(unit) for unit in units]
