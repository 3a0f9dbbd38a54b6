"""Job: list what the imports of foreign networks found (rule check_weights)."""

from mirage.runtime import job


@job.main
def check_weights(task: job.Assignment) -> dict[str, float]:
    """Write one row per network."""
    from mirage.runtime import files

    records = [files.read_json(path) for path in task.input.records]
    columns = (
        "name", "network", "tensors", "file", "sha256", "bytes", "status", "reference_error",
    )  # fmt: skip
    files.write_rows(
        task.output.table, [{key: record.get(key) for key in columns} for record in records]
    )
    return {"networks": len(records)}
