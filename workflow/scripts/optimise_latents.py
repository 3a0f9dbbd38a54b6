"""Job: stage 2 of PPA for a chunk of classes (rule optimise_latents)."""

from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def optimise_latents(task: "snakemake") -> dict[str, float]:
    """Write the optimised latents of the chunk."""
    from mirage.attacks.latents import load_latents, save_latents
    from mirage.attacks.optimisation import OptimisationRecipe, optimise_latents
    from mirage.attacks.sampling import Candidates
    from mirage.cells import classes_of
    from mirage.priors.pipeline import ImagePipeline
    from mirage.priors.weights import load_generator
    from mirage.runtime.checkpoint import Checkpoint
    from mirage.runtime.devices import choose_device
    from mirage.targets.weights import load_classifier

    device = choose_device(task.params.device)
    classes = classes_of(task.wildcards.chunk)
    candidates = load_latents(Candidates, task.input.candidates)
    checkpoint = Checkpoint(task.params.state, job.identity(task))
    optimised = optimise_latents(
        ImagePipeline(load_generator(task.input.generator, device), task.params.crop_px),
        load_classifier(task.input.weights, device),
        candidates.latents[classes.start : classes.stop],
        classes,
        OptimisationRecipe.of(task.params.recipe),
        task.params.image_px,
        int(task.wildcards.seed),
        device,
        task.params.batch,
        checkpoint,
    )
    save_latents(task.output.latents, optimised, {"recipe": dict(task.params.recipe)})
    checkpoint.discard()
    return {
        "first loss": optimised.losses[:, 0].mean().item(),
        "last loss": optimised.losses[:, -1].mean().item(),
    }


job.run(optimise_latents, snakemake)
