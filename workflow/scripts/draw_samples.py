"""Job: Figure 3, real people beside the attacks' most robust results (rule draw_samples)."""

from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def draw_samples(task: "snakemake") -> None:
    """Draw the first classes, not cherry-picked."""
    from mirage.data.views import View
    from mirage.paper.figures import figure3
    from mirage.runtime import files
    from mirage.study.grammar import number

    settings = task.params.settings
    view = View(task.input.view, settings["seed"])
    shown = range(settings["classes"])
    first = [int(view.train[view.labels[view.train] == label][0]) for label in shown]
    columns = {"training image": view.pixels[first].numpy()}
    for alpha, path in zip(settings["alphas"], task.input.galleries, strict=True):
        gallery = files.load_tensors(path, "images")["images"]
        columns[f"α = {number(alpha)}"] = gallery[list(shown)].numpy()
    for path in (task.output.png, task.output.pdf):
        figure3(columns, path)


job.run(draw_samples, snakemake)
