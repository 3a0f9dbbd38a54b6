"""The forecast as a table: per target, per rule, disk, wall time, and what to set."""

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mirage.errors import MirageError
from mirage.forecast import disk, notes, together
from mirage.forecast.graph import Plan, parts, units_of
from mirage.forecast.schedule import simulate
from mirage.forecast.speeds import Estimate, Model
from mirage.forecast.work import Job, attack_of, costs, target_of
from mirage.study.stages import Stages

DEVICES = (1, 2, 4, 8, 16, 32)
"""Numbers of devices for which the wall time is simulated."""

CHUNK_HOURS = (1, 2, 4, 8)
_CORES = 8  # of CPU jobs beside a cluster's GPUs
_MEMORY_GB = (16, 24, 40, 80, 141)


def forecast(
    model: Model, jobs: Plan, records: Iterable[Mapping[str, Any]] = (), attempts: int = 1
) -> dict[str, Any]:
    """Forecast the whole study, item by item, beside the ``records`` that finished jobs left.

    Returns:
        JSON-able: ``device``, ``basis`` (``measured`` or ``assumed``), ``notes``, ``targets``,
        ``rules``, ``disk``, ``chunks``, ``batches`` and ``together``, each a list of rows.
    """
    wholes = {**items(jobs), "all": jobs}
    compared = compare(model, records)
    return {
        "device": model.speeds.name,
        "kind": model.speeds.device,
        "basis": model.speeds.basis,
        "margin": model.speeds.margin,
        "notes": [*notes.sources(model, jobs), *notes.limits(model, jobs, attempts)],
        "targets": [{"target": name, **_total(model, own)} for name, own in wholes.items()],
        "rules": _rules(model, jobs, compared),
        "disk": disk.rows(jobs),
        "chunks": chunks(model, jobs),
        "batches": batches(model, jobs),
        "together": together.rows(model, jobs),
    }


def items(jobs: Plan) -> dict[str, Plan]:
    """The tables and figures that networks are run for, each with the jobs that make it."""
    files = [path for task in jobs.values() for path in task.outputs]
    told = (
        path
        for pattern in ("tables/*.csv", "figures/*.png")
        for path in sorted(fnmatch.filter(files, pattern), key=lambda path: (len(path), path))
    )
    return {path: own for path, own in parts(jobs, told).items() if units_of(own)}


