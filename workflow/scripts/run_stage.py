"""Job: one stage of an attack, for a chunk of classes or all of them (rule run_stage)."""

from pathlib import Path

from mirage.runtime import job, memory


@job.main
@memory.limited_by_stage
def run_stage(task: job.Assignment) -> dict[str, float]:
    """Write what the stage leaves."""
    from mirage.attacks.compiled import Compiling
    from mirage.attacks.given import Given
    from mirage.attacks.kinds import KINDS
    from mirage.attacks.results import save_result
    from mirage.runtime.checkpoint import Checkpoint
    from mirage.runtime.devices import choose_device
    from mirage.study.cells import Target

    checkpoint = Checkpoint(task.params.state, job.identity(task))
    given = Given(
        files={name: Path(path) for name, path in task.input.items()},
        settings=task.params.recipe,
        classes=task.params.classes,
        image_px=task.params.image_px,
        crop_px=task.params.crop_px,
        seed=Target.parse(task.wildcards.target).seed,
        device=choose_device(task.params.device),
        batch=task.params.batch,
        checkpoint=checkpoint,
        compiling=Compiling(task.params.compile, Path("compiled")),
    )
    result = KINDS[task.params.kind].run[task.params.stage](given)
    save_result(task.output.latents, result, {"recipe": dict(task.params.recipe)})
    checkpoint.discard()
    figures: dict[str, float] = result.figures()
    return figures
