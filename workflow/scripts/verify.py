"""Job: hold every finished file to its digest (rule verify)."""

from pathlib import Path

from mirage.runtime import job


@job.main
def verify(task: job.Assignment) -> dict[str, float]:
    """Tell each damaged file and how it is made anew; fail if there is one."""
    from mirage.errors import MirageError
    from mirage.verifying import verify

    verdict = verify(Path(), task.params.others)
    if verdict.damaged:
        raise MirageError(
            f"{len(verdict.damaged)} files are damaged or cannot be read: "
            + ", ".join(verdict.damaged),
            remedy="make them anew as told above, those that others are made from first",
        )
    return {"files sound": verdict.sound, "without a digest": verdict.unsealed}
