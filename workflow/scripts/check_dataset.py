"""Job: hold one data set to what it should be (rule check_dataset)."""

from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def check_dataset(task: "snakemake") -> dict[str, float]:
    """Write the findings; an error among them fails the job."""
    from mirage.data.acceptance import accept

    return accept(task.input, task.params.expectations, task.params.apart, task.output.report)


job.run(check_dataset, snakemake)
