"""Job: read a published StyleGAN2 pickle without running its code (rule import_prior)."""

from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def import_prior(task: "snakemake") -> None:
    """Write generator and discriminator as safetensors."""
    from mirage.priors.nvidia_pickle import import_pickle

    import_pickle(task.input.pickle, task.output.generator, task.output.discriminator)


job.run(import_prior, snakemake)
