"""Job: the report, one page that opens from disk (rule write_report)."""

from pathlib import Path

from mirage.runtime import job


@job.main
def write_report(task: job.Assignment) -> None:
    """Gather items, numbers and job records into one page."""
    from mirage.forecast import summary
    from mirage.forecast.speeds import load_model
    from mirage.paper import gathering, presentation, report
    from mirage.runtime import files
    from mirage.study.study import Study

    study = Study(task.params.scale)
    records = [files.read_json(path) for path in sorted(Path("jobs").rglob("*.json"))]
    model = load_model(**task.params.model, results=Path())
    material = gathering.of_study(
        study,
        presentation.describe(study, task.params.name),
        files.read_json(task.input.verdicts),
        records,
        digests=task.config["code"],
        forecast=summary.compare(model, records),
        speeds=f"{model.speeds.basis} speeds of {model.speeds.name}",
    )
    report.write_report(task.output.report, material)
