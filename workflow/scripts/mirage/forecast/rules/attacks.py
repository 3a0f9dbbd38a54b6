"""Work of the rules of attacks: a stage for some classes, and the joining of chunks."""

from collections.abc import Mapping
from dataclasses import replace

from mirage.forecast.work import Job, Work, Workshop, attack_of, rule
from mirage.study.stages import Stages


@rule("run_stage")
def _run_stage(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack, part = attack_of(wildcards), wildcards["part"]
    stages = Stages(shop.study, attack)
    stage, classes = stages.part(part)
    work: Work = stages.kind.costs["cost"][stage.role](shop, attack, classes)
    return replace(
        work,
        inputs=tuple(stages.inputs(part, shop.generator(stages.settings["pool"])).values()),
        outputs={f"{attack.path}/{part}.safetensors": work.outputs["latents"]},
        gpu=True,
    )


@rule("merge_chunks")
def _merge_chunks(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack = attack_of(wildcards)
    stages = Stages(shop.study, attack)
    own = {"target": wildcards["target"], "attack": wildcards["attack"]}
    names = stages.parts(stages.held(wildcards["stage"]))
    parts = [shop.work(Job.of("run_stage", **own, part=name)).outputs for name in names]
    size = sum(sum(part.values()) for part in parts)
    return Work(
        inputs=tuple(path for part in parts for path in part),
        outputs={f"{attack.path}/{wildcards['stage']}.safetensors": size},
        host_bytes=3 * size,
    )
