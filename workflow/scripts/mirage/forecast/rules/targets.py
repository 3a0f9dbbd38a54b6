"""Work of the rules of targets: classifiers trained."""

from collections.abc import Mapping

from mirage.forecast import units
from mirage.forecast.inventory import train_images
from mirage.forecast.work import (
    SMALL,
    Work,
    Workshop,
    rule,
    target_of,
    view_file,
)
from mirage.study.study import imported
from mirage.targets.treatments import make


@rule("train_target")
def _train_target(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    target = target_of(wildcards)
    init = shop.study.architecture(target.architecture).get("init")
    study, images = shop.study, shop.images(target.dataset)
    count = train_images(study, target, images)
    unit, view = units.train(study, target), study.architecture(target.architecture)["view"]
    weights = shop.weigh(shop.classify(target))
    epochs, own = unit.settings["recipe"]["epochs"], shop.view_bytes(target.dataset, view, count)
    judged = count + images.test
    watches = any(part.watches_test for part in make(study.treatment(target)))
    if watches or unit.settings["recipe"].get("keep") == "best":
        judged += epochs * images.test
    return Work(
        calls=((unit, float(epochs * count)), (shop.classify(target), float(judged))),
        inputs=(
            view_file(target.dataset, view),
            *([imported(init)] if init else []),
            *(f"{sibling.path}/metrics.json" for sibling in target.siblings),
        ),
        outputs={
            f"{target.path}/weights.safetensors": weights,
            f"{target.path}/history.csv": 80 * epochs,
            f"{target.path}/metrics.json": SMALL,
        },
        gpu=True,
        host_bytes=own + shop.view_bytes(target.dataset, view, images.test) + 4 * weights,
        device_bytes=own,
        state_bytes=3 * weights,  # weights and Adam's two moments
    )


@rule("import_target")
def _import_target(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    target = target_of(wildcards)
    view = shop.study.architecture(target.architecture)["view"]
    weights, total = shop.weigh(shop.classify(target)), shop.images(target.dataset).total
    return Work(
        calls=((shop.classify(target), float(total)),),
        inputs=(
            view_file(target.dataset, view),
            imported(shop.study.released_targets[target]),
        ),
        outputs={
            f"{target.path}/weights.safetensors": weights,
            f"{target.path}/history.csv": SMALL,
            f"{target.path}/metrics.json": SMALL,
        },
        gpu=True,
        host_bytes=shop.view_bytes(target.dataset, view) + 2 * weights,
    )
