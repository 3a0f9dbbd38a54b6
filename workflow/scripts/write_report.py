"""Job: the report, one page that opens from disk (rule write_report)."""

from pathlib import Path
from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def write_report(task: "snakemake") -> None:
    """Gather tables, figures and job records into one page."""
    from mirage.paper import presentation
    from mirage.paper.cells import collect, read_table
    from mirage.paper.report import Material, Picture, write_report
    from mirage.runtime import files
    from mirage.study import Study

    study = Study(task.params.scale)
    pictures = [
        Picture(path, name, caption)
        for path, (name, caption) in zip(task.input.figures, task.params.captions, strict=True)
    ]
    records = sorted(Path("jobs").rglob("*.json"))
    write_report(
        task.output.report,
        Material(
            scale=presentation.describe(study, task.params.name),
            cells=collect(presentation.records(study.attacks, study.released_targets)),
            table1=read_table(task.input.tables[0]),
            table2=read_table(task.input.tables[1]),
            toy=read_table(task.input.toy),
            pictures=pictures,
            jobs=[files.read_json(path) for path in records],
            digests=task.params.digests,
            fidelity=study.scale["fidelity"],
        ),
    )


job.run(write_report, snakemake)
