"""What it saves to take images together: hours in batches, and one image at a time."""

from typing import Any

from mirage.forecast.graph import Plan, units_of
from mirage.forecast.speeds import Model

LEAST_HOURS = 1
"""Work of less than this, one image at a time, is left out."""


def rows(model: Model, jobs: Plan) -> list[dict[str, Any]]:
    """GPU-hours of each kind of work whose batch a setting cuts, the most first; GPUs only.

    An image alone takes as long as the operators of its step take to start, at least. What is
    called an image of RLB-MI is an episode of one class.

    Returns:
        ``work``, ``images`` of a step, ``hours`` in such steps, ``alone_hours``: the least.
    """
    if model.speeds.device != "cuda":
        return []
    found: list[dict[str, Any]] = []
    images: dict[str, float] = {}
    for task in jobs.values():
        for unit, count in task.work.calls:
            images[unit.timed_key] = images.get(unit.timed_key, 0.0) + count
    for unit in units_of(jobs):
        hours = images[unit.timed_key] / 3600  # of one second each
        alone = hours * model.speeds.seconds_alone(unit)
        if unit.setting is not None and alone >= LEAST_HOURS:
            found.append(
                {
                    "work": f"{unit.kind} {unit.name}",
                    "images": unit.batch,
                    "hours": hours * model.speeds.seconds(unit),
                    "alone_hours": alone,
                }
            )
    return sorted(found, key=lambda row: -float(row["alone_hours"]))
