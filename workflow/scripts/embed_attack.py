"""Job: render every selected latent once and embed it (rule embed_attack)."""

from mirage.runtime import job, memory


@job.main
@memory.limited_by("forward_batch")
def embed_attack(task: job.Assignment) -> None:
    """Write features, the images for measures and the gallery."""
    from mirage.attacks.results import Selected, load_result
    from mirage.evaluation import gallery
    from mirage.evaluation.evaluator import settle
    from mirage.evaluation.features import embed_attack
    from mirage.evaluation.networks import load_networks
    from mirage.priors.pipeline import ImagePipeline
    from mirage.priors.weights import load_generator
    from mirage.runtime import files, spool
    from mirage.runtime.checkpoint import Checkpoint
    from mirage.runtime.devices import choose_device

    device = choose_device(task.params.device)
    specs = settle(task.params.networks, task.input.evaluator or None)
    selected = load_result(Selected, task.input.latents)
    checkpoint = Checkpoint(task.params.state, job.identity(task))
    precision = task.params.precision
    generator = load_generator(task.input.generator, device)
    embedded = embed_attack(
        ImagePipeline(generator, task.params.crop_px, precision),
        load_networks(specs, task.input.weights, device),
        selected.latents,
        selected.classes,
        task.params.measure_px,
        task.params.image_px,
        task.params.batch,
        device,
        checkpoint,
        precision,
    )
    per_class = selected.latents.shape[1]
    embedded.features.save(task.output.features)
    files.save_tensors(
        task.output.images,
        {
            "images": embedded.images,
            "labels": selected.classes.repeat_interleave(per_class),
        },
    )
    labels = selected.classes.tolist()
    shown = sorted(map(labels.index, gallery.drawn(labels, task.params.gallery_classes)))
    files.save_tensors(
        task.output.gallery,
        {
            "images": embedded.gallery[shown],
            "labels": selected.classes[shown],
            "scores": selected.scores[shown, 0],
        },
    )
    checkpoint.discard()
    spool.discard(checkpoint)
