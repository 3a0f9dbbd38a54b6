"""Job: list what the imports of foreign networks found (rule check_weights)."""

from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def check_weights(task: "snakemake") -> dict[str, float]:
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


job.run(check_weights, snakemake)
