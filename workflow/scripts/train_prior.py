"""Job: train an image prior on public people (rule train_prior)."""

import tempfile

from mirage.runtime import job, memory


@job.main
@memory.limited_by_recipe
def train_prior(task: job.Assignment) -> None:
    """Write the averaged generator and the discriminator."""
    from mirage.data.dataset import DatasetRecipe
    from mirage.data.store import Store, prepare_store
    from mirage.data.views import View, ViewRecipe, prepare_view
    from mirage.priors.training import PriorRecipe, train_prior
    from mirage.priors.weights import save_discriminator, save_generator
    from mirage.runtime.checkpoint import Checkpoint
    from mirage.runtime.devices import choose_device

    source = task.params.source
    with tempfile.TemporaryDirectory() as folder:
        prepare_store(DatasetRecipe.of(task.params.dataset), folder)
        prepare_view(Store(folder), ViewRecipe.of(task.params.view), f"{folder}/view")
        images = View(f"{folder}/view").pixels.clone()
    checkpoint = Checkpoint(task.params.state, job.identity(task))
    trained = train_prior(
        images,
        PriorRecipe.of(source["recipe"]),
        source["seed"],
        checkpoint,
        choose_device(task.params.device),
    )
    made = {"recipe": source["recipe"], "seed": source["seed"], "dataset": source["dataset"]}
    save_generator(task.output.generator, trained.generator, made)
    save_discriminator(task.output.discriminator, trained.discriminator, made)
    checkpoint.discard()
