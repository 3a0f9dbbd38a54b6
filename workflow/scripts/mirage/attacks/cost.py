"""What the rules of attacks cost: a stage, as its kind tells, and the joining of chunks."""

from collections.abc import Mapping

from mirage.forecast.work import Job, Work, Workshop, attack_of
from mirage.study.stages import Stages


def run_stage(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """The stage for its classes."""
    attack = attack_of(wildcards)
    stages = Stages(shop.study, attack)
    stage, classes = stages.part(wildcards["part"])
    work: Work = stages.kind.costs["cost"][stage.role](shop, attack, classes)
    return work


def merge_chunks(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """The results of all chunks."""
    stages = Stages(shop.study, attack_of(wildcards))
    own = {"target": wildcards["target"], "attack": wildcards["attack"]}
    names = stages.parts(stages.held(wildcards["stage"]))
    parts = (shop.work(Job.of("run_stage", **own, part=name)) for name in names)
    size = sum(part.outputs["latents"] for part in parts)
    return Work(outputs={"latents": size}, light_s=0.1, host_bytes=3 * size)


COSTS = {"run_stage": run_stage, "merge_chunks": merge_chunks}
