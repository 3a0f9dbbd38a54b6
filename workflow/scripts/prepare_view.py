"""Job: crop and resize a store's images once (rule prepare_view)."""

from pathlib import Path
from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def prepare_view(task: "snakemake") -> None:
    """Write the view."""
    from mirage.data.store import Store
    from mirage.data.views import ViewRecipe, prepare_view

    store = Store(Path(task.input.manifest).parent)
    prepare_view(store, ViewRecipe.of(task.params.recipe), task.output.view)


job.run(prepare_view, snakemake)
