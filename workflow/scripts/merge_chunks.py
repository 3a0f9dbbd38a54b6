"""Job: join the chunks of a stage (rule merge_chunks)."""

from mirage.runtime import job


@job.main
def merge_chunks(task: job.Assignment) -> None:
    """Write one file with every class once."""
    from mirage.attacks.results import join_chunks
    from mirage.runtime import files

    tensors, header = join_chunks(task.input.chunks, task.params.classes)
    files.save_tensors(task.output.latents, tensors, header)
