"""Job: Figures 1 and 8 (rule draw_toy)."""

from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def draw_toy(task: "snakemake") -> None:
    """Draw one of the two figures."""
    from mirage.paper.figures import figure1, figure8
    from mirage.paper.toy import load_toy

    draw = {"figure1": figure1, "figure8": figure8}[task.wildcards.item]
    result = load_toy(task.input.toy)
    for path in (task.output.png, task.output.pdf):
        draw(result, path)


job.run(draw_toy, snakemake)
