"""Job: count the work of every unit of the running scale (rule count_work)."""

from pathlib import Path

from mirage.runtime import job


@job.main
def count_work(task: job.Assignment) -> dict[str, float]:
    """Write the counts that planning reads; those of other scales stay."""
    from mirage.forecast.counting import counted
    from mirage.forecast.counts import plain, read_counts
    from mirage.forecast.units import Unit
    from mirage.runtime import files

    counts = counted([Unit(**settings) for settings in task.params.units], {})
    others = read_counts(Path(task.params.counts))
    files.write_json(task.params.counts, plain({**others, **counts}))
    return {"units": len(counts)}
