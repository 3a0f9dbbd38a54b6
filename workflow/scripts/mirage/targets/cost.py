"""What the rules of targets cost: classifiers trained, or imported and measured."""

from collections.abc import Mapping

from mirage.forecast import units
from mirage.forecast.inventory import train_images
from mirage.forecast.work import Work, Workshop, target_of


def train_target(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Epochs of training; test images after each where the best is kept."""
    target, study = target_of(wildcards), shop.study
    images = shop.images(target.dataset)
    count = train_images(study, target, images)
    unit, view = units.train(study, target), study.architecture(target.architecture)["view"]
    weights = shop.weigh(shop.classify(target))
    epochs, own = unit.settings["recipe"]["epochs"], shop.view_bytes(target.dataset, view, count)
    judged = count + images.test
    if unit.settings["recipe"].get("keep") == "best":
        judged += epochs * images.test
    return Work(
        calls=((unit, float(epochs * count)), (shop.classify(target), float(judged))),
        outputs={"weights": weights, "history": 80 * epochs},
        host_bytes=own + shop.view_bytes(target.dataset, view, images.test) + 4 * weights,
        device_bytes=own,
        state_bytes=3 * weights,  # weights and Adam's two moments
    )


def import_target(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Every image classified once."""
    target = target_of(wildcards)
    view = shop.study.architecture(target.architecture)["view"]
    weights, total = shop.weigh(shop.classify(target)), shop.images(target.dataset).total
    return Work(
        calls=((shop.classify(target), float(total)),),
        outputs={"weights": weights},
        light_s=10,
        host_bytes=shop.view_bytes(target.dataset, view) + 2 * weights,
    )


COSTS = {"train_target": train_target, "import_target": import_target}
