"""What the rules of evaluation cost: features, the student, metrics."""

from collections.abc import Mapping
from typing import Any

from mirage.evaluation.fidelity import FIDELITIES, unrounded
from mirage.evaluation.measures import MEASURES
from mirage.evaluation.recipe import VerificationRecipe
from mirage.forecast import units
from mirage.forecast.units import Batches, Settings, Unit
from mirage.forecast.work import FLOAT, HALF, LONG, Work, Workshop, attack_of, target_of
from mirage.study.cells import Attack
from mirage.study.measuring import released_evaluator
from mirage.study.stages import Stages
from mirage.study.study import Study

_ROWS = 1024
"""Rows of distances that a calibration holds at a time."""

_FITTED = 4096
"""Rows that enter the factor of a covariance at a time."""


def check_evaluator(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Test images classified twice, with and without the re-mapping."""
    name = wildcards["dataset"]
    view, test = released_evaluator(shop.study, name)["view"], shop.images(name).test
    return Work(
        # All networks' passes bound that of this one.
        calls=((embedding_of_photographs(shop.study, name, shop.batches), 2.0 * test),),
        light_s=10,
        host_bytes=shop.view_bytes(name, view, test),
    )


def embed_real(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Every training image once through every evaluation network."""
    name, _ = shop.study.measured_by(wildcards["measured"])
    train = shop.images(name).train
    networks = [shop.study.network(name, role) for role in shop.study.roles(name)]
    specs = [network["spec"] for network in networks]
    # Features of both fidelities where a network is fed two ranges: the FID's, at paper scale.
    size = train * (shop.feature_bytes(name, len(FIDELITIES)) + LONG)
    views = {network["view"] for network in networks}
    return Work(
        calls=((embedding_of_photographs(shop.study, name, shop.batches), float(train)),),
        outputs={"features": size},
        resized=train * sum(unrounded(spec) for spec in specs),
        host_bytes=sum(shop.view_bytes(name, view, train) for view in views) + 3 * size,
    )


def embedding_of_photographs(study: Study, dataset: str, batches: Batches) -> Unit:
    """One photograph embedded in every evaluation network."""
    told = {**_networks(study, dataset), **units.precision(study.scale["evaluation"])}
    return units.make("embed_real", _names(told), batches.forward, told)


def embed_attack(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Every selected latent rendered once, then through every evaluation network."""
    attack = attack_of(wildcards)
    study, name = shop.study, attack.target.dataset
    stages = Stages(study, attack)
    count = stages.images
    logits = FLOAT * len(FIDELITIES) * study.classes(name)
    features = count * (shop.feature_bytes(name, len(FIDELITIES)) + logits)
    images = count * HALF * shop.image_bytes(name, study.measure_px(attack) or 0)
    shown = min(study.scale["evaluation"]["gallery_classes"], len(stages.classes))
    batch = min(shop.batches.forward, count)
    return Work(
        calls=((embedding(study, attack, shop.batches), float(count)),),
        outputs={
            "features": features,
            "images": images,
            "gallery": shown * shop.image_bytes(name, study.image_px(attack.target)),
        },
        # Images are written from where they lie, features once more as bytes; a batch on its way
        # from the spool is held three times.
        host_bytes=images + 2 * features + 3 * (images + features) * batch / count,
        state_bytes=images + features,
    )


def embedding(study: Study, attack: Attack, batches: Batches) -> Unit:
    """One latent rendered and embedded in every evaluation network."""
    target = attack.target
    told = {
        **units.prior(study, study.prior_of(attack)),
        **_networks(study, target.dataset),
        "student_px": study.measure_px(attack),
        "gallery_px": study.image_px(target),
        **units.precision(study.scale["evaluation"]),
    }
    name = f"{_names(told)} from {units.prior_name(told)}"
    return units.make("embed_attack", name, batches.forward, told)


def _networks(study: Study, dataset: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for role in study.roles(dataset):
        found[role] = {
            "spec": study.network_spec(dataset, role),
            "architecture": study.network_architecture(dataset, role),
            "channels": study.dataset(dataset)["recipe"]["channels"],
        }
    return {"networks": found, "classes": study.classes(dataset)}


def _names(settings: Settings) -> str:
    networks = settings["networks"].values()
    return " + ".join(n["architecture"] or n["spec"]["kind"] for n in networks)


def measure_attack(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """What the measure says."""
    work: Work = MEASURES[wildcards["measure"]].costs["cost"](shop, attack_of(wildcards))
    return work


def measure_target(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """What the measure says."""
    work: Work = MEASURES[wildcards["measure"]].costs["cost"](shop, target_of(wildcards))
    return work


def fit_reference(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Covariances of all training images, distances within a class."""
    name, _ = shop.study.measured_by(wildcards["measured"])
    width, reals = shop.width(name, "fid"), shop.images(name).train
    flops = float(len(FIDELITIES) * 2 * reals * width**2)
    return Work(
        light_s=0.3,
        flops=flops + 2 * reals**2 / shop.study.classes(name) * width,
        outputs={"reference": LONG * len(FIDELITIES) * width * min(reals, width)},
        host_bytes=2 * FLOAT * reals * width + _fitting(width),
    )


def score_attack(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Covariance of the attack's images, the root of two, distances within a class."""
    attack = attack_of(wildcards)
    study, name = shop.study, attack.target.dataset
    stages, classes = Stages(study, attack), study.classes(name)
    width = shop.width(name, "fid") if "fid" in study.roles(name) else 0
    fakes, reals = stages.images, shop.images(name).train
    # The other side is fitted anew where some classes are not attacked.
    few = len(stages.classes) < classes
    fitted = fakes + (reals * len(stages.classes) / classes if few else 0)
    flops = float(len(FIDELITIES) * (2 * fitted * width**2 + 60 * width**3))
    flops += 4 * fakes * reals / classes * shop.feature_bytes(name, 1)
    widest = max(shop.width(name, role) for role in study.roles(name))
    # Of one network at a time, and of its file what is mapped while it is read.
    features = 2 * FLOAT * (fakes + reals) * widest
    return Work(light_s=0.3, flops=flops, host_bytes=features + _fitting(width))


def _fitting(width: int) -> float:
    """Bytes of a factor, a block of rows, and their copies while they are factorised."""
    return float(4 * LONG * (_FITTED + width) * width)


def calibrate_faces(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Distances of all pairs of training images."""
    name, _ = shop.study.measured_by(wildcards["measured"])
    count = shop.images(name).train
    width = shop.width(
        name, VerificationRecipe.of(shop.study.scale["evaluation"]["verification"]).network
    )
    return Work(
        light_s=0.3,
        flops=2.0 * count**2 * width,
        host_bytes=count * (shop.feature_bytes(name, len(FIDELITIES)) + 2 * LONG * width)
        + 4 * _ROWS * count * LONG,
    )


COSTS = {
    "check_evaluator": check_evaluator,
    "embed_real": embed_real,
    "embed_attack": embed_attack,
    "measure_attack": measure_attack,
    "measure_target": measure_target,
    "calibrate_faces": calibrate_faces,
    "fit_reference": fit_reference,
    "score_attack": score_attack,
}
