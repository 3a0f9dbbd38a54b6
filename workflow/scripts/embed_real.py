"""Job: features of the real training images (rule embed_real)."""

from pathlib import Path

from mirage.runtime import job, memory


@job.main
@memory.limited_by("forward_batch")
def embed_real(task: job.Assignment) -> None:
    """Write the features in every evaluation network."""
    from mirage.data.store import Store
    from mirage.data.views import View
    from mirage.evaluation.evaluator import settle
    from mirage.evaluation.features import embed_real
    from mirage.evaluation.fidelity import unrounded
    from mirage.evaluation.networks import load_networks
    from mirage.evaluation.unrounded import UnroundedImages
    from mirage.runtime import spool
    from mirage.runtime.checkpoint import Checkpoint
    from mirage.runtime.devices import choose_device

    device = choose_device(task.params.device)
    specs = settle(task.params.networks, task.input.evaluator or None)
    networks = load_networks(specs, task.input.weights, device)
    views = {path: View(path, task.params.seed) for path in dict.fromkeys(task.input.views)}
    pixels = {path: view.pixels[view.train] for path, view in views.items()}
    places = dict(zip(networks, task.input.views, strict=True))
    images = {role: pixels[path] for role, path in places.items()}
    if task.input.store:
        store = Store(Path(task.input.store[0]).parent)
        exact = [role for role, spec in specs.items() if unrounded(spec)]
        images |= {role: UnroundedImages(store, views[places[role]], device) for role in exact}
    first = views[task.input.views[0]]
    checkpoint = Checkpoint(task.params.state, job.identity(task))
    features = embed_real(
        networks,
        images,
        first.labels[first.train],
        task.params.batch,
        checkpoint,
        task.params.precision,
    )
    features.save(task.output.features)
    checkpoint.discard()
    spool.discard(checkpoint)
