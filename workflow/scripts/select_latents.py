"""Job: stage 3 of PPA for a chunk of classes (rule select_latents)."""

from typing import TYPE_CHECKING

from mirage.runtime import job, memory

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


@memory.limited_by("forward_batch")
def select_latents(task: "snakemake") -> dict[str, float]:
    """Write the chunk's most robust latents."""
    from mirage import finite
    from mirage.attacks.latents import load_latents, save_latents
    from mirage.attacks.optimisation import Optimised
    from mirage.attacks.recipe import SelectionRecipe
    from mirage.attacks.selection import select_latents
    from mirage.priors.pipeline import ImagePipeline
    from mirage.priors.weights import load_generator
    from mirage.runtime.checkpoint import Checkpoint
    from mirage.runtime.devices import choose_device
    from mirage.study.cells import Target
    from mirage.study.chunks import classes_of
    from mirage.targets.weights import load_classifier

    device = choose_device(task.params.device)
    checkpoint = Checkpoint(task.params.state, job.identity(task))
    selected = select_latents(
        ImagePipeline(load_generator(task.input.generator, device), task.params.crop_px),
        load_classifier(task.input.weights, device),
        load_latents(Optimised, task.input.latents).latents,
        classes_of(task.wildcards.chunk),
        SelectionRecipe.of(task.params.recipe),
        task.params.image_px,
        Target.parse(task.wildcards.target).seed,
        device,
        task.params.batch,
        checkpoint,
    )
    save_latents(task.output.latents, selected, {"recipe": dict(task.params.recipe)})
    checkpoint.discard()
    told = finite.figures(selected.failed)
    return {"robust confidence": selected.scores.mean().item(), **told}


job.run(select_latents, snakemake)
