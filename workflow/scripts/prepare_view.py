"""Job: crop and resize a store's images once (rule prepare_view)."""

from pathlib import Path
from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def prepare_view(task: "snakemake") -> dict[str, float]:
    """Write the view."""
    from mirage.data.meter import Meter
    from mirage.data.store import Store
    from mirage.data.views import ViewRecipe, prepare_view

    store = Store(Path(task.input.manifest).parent)
    meter = Meter()
    recipe = ViewRecipe.of(task.params.recipe)
    prepare_view(store, recipe, task.output.view, workers=task.threads, meter=meter)
    return meter.figures()


job.run(prepare_view, snakemake)
