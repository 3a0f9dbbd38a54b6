"""Job: train an image prior on public people (rule train_prior)."""

from mirage.runtime import job, memory


@job.main
@memory.limited_by_recipe
def train_prior(task: job.Assignment) -> None:
    """Write the generator and the discriminator."""
    from mirage.priors.trained import train_and_save
    from mirage.runtime.checkpoint import Checkpoint
    from mirage.runtime.devices import choose_device

    checkpoint = Checkpoint(task.params.state, job.identity(task))
    device = choose_device(task.params.device)
    train_and_save(
        task.params.kind, task.params.source, task.input.view, task.output, checkpoint, device
    )
    checkpoint.discard()
