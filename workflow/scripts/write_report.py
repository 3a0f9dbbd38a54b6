"""Job: the report, one page that opens from disk (rule write_report)."""

from pathlib import Path
from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def write_report(task: "snakemake") -> None:
    """Gather tables, figures and job records into one page."""
    from mirage.forecast import summary
    from mirage.forecast.speeds import load_model
    from mirage.paper import presentation
    from mirage.paper.cells import collect, read_table
    from mirage.paper.report import Material, Picture, write_report
    from mirage.runtime import files
    from mirage.study.study import Study

    study = Study(task.params.scale)
    pictures = [
        Picture(path, name, caption)
        for path, (name, caption) in zip(task.input.figures, task.params.captions, strict=True)
    ]
    records = [files.read_json(path) for path in sorted(Path("jobs").rglob("*.json"))]
    model = load_model(**task.params.model, results=Path())
    write_report(
        task.output.report,
        Material(
            scale=presentation.describe(study, task.params.name),
            cells=collect(presentation.records(study.attacks, study.released_targets)),
            table1=read_table(task.input.tables[0]),
            table2=read_table(task.input.tables[1]),
            toy=read_table(task.input.toy),
            pictures=pictures,
            jobs=records,
            digests=task.config["code"],
            fidelity=study.scale["fidelity"],
            forecast=summary.compare(model, records),
            speeds=f"{model.speeds.basis} speeds of {model.speeds.name}",
        ),
    )


job.run(write_report, snakemake)
