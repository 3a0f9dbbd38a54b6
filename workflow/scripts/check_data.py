"""Job: hold the data sets in use to what they should be (rule check_data)."""

from mirage.runtime import job


@job.main
def check_data(task: job.Assignment) -> dict[str, float]:
    """Write the findings; an error among them fails the job."""
    from mirage.data.acceptance import accept

    return accept(task.input, task.params.expectations, task.params.apart, task.output.report)
