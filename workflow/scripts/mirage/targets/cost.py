"""What the rules of targets cost: classifiers trained, or imported and measured."""

import math
from collections.abc import Mapping
from dataclasses import asdict

from mirage.forecast import units
from mirage.forecast.inventory import train_images
from mirage.forecast.units import Settings, Unit
from mirage.forecast.work import FLOAT, Work, Workshop, target_of
from mirage.study.cells import Target
from mirage.study.study import Study
from mirage.targets.hooks import STAGES
from mirage.targets.students_recipe import StudentsRecipe
from mirage.targets.treatments import make


def train_target(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Epochs of training; test images after each where the best is kept."""
    target, study = target_of(wildcards), shop.study
    images = shop.images(target.dataset)
    count = train_images(study, target, images)
    unit, view = training_step(study, target), study.architecture(target.architecture)["view"]
    weights = shop.weigh(shop.classify(target))
    epochs, own = unit.settings["recipe"]["epochs"], shop.view_bytes(target.dataset, view, count)
    judged = count + images.test
    parts = make(study.treatment(target))
    steps = epochs * math.ceil(count / unit.batch)
    named = STAGES.get(target.architecture, ())
    columns = sum(len(part.columns(named)) for part in parts)
    if any(part.watches_test for part in parts) or unit.settings["recipe"].get("keep") == "best":
        judged += epochs * images.test
    return Work(
        calls=((unit, float(epochs * count)), (shop.classify(target), float(judged))),
        outputs={"weights": weights, "history": (80 + 20 * columns) * epochs},
        light_s=steps * sum(part.step_s for part in parts),
        host_bytes=own + shop.view_bytes(target.dataset, view, images.test) + 4 * weights,
        device_bytes=own,
        # Weights and Adam's two moments; where it may diverge, weights to go back to.
        state_bytes=(3 + (columns > 0)) * weights,
    )


def training_step(study: Study, target: Target) -> Unit:
    """One image of a training step."""
    return _step(study, target.dataset, target.architecture, study.training(target))


def _step(study: Study, dataset: str, architecture: str, recipe: Settings) -> Unit:
    settings = {
        **units.classifier(study, dataset, architecture),
        "batch_size": recipe["batch_size"],
        "optimiser": recipe["optimiser"]["name"],  # its moments are memory
        **units.precision(recipe),
        "recipe": recipe,
    }
    name, batch = units.classifier_name(settings), recipe["batch_size"]
    # Batch norm wants two images.
    return units.make("train", name, batch, settings, ("recipe", "batch_size"), None, least=2)


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


def train_students(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Epochs of every student on the target's answers, which are asked for once."""
    target, study = target_of(wildcards), shop.study
    entry = study.students(target, wildcards["students"])
    recipe, public = StudentsRecipe.of(entry["recipe"]), shop.images(entry["dataset"]).total
    learning = {
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "optimiser": asdict(recipe.optimiser),
        "precision": recipe.precision,
    }
    steps = [
        (_step(study, target.dataset, name, learning), float(recipe.epochs * public))
        for name in recipe.architectures
    ]
    passes = (
        units.classify(study, target.dataset, name, shop.batches.forward)
        for name in recipe.architectures
    )
    weights = [shop.weigh(unit) for unit in passes]
    own = shop.view_bytes(entry["dataset"], entry["view"])
    return Work(
        calls=((shop.classify(target), float(public)), *steps),
        outputs={"students": sum(weights)},
        host_bytes=own + 2 * sum(weights) + public * study.classes(target.dataset) * FLOAT,
        device_bytes=own,
        state_bytes=sum(weights) + max(weights),
    )


COSTS = {
    "train_target": train_target,
    "import_target": import_target,
    "train_students": train_students,
}
