"""Job: put a released classifier in a target's place (rule import_target)."""

from mirage.runtime import job


@job.main
def import_target(task: job.Assignment) -> dict[str, float]:
    """Write weights, an empty history and the metrics that training would have written."""
    from mirage.data.views import View
    from mirage.runtime import files
    from mirage.runtime.devices import choose_device
    from mirage.targets.inference import judge
    from mirage.targets.weights import load_classifier, save_classifier

    device = choose_device(task.params.device)
    view = View(task.input.view, task.params.seed)
    model = load_classifier(task.input.weights, device)
    metrics = judge(
        model,
        view.select(view.train),
        view.select(view.test),
        device,
        task.params.precision,
        task.params.seed,
    )
    source = files.read_metadata(task.input.weights)["source"]
    save_classifier(task.output.weights, model, {"source": source})
    files.write_text(task.output.history, "epoch\n")
    files.write_json(
        task.output.metrics, {**metrics, "released": source, "train_images": len(view.train)}
    )
    return {"test accuracy": metrics["test_accuracy"]}
