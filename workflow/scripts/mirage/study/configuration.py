"""The configuration, checked before anything runs.

Every scale is held to the schema and to the rules a schema cannot say (names that must exist,
numbers that must fit one another), so the paper scale cannot rot while everybody runs the demo.
"""

import difflib
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mirage import draws, grouping
from mirage.attacks.recipe import OptimisationRecipe, PoolRecipe, SamplingRecipe, SelectionRecipe
from mirage.draws import PER_CELL
from mirage.errors import MirageError
from mirage.paper.recipe import ToyRecipe
from mirage.priors.recipe import PriorRecipe
from mirage.recipes import build
from mirage.targets.recipe import TrainingRecipe
from mirage.visible import listed

Scale = Mapping[str, Any]


def check(config: Mapping[str, Any], schema: Path) -> None:
    """Check a whole configuration.

    Args:
        config: the merged configuration.
        schema: JSON schema as YAML.

    Raises:
        MirageError: the first problem found; names the key, what was expected, what to do.
    """
    _check_schema(config, schema)
    if config["scale"] not in config["scales"]:
        known = listed(config["scales"])
        raise MirageError(f"config: scale is {config['scale']!r}", f"one of {known}")
    for name, scale in config["scales"].items():
        for problem in _problems(scale):
            raise MirageError(f"config: scales.{name}.{problem}", remedy="correct config.yaml")


