"""Job: stage 2 of PPA for a chunk of classes (rule optimise_latents)."""

from typing import TYPE_CHECKING

from mirage.runtime import job, memory

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

# LOMMA's code takes its feature statistics from about this many public images.
PUBLIC_IMAGES = 5000


@memory.limited_by("optimise_batch")
def optimise_latents(task: "snakemake") -> dict[str, float]:
    """Write the optimised latents of the chunk."""
    from mirage import finite
    from mirage.attacks.latents import load_latents, save_latents
    from mirage.attacks.optimisation import optimise_latents
    from mirage.attacks.pool import Pool
    from mirage.attacks.recipe import OptimisationRecipe
    from mirage.attacks.sampling import Candidates
    from mirage.attacks.terms import feature_statistics
    from mirage.numerics import numerics
    from mirage.priors.pipeline import ImagePipeline
    from mirage.priors.weights import load_discriminator, load_generator
    from mirage.runtime.checkpoint import Checkpoint
    from mirage.runtime.devices import choose_device
    from mirage.study.cells import Target
    from mirage.study.chunks import classes_of
    from mirage.targets.weights import load_classifier

    device = choose_device(task.params.device)
    recipe = OptimisationRecipe.of(task.params.recipe)
    classes = classes_of(task.wildcards.chunk)
    candidates = load_latents(Candidates, task.input.candidates)
    classifier = load_classifier(task.input.weights, device)
    discriminator = statistics = None
    if task.input.discriminator:
        discriminator = load_discriminator(task.input.discriminator, device)
    if task.input.pool:
        public = Pool.load(task.input.pool).images[:PUBLIC_IMAGES]
        with numerics(recipe.precision, device):
            statistics = feature_statistics(classifier, public, task.params.batch, device)
    checkpoint = Checkpoint(task.params.state, job.identity(task))
    optimised = optimise_latents(
        ImagePipeline(load_generator(task.input.generator, device), task.params.crop_px),
        classifier,
        candidates.latents[classes.start : classes.stop],
        classes,
        recipe,
        task.params.image_px,
        Target.parse(task.wildcards.target).seed,
        device,
        task.params.batch,
        checkpoint,
        discriminator=discriminator,
        statistics=statistics,
    )
    save_latents(task.output.latents, optimised, {"recipe": dict(task.params.recipe)})
    checkpoint.discard()
    return {
        "first loss": optimised.losses[:, 0].mean().item(),
        "last loss": optimised.losses[:, -1].mean().item(),
        **finite.figures(optimised.failed),
    }


job.run(optimise_latents, snakemake)
