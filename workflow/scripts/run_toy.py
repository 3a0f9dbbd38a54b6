"""Job: the two-dimensional example of Section 3 (rule run_toy)."""

from mirage.runtime import job


@job.main
def run_toy(task: job.Assignment) -> dict[str, float]:
    """Write the runs and their table beside the paper's numbers."""
    from mirage.paper.numbers import write_table
    from mirage.paper.recipe import ToyRecipe
    from mirage.paper.toy import run_toy
    from mirage.paper.toy_result import save_toy, toy_table

    result = run_toy(ToyRecipe.of(task.params.settings))
    save_toy(task.output.toy, result)
    write_table(task.output.table, toy_table(result))
    return {f"steps at {run.alpha:g}": run.steps for run in result.runs if run.steps is not None}
