"""Job: one figure of the paper, as PNG and PDF (rule draw_figure)."""

from mirage.runtime import job


@job.main
def draw_figure(task: job.Assignment) -> None:
    """Draw it once for each kind of file."""
    from mirage.paper import presentation
    from mirage.paper.drawing import save
    from mirage.paper.items import ITEMS
    from mirage.study.study import Study

    study = Study(task.params.scale)
    shown = presentation.describe(study, task.params.name)
    for path in (task.output.png, task.output.pdf):
        save(ITEMS[task.wildcards.item].draw(study, shown), path)
