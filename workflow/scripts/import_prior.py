"""Job: read a published StyleGAN2 pickle without running its code (rule import_prior)."""

from mirage.runtime import job


@job.main
def import_prior(task: job.Assignment) -> None:
    """Write generator and discriminator as safetensors, and what was found."""
    from mirage.foreign.known import published
    from mirage.priors.nvidia_pickle import import_pickle
    from mirage.runtime import files

    name = task.wildcards.prior
    record = import_pickle(
        task.input.pickle,
        task.output.generator,
        task.output.discriminator,
        published(task.input.known, name),
        task.params.memory,
        task.input.reference or None,
        task.params.image_px,
    )
    files.write_json(task.output.record, {"name": name, **record})
