"""Job: metrics by smoothing factor, one dot per seed (rule draw_spread)."""

from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def draw_spread(task: "snakemake") -> None:
    """Draw every block of cells."""
    from mirage.paper import presentation
    from mirage.paper.cells import collect
    from mirage.paper.figures import figure_effect
    from mirage.study.study import Study

    study = Study(task.params.scale)
    cells = collect(presentation.records(study.attacks))
    for path in (task.output.png, task.output.pdf):
        figure_effect(
            cells, path, presentation.describe(study, task.params.name), study.scale["fidelity"]
        )


job.run(draw_spread, snakemake)