def _check_schema(config: Mapping[str, Any], schema: Path) -> None:
    import yaml
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    validator = Draft202012Validator(yaml.safe_load(schema.read_text(encoding="utf-8")))
    error = best_match(validator.iter_errors(config))
    if error is None:
        return
    where = ".".join(map(str, error.absolute_path)) or "the top level"
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = list(error.schema.get("properties", {}))
        unknown = [key for key in error.instance if key not in known]
        close = difflib.get_close_matches(str(unknown[0]), known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "remove it"
        raise MirageError(
            f"config: {where} has no key {unknown[0]!r}", f"only {listed(known)}", hint
        )
    told = textwrap.shorten(error.message, 300, placeholder=" …")
    raise MirageError(f"config: {where}: {told}", remedy="correct config.yaml")


def _problems(scale: Scale) -> Iterator[str]:
    """Yield what a schema cannot see, as ``key: problem`` texts."""
    yield from _unknown_names(scale)
    yield from _misfits(scale)
    yield from _impossible_recipes(scale)


def _impossible_recipes(scale: Scale) -> Iterator[str]:
    """Make every recipe once: what it refuses is told before anything runs."""
    for place, recipe, settings in _recipes(scale):
        try:
            build(recipe, settings)
        except MirageError as error:
            yield f"{place}: {error}"


def _recipes(scale: Scale) -> Iterator[tuple[str, type, Mapping[str, Any]]]:
    """Every block of settings and the recipe that it makes."""
    for name, training in scale["training"].items():
        yield f"training.{name}", TrainingRecipe, training
    for name, pool in scale["pools"].items():
        own = {key: value for key, value in pool.items() if key != "prior"}
        yield f"pools.{name}", PoolRecipe, {**own, "seed": draws.settled(pool["seed"], 0)}
    for name, prior in scale["priors"].items():
        if prior["source"]["kind"] == "trained":
            yield f"priors.{name}.source.recipe", PriorRecipe, prior["source"]["recipe"]
    for grid in scale["targets"]:
        for name in grid["attacks"]:
            settings = attack_settings(scale, name, grid["dataset"])
            for stage, recipe in _STAGES.items():
                yield f"attacks.{name}.{stage}", recipe, settings[stage]
    yield "paper.toy", ToyRecipe, scale["paper"]["toy"]


_STAGES = {
    "sampling": SamplingRecipe, "optimisation": OptimisationRecipe, "selection": SelectionRecipe,
}  # fmt: skip


def _unknown_names(scale: Scale) -> Iterator[str]:
    for place, kind, name in _references(scale):
        if name not in scale[kind]:
            close = difflib.get_close_matches(name, list(scale[kind]), n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            yield f"{place}: {name!r} is not among {kind} ({listed(scale[kind])}){hint}"


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
    yield "knowledge.architecture", "architectures", scale["knowledge"]["architecture"]
    for item in ("table1", "figure3"):
        yield f"paper.{item}.architecture", "architectures", scale["paper"][item]["architecture"]
        yield f"paper.{item}.attack", "attacks", scale["paper"][item]["attack"]
    yield "paper.figure3.dataset", "datasets", scale["paper"]["figure3"]["dataset"]


def _misfits(scale: Scale) -> Iterator[str]:
    for name, dataset in scale["datasets"].items():
        identities = dataset["recipe"].get("identities")
        if identities and identities["count"] != dataset["classes"]:
            yield (
                f"datasets.{name}.classes: {dataset['classes']} classes, "
                f"but identities.count is {identities['count']}"
            )
    for index, grid in enumerate(scale["targets"]):
        train = scale["datasets"][grid["dataset"]]["recipe"].get("split", {}).get("train")
        for samples in grid["samples"]:
            if train and samples != "all" and samples > train:
                yield (
                    f"targets[{index}].samples: {samples} images per class, "
                    f"but {grid['dataset']} has {train} training images per class"
                )
    for dataset, networks in scale["networks"].items():
        for role, network in networks.items():
            ours = network["spec"]["kind"] == "classifier"
            if ("released" in network) != (ours and "asset" in network):
                yield (
                    f"networks.{dataset}.{role}: `released` (the architecture) belongs to a "
                    "classifier from an asset, and to nothing else"
                )
    yield from _draw_misfits(scale)
    for name in scale["attacks"]:
        for dataset in scale["datasets"]:
            yield from _attack_misfits(scale, name, dataset)
    shown, kept = scale["paper"]["figure3"]["classes"], scale["evaluation"]["gallery_classes"]
    if shown > kept:
        yield f"paper.figure3.classes: {shown} classes, but evaluation.gallery_classes keeps {kept}"
    attacked = {grid["dataset"] for grid in scale["targets"] if grid["attacks"]}
    for name, prior in scale["priors"].items():
        if prior["source"].get("dataset") in attacked:
            yield f"priors.{name}.source: {prior['source']['dataset']} is private, it is attacked"
        if prior["crop_px"] > prior["image_px"]:
            yield f"priors.{name}.crop_px: {prior['crop_px']} is more than image_px"
        recipe = prior["source"].get("recipe", {})
        group = recipe.get("discriminator", {}).get("deviation_group", grouping.GROUP)
        batch = recipe.get("batch_size", 16)
        if not grouping.divides(batch, group):
            yield (
                f"priors.{name}.source.recipe.batch_size: {batch} images are no multiple "
                f"of the discriminator's deviation_group {group} (nor smaller)"
            )


def _draw_misfits(scale: Scale) -> Iterator[str]:
    """Draws of every cell that something shared, or another training, stands in the way of."""
    for dataset, networks in scale["networks"].items():
        per_cell = scale["datasets"][dataset]["recipe"].get("split", {}).get("seed") == PER_CELL
        for role, network in networks.items():
            if per_cell and "released" in network:
                yield (
                    f"networks.{dataset}.{role}: a released classifier saw one split, but "
                    f"{dataset} is divided anew for every seed"
                )
            for index in _trained_otherwise(scale, network.get("target")):
                yield (
                    f"targets[{index}]: these cells are also networks.{dataset}.{role}, which "
                    "trains them in another way; name another architecture or seed there"
                )


def _trained_otherwise(scale: Scale, network: Mapping[str, Any] | None) -> Iterator[int]:
    """Grids that hold a network's own cell, with another training."""
    for index, grid in enumerate(scale["targets"]):
        if network is not None and (
            grid["dataset"] == network["dataset"]
            and network["architecture"] in grid["architectures"]
            and 0 in grid["alphas"]
            and "all" in grid["samples"]
            and network["seed"] in (PER_CELL, *grid["seeds"])
            and grid["training"] != network["training"]
        ):
            yield index


def _attack_misfits(scale: Scale, name: str, dataset: str) -> Iterator[str]:
    settings = attack_settings(scale, name, dataset)
    for part in ("title", "pool", "sampling", "optimisation", "selection"):
        if part not in settings:
            yield f"attacks.{name}: {part!r} is missing"
            return
    if settings["pool"] not in scale["pools"]:
        yield f"attacks.{name}.pool: {settings['pool']!r} is not among pools"
        return
    size = scale["pools"][settings["pool"]]["size"]
    candidates = settings["sampling"].get("candidates_per_class", 0)
    selected = settings["selection"].get("n_selected", 0)
    if candidates > size:
        yield (
            f"attacks.{name}.sampling.candidates_per_class: {candidates} candidates, "
            f"but the pool {settings['pool']} holds {size}"
        )
    if selected > candidates:
        yield (
            f"attacks.{name}.selection.n_selected: {selected} of only {candidates} "
            "optimised candidates per class"
        )
    optimisation = settings["optimisation"]
    if optimisation.get("discriminator_weight", 0) > 0 and candidates:
        # 25: the default of OptimisationRecipe, which planning cannot import (a test compares).
        size = optimisation.get("batch_size", 25)
        problem = grouping.misfit(candidates, size, _group(scale, settings["pool"]))
        if problem:
            yield f"attacks.{name}.optimisation.batch_size: {problem}"


def _group(scale: Scale, pool: str) -> int:
    """Images over which the discriminator of a pool's prior takes its statistic."""
    source = scale["priors"].get(scale["pools"][pool]["prior"], {}).get("source", {})
    group: int = (
        source.get("recipe", {}).get("discriminator", {}).get("deviation_group", grouping.GROUP)
    )
    return group


def attack_settings(scale: Scale, name: str, dataset: str) -> dict[str, Any]:
    """Settings of one attack on one data set: those it is ``like``, its own, the data set's.

    Args:
        scale: one scale of the configuration.
        name: the attack.
        dataset: the attacked target's data set.

    Raises:
        MirageError: attacks are ``like`` one another in a circle.
    """
    lineage = [name]
    while (parent := scale["attacks"][lineage[-1]].get("like")) is not None:
        if parent in lineage:
            raise MirageError(f"config: attacks {' -> '.join([*lineage, parent])} go in a circle")
        lineage.append(parent)
    settings: dict[str, Any] = {}
    for ancestor in reversed(lineage):
        entry = scale["attacks"][ancestor]
        own = {key: value for key, value in entry.items() if key not in ("like", "per_dataset")}
        settings = _merged(settings, own)
        settings = _merged(settings, entry.get("per_dataset", {}).get(dataset, {}))
    return settings


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
