"""Job: render every selected latent once and embed it (rule embed_attack)."""

from mirage.runtime import job, memory


@job.main
@memory.limited_by("forward_batch")
def embed_attack(task: job.Assignment) -> None:
    """Write features, the images for measures and the gallery."""
    from mirage.attacks.results import Reconstructed, load_outcome
    from mirage.evaluation import gallery
    from mirage.evaluation.evaluator import settle
    from mirage.evaluation.features import embed_attack
    from mirage.evaluation.networks import load_networks
    from mirage.priors.rendering import load_rendering
    from mirage.runtime import files, spool
    from mirage.runtime.checkpoint import Checkpoint
    from mirage.runtime.devices import choose_device

    device = choose_device(task.params.device)
    specs = settle(task.params.networks, task.input.evaluator or None)
    outcome = load_outcome(task.input.latents)
    checkpoint = Checkpoint(task.params.state, job.identity(task))
    precision = task.params.precision
    labels = outcome.classes.tolist()
    shown = sorted(map(labels.index, gallery.drawn(labels, task.params.gallery_classes)))
    prior = load_rendering(task.input.generator, task.params.crop_px, device)
    embedded = embed_attack(
        prior.at(precision),
        load_networks(specs, task.input.weights, device),
        outcome.latents,
        outcome.classes,
        task.params.measure_px,
        task.params.image_px,
        task.params.batch,
        device,
        checkpoint,
        precision,
        outcome.best,
        # Which of the images is the best says little where all of them are the result.
        shown if isinstance(outcome, Reconstructed) else (),
    )
    per_class = outcome.latents.shape[1]
    embedded.features.save(task.output.features)
    files.save_tensors(
        task.output.images,
        {
            "images": embedded.images,
            "labels": outcome.classes.repeat_interleave(per_class),
        },
    )
    files.save_tensors(
        task.output.gallery,
        {
            "images": embedded.gallery[shown],
            "labels": outcome.classes[shown],
            "scores": outcome.scores.take_along_dim(outcome.best[:, None], dim=1)[shown, 0],
            **({"samples": embedded.samples} if len(embedded.samples) else {}),
        },
    )
    checkpoint.discard()
    spool.discard(checkpoint)
