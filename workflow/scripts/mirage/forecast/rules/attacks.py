"""Work of the rules of attacks: the stages of PPA, and the joining of chunks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mirage.forecast import units
from mirage.forecast.work import (
    FLOAT,
    LONG,
    Job,
    Work,
    Workshop,
    attack_of,
    rule,
)
from mirage.study.cells import Attack
from mirage.study.stages import Stages


@rule("run_stage")
def _run_stage(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack, part = attack_of(wildcards), wildcards["part"]
    stages = Stages(shop.study, attack)
    stage, classes = stages.part(part)
    work = _WORK[stages.settings["kind"], stage.role](shop, attack, classes)
    (size,) = work.outputs.values()
    return replace(
        work,
        inputs=tuple(stages.inputs(part, shop.generator(stages.settings["pool"])).values()),
        outputs={f"{attack.path}/{part}.safetensors": size},
    )


def _sample(shop: Workshop, attack: Attack, attacked: Sequence[int]) -> Work:
    settings, side = shop.study.attack(attack), shop.study.image_px(attack.target)
    pool, classes = settings["pool"], len(attacked)
    size = shop.study.pool(pool)["size"]
    scorer = units.classify(
        shop.study,
        attack.target.dataset,
        attack.target.architecture,
        shop.batches.forward,
        settings["sampling"],
    )
    views = 2 if settings["sampling"].get("flip_average", True) else 1
    each = shop.w_bytes(pool) + LONG + FLOAT
    images = size * FLOAT * shop.image_bytes(attack.target.dataset, side)
    return Work(
        calls=((scorer, float(views * size)),),
        outputs={"": classes * settings["sampling"]["candidates_per_class"] * each},
        gpu=True,
        host_bytes=images + 3 * size * classes * FLOAT + shop.weigh(shop.classify(attack.target)),
    )


def _optimise(shop: Workshop, attack: Attack, attacked: Sequence[int]) -> Work:
    settings = shop.study.attack(attack)
    count = len(attacked) * settings["sampling"]["candidates_per_class"]
    unit = units.attack(shop.study, attack.target, settings, shop.batches)
    steps, w = settings["optimisation"]["steps"], shop.w_bytes(settings["pool"])
    size = count * w + len(attacked) * steps * FLOAT
    return Work(
        calls=((unit, float(count * steps)),),
        outputs={"": size},
        gpu=True,
        host_bytes=4 * size + shop.weigh(shop.classify(attack.target)),
        state_bytes=count * (w + steps * FLOAT) + unit.batch * (3 * w + steps * FLOAT),
    )


def _select(shop: Workshop, attack: Attack, attacked: Sequence[int]) -> Work:
    settings, target = shop.study.attack(attack), attack.target
    classes, each = len(attacked), settings["sampling"]["candidates_per_class"]
    transforms = settings["selection"]["iterations"]
    side, batch = shop.study.image_px(target), min(shop.batches.forward, transforms * each)
    recipe, rendered = settings["selection"], min(shop.batches.forward, each)
    rate = units.rate(shop.study, target.dataset, target.architecture, batch, recipe)
    render = units.render(shop.study, settings["pool"], side, rendered, recipe)
    kept = settings["selection"]["n_selected"]
    size = classes * kept * (shop.w_bytes(settings["pool"]) + LONG + FLOAT)
    # Two matrices for each box of a pass: one box an image, or one an iteration.
    boxes = batch if recipe.get("crop") == "per_image" else batch // each + 2
    tables = 2.0 * boxes * side**2 * FLOAT
    return Work(
        calls=((render, float(classes * each)), (rate, float(classes * each * transforms))),
        outputs={"": size},
        gpu=True,
        host_bytes=2 * classes * each * shop.w_bytes(settings["pool"])
        + shop.weigh(shop.classify(target))
        + 3 * tables,  # as they are made
        device_bytes=each * FLOAT * shop.image_bytes(target.dataset, side) + tables,
        state_bytes=classes * each * FLOAT,
    )


_WORK = {("ppa", "sample"): _sample, ("ppa", "optimise"): _optimise, ("ppa", "select"): _select}
"""Kind and role -> work of a stage, its inputs and the path of its output left out."""


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
