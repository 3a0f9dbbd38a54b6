"""Job: train the students of one target (rule train_students)."""

from pathlib import Path

from mirage.runtime import job, memory


@job.main
@memory.limited_by_recipe
def train_students(task: job.Assignment) -> None:
    """Write all of them as one file."""
    from mirage.runtime import files
    from mirage.runtime.checkpoint import Checkpoint
    from mirage.runtime.devices import choose_device
    from mirage.targets.students import train_students
    from mirage.targets.students_recipe import StudentsRecipe
    from mirage.targets.weights import load_classifier, save_classifiers

    checkpoint = Checkpoint(task.params.state, job.identity(task))
    device = choose_device(task.params.device)
    trained = train_students(
        load_classifier(task.input.weights, device),
        files.load_tensors(task.input.view, "pixels")["pixels"],
        StudentsRecipe.of(task.params.recipe),
        task.params.seed,
        checkpoint,
        device,
        dict(zip(task.params.inits, map(Path, task.input.inits), strict=True)),
    )
    made = {"recipe": dict(task.params.recipe), "seed": task.params.seed}
    save_classifiers(task.output.students, trained, made)
    checkpoint.discard()
