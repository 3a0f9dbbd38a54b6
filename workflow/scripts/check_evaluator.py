"""Job: find the input range a released evaluator was trained in (rule check_evaluator)."""

from mirage.runtime import job, memory


@job.main
@memory.limited_by("forward_batch")
def check_evaluator(task: job.Assignment) -> dict[str, float]:
    """Write the test accuracy with and without re-mapped input, and what follows from it."""
    from mirage.data.views import View
    from mirage.evaluation.evaluator import check_evaluator
    from mirage.runtime import files
    from mirage.runtime.devices import choose_device
    from mirage.targets.weights import load_classifier

    device = choose_device(task.params.device)
    view = View(task.input.view)
    found = check_evaluator(
        load_classifier(task.input.weights, device),
        view.pixels[view.test],
        view.labels[view.test],
        task.params.published,
        task.params.batch,
        device,
        task.params.precision,
    )
    files.write_json(task.output.check, found)
    return {f"test accuracy {mode}": value for mode, value in found["test_accuracy"].items()}
