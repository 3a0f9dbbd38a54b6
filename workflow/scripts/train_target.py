"""Job: train one classifier (rule train_target)."""

from pathlib import Path

from mirage.runtime import job, memory


@job.main
@memory.limited_by_recipe
def train_target(task: job.Assignment) -> dict[str, float]:
    """Write weights, history and metrics."""
    from mirage.data.splits import first_per_class
    from mirage.data.views import View
    from mirage.runtime import files
    from mirage.runtime.checkpoint import Checkpoint
    from mirage.runtime.devices import choose_device
    from mirage.study.cells import Target
    from mirage.targets.recipe import TrainingRecipe
    from mirage.targets.training import train_classifier
    from mirage.targets.treatments import make
    from mirage.targets.weights import save_classifier

    cell = Target.parse(task.wildcards.target)
    view = View(task.input.view, cell.seed)
    chosen = view.train
    if cell.samples is not None:
        chosen = first_per_class(
            view.labels.numpy(), view.train.numpy(), cell.samples, task.params.allow_short
        )
    siblings = iter(task.input.siblings)
    treatment = [
        part.told(files.read_json(next(siblings))) if part.sibling else part
        for part in make(task.params.treatment)
    ]
    checkpoint = Checkpoint(task.params.state, job.identity(task))
    trained = train_classifier(
        cell.architecture,
        view.select(chosen),
        view.select(view.test),
        TrainingRecipe.of(task.params.recipe),
        cell.seed,
        checkpoint,
        choose_device(task.params.device),
        Path(str(task.input.init)) if task.input.init else None,
        treatment=treatment,
    )
    settings = {"recipe": dict(task.params.recipe), "treatment": list(task.params.treatment)}
    save_classifier(task.output.weights, trained.model, settings)
    files.write_rows(task.output.history, trained.history)
    files.write_json(task.output.metrics, {**trained.metrics, "train_images": len(chosen)})
    checkpoint.discard()
    return {"test accuracy": trained.metrics["test_accuracy"]}
