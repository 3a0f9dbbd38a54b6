"""Names in the configuration that must stand in another of its sections."""

import difflib
from collections.abc import Iterator, Mapping

from mirage.evaluation.measures import MEASURES
from mirage.study.settings import Scale
from mirage.targets.treatments import PARTS
from mirage.visible import listed

_NAMED_BY_ITEMS = {
    "dataset": "datasets", "architecture": "architectures", "attack": "attacks",
    "attacks": "attacks",
}  # fmt: skip
"""Settings of the paper's items that name an entry of a section."""


def unknown_names(scale: Scale) -> Iterator[str]:
    """Yield what no section holds, as ``key: problem`` texts."""
    sections = {**scale, "parts of a treatment": PARTS, "kinds of measures": MEASURES}
    for place, kind, name in _references(scale):
        known = list(sections[kind])
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            yield f"{place}: {name!r} is not among {kind} ({listed(known)}){hint}"


def _references(scale: Scale) -> Iterator[tuple[str, str, str]]:
    """Every place that names an entry of another section: (place, section, name)."""
    for index, grid in enumerate(scale["targets"]):
        yield f"targets[{index}].dataset", "datasets", grid["dataset"]
        yield f"targets[{index}].training", "training", grid["training"]
        for name in grid["architectures"]:
            yield f"targets[{index}].architectures", "architectures", name
        for name in grid["attacks"]:
            yield f"targets[{index}].attacks", "attacks", name
        if grid["attacks"]:
            yield f"networks (for targets[{index}])", "networks", grid["dataset"]
    for name in scale.get("treatments", {}):
        yield "treatments", "parts of a treatment", name
    for name, dataset in scale["datasets"].items():
        assets = dataset.get("asset", {})
        for asset in [assets] if isinstance(assets, str) else assets.values():
            yield f"datasets.{name}.asset", "assets", asset
        for private in dataset.get("disjoint_from", []):
            yield f"datasets.{name}.disjoint_from", "datasets", private
    for name, architecture in scale["architectures"].items():
        if "init" in architecture:
            yield f"architectures.{name}.init", "assets", architecture["init"]
    for dataset, networks in scale["networks"].items():
        yield "networks", "datasets", dataset
        for name, network in networks.items():
            place = f"networks.{dataset}.{name}"
            if "reference" in network:
                yield f"{place}.reference", "assets", network["reference"]
            if "asset" in network:
                yield f"{place}.asset", "assets", network["asset"]
            else:
                target = network["target"]
                yield f"{place}.target.dataset", "datasets", target["dataset"]
                yield f"{place}.target.architecture", "architectures", target["architecture"]
                yield f"{place}.target.training", "training", target["training"]
    for cell, asset in scale.get("released_targets", {}).items():
        yield f"released_targets.{cell}", "assets", asset
    for name, pool in scale["pools"].items():
        yield f"pools.{name}.prior", "priors", pool["prior"]
    for name, prior in scale["priors"].items():
        kind = "assets" if prior["source"]["kind"] == "pickle" else "datasets"
        yield (
            f"priors.{name}.source",
            kind,
            prior["source"].get("asset") or prior["source"]["dataset"],
        )
        if "reference" in prior["source"]:
            yield f"priors.{name}.source.reference", "assets", prior["source"]["reference"]
    for name, attack in scale["attacks"].items():
        if "like" in attack:
            yield f"attacks.{name}.like", "attacks", attack["like"]
        for entry in (attack, *attack.get("per_dataset", {}).values()):
            for measure in entry.get("measures", ()):
                yield f"attacks.{name}.measures", "measures", measure
    for name, measure in scale["measures"].items():
        yield "measures", "kinds of measures", name
        if "architecture" in measure:
            yield f"measures.{name}.architecture", "architectures", measure["architecture"]
    for item, settings in scale["paper"].items():
        if isinstance(settings, Mapping):
            for key, section in _NAMED_BY_ITEMS.items():
                names = settings.get(key, ())
                for name in [names] if isinstance(names, str) else names:
                    yield f"paper.{item}.{key}", section, name.partition("+")[0]
