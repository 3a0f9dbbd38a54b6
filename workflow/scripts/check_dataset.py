"""Job: hold one data set to what it should be (rule check_dataset)."""

from mirage.runtime import job


@job.main
def check_dataset(task: job.Assignment) -> dict[str, float]:
    """Write the findings; an error among them fails the job."""
    from mirage.data.acceptance import accept

    return accept(task.input, task.params.expectations, task.params.apart, task.output.report)
