"""Job: join the chunks of a stage (rule merge_latents)."""

from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def merge_latents(task: "snakemake") -> None:
    """Write one file with every class once."""
    from mirage.attacks.latents import join_chunks, save_latents
    from mirage.attacks.optimisation import Optimised
    from mirage.attacks.selection import Selected
    from mirage.runtime import files

    stage = {"optimised": Optimised, "selected": Selected}[task.wildcards.stage]
    joined = join_chunks(stage, task.input.chunks, range(task.params.classes))
    recipe = files.read_metadata(task.input.chunks[0])["recipe"]
    save_latents(task.output.latents, joined, {"recipe": recipe})


job.run(merge_latents, snakemake)
