"""Job: count the work of every unit of the configuration (rule count_work)."""

from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def count_work(task: "snakemake") -> dict[str, float]:
    """Write the counts that planning reads, of all scales."""
    from mirage.forecast.counting import counted
    from mirage.forecast.counts import plain
    from mirage.forecast.plan import every_unit
    from mirage.forecast.speeds import load_model
    from mirage.runtime import files

    units = [
        unit
        for settings in task.params.models
        for unit in every_unit(load_model(**settings, results=None).workshop)
    ]
    counts = counted(units, {})
    files.write_json(task.params.path, plain(counts))
    return {"units": len(counts)}


job.run(count_work, snakemake)
