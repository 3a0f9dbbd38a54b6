"""Job: one measure of a target (rule measure_target)."""

from pathlib import Path

from mirage.runtime import job, memory


@job.main
@memory.limited_by_stage
def measure_target(task: job.Assignment) -> None:
    """Write the measure's numbers, and what figures are made of."""
    from mirage.evaluation.measure import TargetCase
    from mirage.evaluation.measures import MEASURES
    from mirage.runtime import files
    from mirage.runtime.checkpoint import Checkpoint
    from mirage.runtime.devices import choose_device
    from mirage.study.cells import Target

    target = Target.parse(task.wildcards.target)
    checkpoint = Checkpoint(task.params.state, job.identity(task))
    found = MEASURES[task.params.measure].run(
        TargetCase(
            inputs={need: Path(str(path)) for need, path in task.input.items()},
            settings=task.params.recipe,
            attack=task.params.attack,
            dataset=target.dataset,
            seed=target.seed,
            classes=task.params.classes,
            image_px=task.params.image_px,
            crop_px=task.params.crop_px,
            batch=task.params.batch,
            checkpoint=checkpoint,
            device=choose_device(task.params.device),
        )
    )
    files.save_tensors(task.output.arrays, found.arrays)
    files.write_json(task.output.metrics, found.metrics)
    checkpoint.discard()
