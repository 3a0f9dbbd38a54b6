"""What the rules of evaluation cost: features, the student, metrics."""

from collections.abc import Mapping
from typing import Any

from mirage.evaluation.fidelity import FIDELITIES, UNROUNDED
from mirage.forecast import units
from mirage.forecast.units import Batches, Settings, Unit
from mirage.forecast.work import FLOAT, HALF, LONG, Work, Workshop, attack_of
from mirage.study.cells import Target
from mirage.study.study import NETWORKS, Study


def check_evaluator(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Test images classified twice, with and without the re-mapping."""
    name = wildcards["dataset"]
    view, test = shop.study.network(name, "eval")["view"], shop.images(name).test
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
    networks = [shop.study.network(name, role) for role in NETWORKS]
    # Features of both fidelities where a network is fed two ranges: the FID's, at paper scale.
    size = train * (shop.feature_bytes(name, len(FIDELITIES)) + LONG)
    views = {network["view"] for network in networks}
    return Work(
        calls=((embedding_of_photographs(shop.study, name, shop.batches), float(train)),),
        outputs={"features": size},
        resized=train * sum(network["spec"]["kind"] in UNROUNDED for network in networks),
        host_bytes=sum(shop.view_bytes(name, view, train) for view in views) + 3 * size,
    )


def embedding_of_photographs(study: Study, dataset: str, batches: Batches) -> Unit:
    """One photograph embedded in every evaluation network."""
    told = {**_networks(study, dataset), **units.precision(study.scale["evaluation"])}
    return units.make("embed_real", _names(told), batches.forward, told)


def embed_attack(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Every selected latent rendered once, then through every evaluation network."""
    attack = attack_of(wildcards)
    study, settings, name = shop.study, shop.study.attack(attack), attack.target.dataset
    classes = study.classes(name)
    count = classes * settings["selection"]["n_selected"]
    logits = FLOAT * len(FIDELITIES) * classes
    features = count * (shop.feature_bytes(name, len(FIDELITIES)) + logits)
    images = count * HALF * shop.image_bytes(name, study.knowledge(name)["image_px"])
    shown = min(study.scale["evaluation"]["gallery_classes"], classes)
    batch = min(shop.batches.forward, count)
    return Work(
        calls=((embedding(study, attack.target, settings, shop.batches), float(count)),),
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


def embedding(study: Study, target: Target, settings: Settings, batches: Batches) -> Unit:
    """One latent rendered and embedded in every evaluation network."""
    told = {
        **units.prior(study, study.pool(settings["pool"])["prior"]),
        **_networks(study, target.dataset),
        "student_px": study.knowledge(target.dataset)["image_px"],
        "gallery_px": study.image_px(target),
        **units.precision(study.scale["evaluation"]),
    }
    name = f"{_names(told)} from {units.prior_name(told)}"
    return units.make("embed_attack", name, batches.forward, told)


def _networks(study: Study, dataset: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for role in NETWORKS:
        entry = study.network(dataset, role)
        found[role] = {
            "spec": study.network_spec(dataset, role),
            "architecture": entry.get("target", {}).get("architecture"),
            "channels": study.dataset(dataset)["recipe"]["channels"],
        }
    return {"networks": found, "classes": study.classes(dataset)}


def _names(settings: Settings) -> str:
    networks = settings["networks"].values()
    return " + ".join(n["architecture"] or n["spec"]["kind"] for n in networks)


def extract_knowledge(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """A student trained on the attack's images, then tested on the real ones."""
    attack = attack_of(wildcards)
    study, settings, name = shop.study, shop.study.attack(attack), attack.target.dataset
    recipe = study.knowledge(name)
    view = study.architecture(recipe["architecture"])["view"]
    count = study.classes(name) * settings["selection"]["n_selected"]
    judge = units.classify(study, name, recipe["architecture"], shop.batches.forward)
    images = count * HALF * shop.image_bytes(name, recipe["image_px"])
    weights = shop.weigh(judge)
    return Work(
        calls=(
            (student_step(study, name), float(recipe["epochs"] * count)),
            (judge, float(count + shop.images(name).total)),
        ),
        host_bytes=2 * images + 2 * shop.view_bytes(name, view) + 4 * weights,
        device_bytes=images,
        state_bytes=2 * weights,  # weights and SGD's momentum
    )


def student_step(study: Study, dataset: str) -> Unit:
    """One image of a training step of the surrogate student."""
    recipe = study.knowledge(dataset)
    settings = {
        **units.classifier(study, dataset, recipe["architecture"]),
        "batch_size": recipe["batch_size"],
        **units.precision(recipe),
        "recipe": dict(recipe),
    }
    name, batch = units.classifier_name(settings), recipe["batch_size"]
    # Batch norm wants two images.
    return units.make("student", name, batch, settings, ("recipe", "batch_size"), None, least=2)


def score_attack(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Covariances of both sides, the root of their product, distances within a class."""
    attack = attack_of(wildcards)
    name, settings = attack.target.dataset, shop.study.attack(attack)
    kept, classes = settings["selection"]["n_selected"], shop.study.classes(name)
    width = shop.width(name, "fid")
    fakes, reals = kept * classes, shop.images(name).train
    features = (fakes + reals) * shop.feature_bytes(name, len(FIDELITIES))
    pairs = fakes * reals / classes
    flops = len(FIDELITIES) * (2 * (fakes + reals) * width**2 + 60 * width**3)
    flops += 4 * pairs * shop.feature_bytes(name, 1)
    return Work(light_s=0.3, flops=flops, host_bytes=features + 4 * LONG * (fakes + reals) * width)


COSTS = {
    "check_evaluator": check_evaluator,
    "embed_real": embed_real,
    "embed_attack": embed_attack,
    "extract_knowledge": extract_knowledge,
    "score_attack": score_attack,
}
