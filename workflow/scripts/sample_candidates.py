"""Job: stage 1 of PPA, the starting points of each class (rule sample_candidates)."""

from typing import TYPE_CHECKING

from mirage.runtime import job, memory

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


@memory.limited_by("forward_batch")
def sample_candidates(task: "snakemake") -> dict[str, float]:
    """Write the candidates of all classes."""
    from mirage import finite
    from mirage.attacks.latents import save_latents
    from mirage.attacks.pool import Pool
    from mirage.attacks.recipe import SamplingRecipe
    from mirage.attacks.sampling import sample_candidates
    from mirage.runtime.devices import choose_device
    from mirage.targets.weights import load_classifier

    device = choose_device(task.params.device)
    classifier = load_classifier(task.input.weights, device)
    candidates = sample_candidates(
        classifier,
        Pool.load(task.input.pool),
        SamplingRecipe.of(task.params.recipe),
        range(classifier.classes),
        task.params.batch,
        device,
    )
    save_latents(task.output.candidates, candidates, {"recipe": dict(task.params.recipe)})
    told = finite.figures(candidates.failed)
    return {"mean confidence": candidates.scores.mean().item(), **told}


job.run(sample_candidates, snakemake)