def compare(model: Model, records: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Hold the forecast of finished jobs against their records.

    Records of jobs that the study does not know, or whose cost no room tells, are left out.

    Returns:
        rule -> ``jobs``, ``wall_s``, ``cpu_s`` and ``forecast_s`` (sums), ``ratio`` (wall time over
        forecast), ``cpu_ratio`` (processor time over forecast: on one core, what wall time is on
        a machine that does nothing else), ``peak_mb`` and ``forecast_mb`` (the largest of each)
        and ``memory_ratio``.
    """
    found: dict[str, dict[str, float]] = {}
    for record in records:
        job = Job.of(record["rule"], **{k: str(v) for k, v in record["wildcards"].items()})
        if job.rule not in costs():
            continue
        try:
            guess = model.estimate(job)
        except MirageError:
            continue  # of another configuration, or not counted yet
        row = found.setdefault(job.rule, dict.fromkeys(_COMPARED, 0.0))
        row["jobs"] += 1
        row["wall_s"] += record["wall_s"]
        row["cpu_s"] += record["cpu_s"]
        row["forecast_s"] += guess.seconds
        row["peak_mb"] = max(row["peak_mb"], record["peak_memory_mb"])
        row["forecast_mb"] = max(row["forecast_mb"], guess.host_bytes / 1e6)
        row["peak_device_mb"] = max(row["peak_device_mb"], record.get("peak_device_mb") or 0.0)
    for row in found.values():
        row["ratio"] = row["wall_s"] / max(row["forecast_s"], 1e-9)
        row["cpu_ratio"] = row["cpu_s"] / max(row["forecast_s"], 1e-9)
        row["memory_ratio"] = row["peak_mb"] / max(row["forecast_mb"], 1e-9)
    return found


_COMPARED = ("jobs", "wall_s", "cpu_s", "forecast_s", "peak_mb", "forecast_mb", "peak_device_mb")


def _total(model: Model, jobs: Plan) -> dict[str, Any]:
    guesses = {job: model.estimate(job) for job in jobs}
    gpu_hours = _gpu_hours(jobs, guesses)
    kept = sum(sum(task.outputs.values()) for task in jobs.values())
    kept -= sum(task.outputs[path] for task in jobs.values() for path in task.temporary)
    walls, temporary = _walls(model, jobs, guesses)
    return {
        "jobs": len(jobs),
        "flops": sum(guess.flops for guess in guesses.values()),
        "gpu_hours": gpu_hours,
        "cpu_hours": sum(guess.seconds for guess in guesses.values()) / 3600,
        "peak_gpu_gb": max(guess.device_bytes for guess in guesses.values()) / 1e9,
        "peak_host_gb": max(guess.host_bytes for guess in guesses.values()) / 1e9,
        "disk_gb": kept / 1e9,
        "peak_disk_gb": (kept + temporary) / 1e9,
        "wall_hours": walls,
    }


def _gpu_hours(jobs: Plan, guesses: Mapping[Job, Estimate]) -> float:
    """Hours for which a GPU is held."""
    held = (g.seconds for job, g in guesses.items() if jobs[job].gpu and g.device_bytes)
    return sum(held) / 3600


def _walls(
    model: Model, jobs: Plan, guesses: Mapping[Job, Estimate]
) -> tuple[dict[str, float], float]:
    """Hours by number of devices, and the most temporary bytes among them."""
    cuda = model.speeds.device == "cuda"
    if not cuda:  # every job takes a core
        jobs = {job: replace(task, gpu=False) for job, task in jobs.items()}
    walls, most = {}, 0.0
    for count in DEVICES:
        ran = simulate(
            jobs, lambda job: guesses[job].seconds, count if cuda else 1, _CORES if cuda else count
        )
        walls[str(count)] = ran.seconds / 3600
        most = max(most, ran.temporary_bytes)
    return walls, most


def _rules(
    model: Model, jobs: Plan, compared: Mapping[str, Mapping[str, float]]
) -> list[dict[str, Any]]:
    rows = []
    for rule in dict.fromkeys(job.rule for job in jobs):
        own = [job for job in jobs if job.rule == rule]
        estimates = {job: model.estimate(job) for job in own}
        guesses = estimates.values()
        actual = compared.get(rule, {})
        rows.append(
            {
                "rule": rule,
                "jobs": len(own),
                "device": "GPU" if any(g.device_bytes for g in guesses) else "CPU",
                "hours": sum(guess.seconds for guess in guesses) / 3600,
                "gpu_hours": _gpu_hours(jobs, estimates),
                "longest_hours": max(guess.seconds for guess in guesses) / 3600,
                "flops": sum(guess.flops for guess in guesses),
                "peak_gpu_gb": max(guess.device_bytes for guess in guesses) / 1e9,
                "peak_host_gb": max(guess.host_bytes for guess in guesses) / 1e9,
                "asked_minutes": max(model.minutes(job) for job in own),
                "asked_mb": max(model.megabytes(job) for job in own),
                "done": int(actual.get("jobs", 0)),
                "actual_over_forecast": actual.get("ratio"),
                "cpu_over_forecast": actual.get("cpu_ratio"),
                "memory_over_forecast": actual.get("memory_ratio"),
            }
        )
    return rows


def chunks(model: Model, jobs: Plan) -> list[dict[str, Any]]:
    """Classes per chunk for jobs of a few lengths at most, by data set."""
    found: dict[str, float] = {}
    for job in jobs:
        wildcards = dict(job.wildcards)
        if job.rule == "run_stage" and wildcards["part"].startswith("optimised"):
            _, classes = Stages(model.workshop.study, attack_of(wildcards)).part(wildcards["part"])
            each = model.estimate(job).seconds / len(classes)
            dataset = target_of(wildcards).dataset
            found[dataset] = max(found.get(dataset, 0.0), each)
    return [
        {
            "dataset": dataset,
            "seconds_per_class": seconds,
            **{
                f"{h} h": min(
                    max(int(3600 * h / seconds), 1), model.workshop.study.classes(dataset)
                )
                for h in CHUNK_HOURS
            },
        }
        for dataset, seconds in found.items()
    ]


def batches(model: Model, jobs: Plan) -> list[dict[str, Any]]:
    """Largest batch by size of the GPU's memory, for the work a setting cuts; GPUs only.

    Latents are optimised in whole official batches; 0 where the memory does not hold one.
    """
    if model.speeds.device != "cuda":
        return []
    rows: dict[str, dict[str, Any]] = {}
    for unit in units_of(jobs):
        setting, held = unit.setting, model.speeds.counts[unit.key]
        if setting is None or not held.bytes_per_image:
            continue
        needs = model.speeds.device_bytes(model.speeds.peak_bytes(unit)) / 1e9
        row = rows.setdefault(setting, {"setting": setting, "now": unit.batch, "needs_gb": 0.0})
        row["now"] = max(row["now"], unit.batch)
        row["needs_gb"] = max(row["needs_gb"], needs)
        fixed = held.bytes - held.batch * held.bytes_per_image
        for size in _MEMORY_GB:
            room = (0.95e9 * size - model.speeds.device_bytes(fixed)) / held.bytes_per_image
            room /= 1 + model.speeds.anchors["device_overhead_share"]
            key = f"{size} GB"
            whole = unit.settings.get("official", 1)
            row[key] = max(min(row.get(key, 10**9), int(room) // whole * whole), 0)
    return list(rows.values())


def csv_rows(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Targets and rules as flat rows."""
    rows = []
    for level in ("target", "rule"):
        for row in told[f"{level}s"]:
            walls = {f"wall_hours_{n}": hours for n, hours in row.get("wall_hours", {}).items()}
            flat = {key: value for key, value in row.items() if key not in (level, "wall_hours")}
            rows.append({"level": level, "name": row[level], **flat, **walls})
    return rows
