"""Job: one measure of an attack (rule measure_attack)."""

from pathlib import Path

from mirage.runtime import job, memory


@job.main
@memory.limited_by_recipe
def measure_attack(task: job.Assignment) -> dict[str, float]:
    """Write the measure's numbers."""
    from mirage.evaluation.measure import Case, shown
    from mirage.evaluation.measures import MEASURES
    from mirage.runtime import files
    from mirage.runtime.checkpoint import Checkpoint
    from mirage.runtime.devices import choose_device
    from mirage.study.cells import Target

    checkpoint = Checkpoint(task.params.state, job.identity(task))
    found = MEASURES[task.params.measure].run(
        Case(
            {need: Path(str(path)) for need, path in task.input.items()},
            task.params.recipe,
            Target.parse(task.wildcards.target).seed,
            checkpoint,
            choose_device(task.params.device),
        )
    )
    files.write_json(task.output.numbers, found)
    checkpoint.discard()
    return shown(found)
