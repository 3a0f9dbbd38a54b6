"""Job: import a published file of weights (rule import_weights)."""

from mirage.runtime import job


@job.main
def import_weights(task: job.Assignment) -> dict[str, float]:
    """Write the checked weights and what was found."""
    from mirage.foreign.file_kinds import ForeignRecipe
    from mirage.foreign.importing import import_weights
    from mirage.foreign.known import published
    from mirage.runtime import files

    name = task.wildcards.foreign
    record = import_weights(
        task.input.weights,
        ForeignRecipe.of(task.params.recipe),
        published(task.input.known, name),
        task.params.memory,
        task.output.weights,
        task.input.reference or None,
    )
    files.write_json(task.output.record, {"name": name, **record})
    return {"tensors": record["tensors"]}
