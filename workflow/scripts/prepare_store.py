"""Job: decode a data set once (rule prepare_store)."""

from pathlib import Path

from mirage.runtime import job


@job.main
def prepare_store(task: job.Assignment) -> dict[str, float]:
    """Write pixels, index and manifest."""
    from mirage.data.dataset import DatasetRecipe
    from mirage.data.meter import Meter
    from mirage.data.store import prepare_store

    source = {role: str(path) for role, path in task.input.items()}
    given = {**task.params.recipe, "classes": task.params.classes}
    recipe = DatasetRecipe.of({**given, "source": source} if source else given)
    meter = Meter()
    folder = Path(task.output.pixels).parent
    code = task.config["code"].get(task.rule)
    manifest = prepare_store(recipe, folder, workers=task.threads, code=code, meter=meter)
    counts = {"images": manifest["images"], "identities": len(manifest["identities"])}
    return {**counts, "unusable": len(manifest["problems"]), **meter.figures()}
