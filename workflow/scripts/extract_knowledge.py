"""Job: the knowledge extraction score of an attack (rule extract_knowledge)."""

from pathlib import Path
from typing import TYPE_CHECKING

from mirage.runtime import job, memory

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


@memory.limited_by_recipe
def extract_knowledge(task: "snakemake") -> dict[str, float]:
    """Write xi on the target's training and test images."""
    from mirage.data.views import View
    from mirage.evaluation.knowledge import extract_knowledge
    from mirage.evaluation.recipe import KnowledgeRecipe
    from mirage.runtime import files
    from mirage.runtime.checkpoint import Checkpoint
    from mirage.runtime.devices import choose_device
    from mirage.study.cells import Target

    rendered = files.load_tensors(task.input.images, "images", "labels")
    seed = Target.parse(task.wildcards.target).seed
    view = View(task.input.view, seed)
    checkpoint = Checkpoint(task.params.state, job.identity(task))
    scores = extract_knowledge(
        rendered["images"],
        rendered["labels"],
        view.select(view.train),
        view.select(view.test),
        KnowledgeRecipe.of(task.params.recipe),
        seed,
        checkpoint,
        choose_device(task.params.device),
        Path(str(task.input.init)) if task.input.init else None,
    )
    files.write_json(task.output.knowledge, scores)
    checkpoint.discard()
    return scores


job.run(extract_knowledge, snakemake)
