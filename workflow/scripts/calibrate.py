"""Job: time each kind of work on this device (rule calibrate)."""

from pathlib import Path

from mirage.runtime import job


@job.main
def calibrate(task: job.Assignment) -> dict[str, float]:
    """Write counts and speeds."""
    from mirage.forecast.calibration import calibrate
    from mirage.forecast.counting import counted
    from mirage.forecast.counts import read_counts
    from mirage.forecast.units import Unit
    from mirage.runtime import files
    from mirage.runtime.devices import choose_device

    device = choose_device(task.params.device)
    units = [Unit(**settings) for settings in task.params.units]
    counts = counted(units, read_counts(Path(task.params.counts)))
    found = calibrate(units, counts, device, task.params.seconds, Path(task.output.speeds).parent)
    files.write_json(task.output.speeds, found)
    return {"measured": len(found["units"]), "seconds": found["seconds"]}
