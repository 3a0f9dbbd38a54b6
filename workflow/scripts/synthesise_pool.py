"""Job: draw and render a candidate pool (rule synthesise_pool)."""

from mirage.runtime import job, memory


@job.main
@memory.limited_by("forward_batch")
def synthesise_pool(task: job.Assignment) -> dict[str, float]:
    """Write the latents and the images all targets rate."""
    from mirage.attacks.pool import synthesise_pool
    from mirage.attacks.recipe import PoolRecipe
    from mirage.priors.pipeline import ImagePipeline
    from mirage.priors.weights import load_generator
    from mirage.runtime import spool
    from mirage.runtime.checkpoint import Checkpoint
    from mirage.runtime.devices import choose_device

    device = choose_device(task.params.device)
    pipeline = ImagePipeline(load_generator(task.input.generator, device), task.params.crop_px)
    checkpoint = Checkpoint(task.params.state, job.identity(task))
    pool = synthesise_pool(
        pipeline,
        PoolRecipe.of(task.params.recipe),
        int(task.wildcards.image_px),
        task.params.batch,
        device,
        checkpoint,
    )
    pool.save(task.output.pool, {"recipe": dict(task.params.recipe)})
    checkpoint.discard()
    spool.discard(checkpoint)
    return {"candidates": len(pool.w)}
