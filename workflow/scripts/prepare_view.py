"""Job: crop and resize a store's images once (rule prepare_view)."""

from pathlib import Path

from mirage.runtime import job


@job.main
def prepare_view(task: job.Assignment) -> dict[str, float]:
    """Write the view."""
    from mirage.data.meter import Meter
    from mirage.data.store import Store
    from mirage.data.views import ViewRecipe, prepare_view

    store = Store(Path(task.input.manifest).parent)
    meter = Meter()
    recipe = ViewRecipe.of(task.params.recipe)
    prepare_view(store, recipe, task.output.view, workers=task.threads, meter=meter)
    return meter.figures()
