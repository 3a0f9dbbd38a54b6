"""Job: decode a data set once (rule prepare_store)."""

from pathlib import Path
from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def prepare_store(task: "snakemake") -> dict[str, float]:
    """Write pixels, index and manifest."""
    from mirage.data.dataset import DatasetRecipe
    from mirage.data.store import prepare_store

    source = {"source": str(task.input.source)} if task.input.source else {}
    recipe = DatasetRecipe.of({**task.params.recipe, **source})
    manifest = prepare_store(recipe, Path(task.output.pixels).parent, workers=task.threads)
    return {"images": manifest["images"], "identities": len(manifest["identities"])}


job.run(prepare_store, snakemake)
