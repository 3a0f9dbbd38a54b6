"""Job: the report, one page that opens from disk (rule write_report)."""

from pathlib import Path

from mirage.runtime import job


@job.main
def write_report(task: job.Assignment) -> None:
    """Gather items, numbers and job records into one page."""
    from mirage.forecast import summary
    from mirage.forecast.speeds import load_model
    from mirage.paper import presentation, report
    from mirage.paper.numbers import read_table
    from mirage.runtime import files
    from mirage.study.study import Study

    study = Study(task.params.scale)
    records = [files.read_json(path) for path in sorted(Path("jobs").rglob("*.json"))]
    model = load_model(**task.params.model, results=Path())
    material = report.of_study(
        study,
        presentation.describe(study, task.params.name),
        toy=read_table(task.input.toy),
        jobs=records,
        digests=task.config["code"],
        forecast=summary.compare(model, records),
        speeds=f"{model.speeds.basis} speeds of {model.speeds.name}",
    )
    report.write_report(task.output.report, material)
