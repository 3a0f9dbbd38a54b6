"""Job: one figure of numbers, as PNG and PDF, and the numbers as CSV (rule plot_figure)."""

from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def plot_figure(task: "snakemake") -> dict[str, float]:
    """Gather the numbers once; draw them for each kind of file."""
    from mirage.paper import presentation
    from mirage.paper.drawing import save
    from mirage.paper.items import ITEMS
    from mirage.paper.numbers import write_table
    from mirage.study.study import Study

    study = Study(task.params.scale)
    shown = presentation.describe(study, task.params.name)
    item = ITEMS[task.wildcards.item]
    numbers = item.data(study, shown)
    write_table(task.output.csv, numbers)
    for path in (task.output.png, task.output.pdf):
        save(item.draw(numbers, shown), path)
    return {"rows": len(numbers)}


job.run(plot_figure, snakemake)
