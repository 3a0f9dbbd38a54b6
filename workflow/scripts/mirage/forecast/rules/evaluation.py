"""Work of the rules of evaluation: features, the student, metrics."""

from collections.abc import Mapping

from mirage.evaluation.fidelity import FIDELITIES, UNROUNDED
from mirage.forecast import units
from mirage.forecast.work import (
    FLOAT,
    HALF,
    LONG,
    SMALL,
    Work,
    Workshop,
    attack_of,
    rule,
    store_files,
    view_file,
)
from mirage.study.stages import Stages
from mirage.study.study import imported


@rule("check_evaluator")
def _check_evaluator(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    name = wildcards["dataset"]
    view, test = shop.study.network(name, "eval")["view"], shop.images(name).test
    return Work(
        # Twice, with and without the re-mapping; all networks' passes bound that of this one.
        calls=((units.embed_real(shop.study, name, shop.batches), 2.0 * test),),
        inputs=(view_file(name, view), imported(shop.study.network(name, "eval")["asset"])),
        outputs={f"evaluation/{name}/evaluator.json": SMALL},
        gpu=True,
        host_bytes=shop.view_bytes(name, view, test),
    )


@rule("embed_real")
def _embed_real(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    name, seed = shop.study.measured_by(wildcards["measured"])
    train, views = shop.images(name).train, shop.network_views(name)
    # Features of both fidelities where a network is fed two ranges: the FID's, at paper scale.
    size = train * (shop.feature_bytes(name, len(FIDELITIES)) + LONG)
    kinds = [shop.study.network(name, role)["spec"]["kind"] for role in shop.study.roles(name)]
    unrounded = sum(kind in UNROUNDED for kind in kinds)
    return Work(
        calls=((units.embed_real(shop.study, name, shop.batches), float(train)),),
        inputs=(
            *(view_file(name, view) for view in views),
            *(store_files(name) if unrounded else ()),
            *shop.network_files(name, seed),
        ),
        outputs={f"evaluation/{wildcards['measured']}/features.safetensors": size},
        resized=unrounded * train,
        gpu=True,
        host_bytes=sum(shop.view_bytes(name, view, train) for view in views) + 3 * size,
    )


@rule("embed_attack")
def _embed_attack(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack = attack_of(wildcards)
    study, settings, name = shop.study, shop.study.attack(attack), attack.target.dataset
    stages = Stages(study, attack)
    classes = len(stages.classes)
    count = classes * settings["selection"]["n_selected"]
    logits = FLOAT * len(FIDELITIES) * study.classes(name)
    features = count * (shop.feature_bytes(name, len(FIDELITIES)) + logits)
    images = count * HALF * shop.image_bytes(name, study.measure_px(attack) or 0)
    shown = min(study.scale["evaluation"]["gallery_classes"], classes)
    student = f"{attack.path}/images.safetensors"
    batch = min(shop.batches.forward, count)
    return Work(
        calls=((units.embed_attack(study, attack.target, settings, shop.batches), float(count)),),
        inputs=(
            stages.outcome,
            shop.generator(settings["pool"]),
            *shop.network_files(name, attack.target.seed),
        ),
        outputs={
            f"{attack.path}/features.safetensors": features,
            student: images,
            f"{attack.path}/gallery.safetensors": shown
            * shop.image_bytes(name, study.image_px(attack.target)),
        },
        temporary=(student,),
        gpu=True,
        # Images are written from where they lie, features once more as bytes; a batch on its way
        # from the spool is held three times.
        host_bytes=images + 2 * features + 3 * (images + features) * batch / count,
        state_bytes=images + features,
    )


@rule("measure_attack")
def _measure_attack(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    return {"knowledge": _extract_knowledge}[wildcards["measure"]](shop, wildcards)


def _extract_knowledge(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack = attack_of(wildcards)
    study, settings, name = shop.study, shop.study.attack(attack), attack.target.dataset
    recipe = study.measure("knowledge", name)
    student = study.architecture(recipe["architecture"])
    view, init = student["view"], student.get("init")
    count = len(Stages(study, attack).classes) * settings["selection"]["n_selected"]
    judge = units.classify(study, name, recipe["architecture"], shop.batches.forward)
    images = count * HALF * shop.image_bytes(name, recipe["image_px"])
    weights = shop.weigh(judge)
    return Work(
        calls=(
            (units.student(study, name), float(recipe["epochs"] * count)),
            (judge, float(count + shop.images(name).total)),
        ),
        inputs=(
            f"{attack.path}/images.safetensors",
            view_file(name, view),
            *([imported(init)] if init else []),
        ),
        outputs={f"{attack.path}/knowledge.json": SMALL},
        gpu=True,
        host_bytes=2 * images + 2 * shop.view_bytes(name, view) + 4 * weights,
        device_bytes=images,
        state_bytes=2 * weights,  # weights and SGD's momentum
    )


@rule("score_attack")
def _score_attack(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack = attack_of(wildcards)
    name, settings = attack.target.dataset, shop.study.attack(attack)
    kept, classes = settings["selection"]["n_selected"], len(Stages(shop.study, attack).classes)
    fid = shop.study.network(name, "fid")
    kind = fid.get("target", {}).get("architecture", fid["spec"]["kind"])
    width = shop.feature_width.get(kind, 2048)
    fakes, reals = kept * classes, shop.images(name).train
    features = (fakes + reals) * shop.feature_bytes(name, len(FIDELITIES))
    # Covariances of both sides, the root of their product, distances within a class.
    pairs = fakes * reals / shop.study.classes(name)
    flops = len(FIDELITIES) * (2 * (fakes + reals) * width**2 + 60 * width**3)
    flops += 4 * pairs * shop.feature_bytes(name, 1)
    return Work(
        inputs=(
            f"{attack.path}/features.safetensors",
            f"evaluation/{shop.study.measured(name, attack.target.seed)}/features.safetensors",
            *(f"{attack.path}/{measure}.json" for measure in shop.study.measures(attack)),
        ),
        outputs={f"{attack.path}/metrics.json": SMALL, f"{attack.path}/per_class.csv": SMALL},
        flops=flops,
        host_bytes=features + 4 * LONG * (fakes + reals) * width,
    )
