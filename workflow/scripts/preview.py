"""Job: the report of what is finished already (rule preview)."""

from pathlib import Path

from mirage.runtime import job


@job.main
def preview(task: job.Assignment) -> dict[str, float]:
    """Show what is there and name what is not; nothing is made for it."""
    from mirage.paper import gathering, presentation, report
    from mirage.paper.finished_part import FinishedPart
    from mirage.runtime import files

    part = FinishedPart(task.params.scale)
    records = [files.read_json(path) for path in sorted(Path("jobs").rglob("*.json"))]
    shown = presentation.describe(part.whole, task.params.name)
    material = gathering.of_part(part, shown, records, digests=task.config["code"])
    report.write_report("preview.html", material)
    return {"items": len(material.exhibits), "items that lack something": len(material.missing)}
