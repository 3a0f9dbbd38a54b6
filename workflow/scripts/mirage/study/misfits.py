"""Settings that are possible alone and do not fit one another."""

from collections.abc import Iterator, Mapping
from typing import Any

from mirage.attacks.kinds import KINDS
from mirage.draws import PER_CELL
from mirage.errors import MirageError
from mirage.evaluation.measures import of_attacks, of_targets
from mirage.evaluation.recipe import VerificationRecipe
from mirage.paper.contents import contents
from mirage.study.cells import Attack, Target
from mirage.study.chunks import attacked
from mirage.study.settings import Scale, attack_settings
from mirage.study.treatment import Treatment
from mirage.visible import listed


def misfits(scale: Scale) -> Iterator[str]:
    """Yield numbers and kinds that do not fit one another, as ``key: problem`` texts.

    Every type and every name has been checked before, so each alone is possible.
    """
    for index, grid in enumerate(scale["targets"]):
        if grid["attacks"] and grid["dataset"] not in scale["networks"]:
            yield f"targets[{index}].attacks: networks has none for {grid['dataset']!r}"
        yield from _without_stages(f"targets[{index}]", grid)
        train = scale["datasets"][grid["dataset"]]["recipe"].get("split", {}).get("train")
        for samples in grid["samples"]:
            if train and samples != "all" and samples > train:
                yield (
                    f"targets[{index}].samples: {samples} images per class, "
                    f"but {grid['dataset']} has {train} training images per class"
                )
        yield from (f"targets[{index}].{problem}" for problem in _swap_misfits(scale, grid))
    yield from _draw_misfits(scale)
    for name in scale["attacks"]:
        for dataset in scale["datasets"]:
            yield from attack_misfits(scale, name, dataset)
    if (verification := scale["evaluation"].get("verification")) is not None:
        network = VerificationRecipe.of(verification).network
        for dataset, roles in scale["networks"].items():
            if network not in roles:
                yield f"evaluation.verification.network: networks.{dataset} has no {network!r}"
    for name, measure in of_targets().items():
        if name in scale["measures"]:
            for problem in measure.misfits(scale["measures"][name], scale):
                yield f"measures.{name}.{problem}"
    for item in contents(scale).values():
        yield from item.misfits(scale)
    attacked = {grid["dataset"] for grid in scale["targets"] if grid["attacks"]}
    for name, prior in scale["priors"].items():
        if prior["source"].get("dataset") in attacked:
            yield f"priors.{name}.source: {prior['source']['dataset']} is private, it is attacked"


def _swap_misfits(scale: Scale, grid: Mapping[str, Any]) -> Iterator[str]:
    """Attacks of a grid that name a stage the attack has not, or its own model."""
    for spelled in grid["attacks"]:
        settings = attack_settings(scale, spelled.partition("+")[0], grid["dataset"])
        kind = KINDS.get(settings.get("kind", ""))
        roles = [stage.role for stage in kind.stages] if kind else []
        for treatment in map(Treatment.parse, grid["treatments"]):
            target = Target(grid["dataset"], grid["architectures"][0], treatment, None, 0)
            try:
                runs = Attack.parse(target, spelled).runs
            except MirageError as problem:
                yield f"attacks: {problem}"
                return
            for role in runs:
                if roles and role not in roles:
                    yield f"attacks: {spelled} has no stage {role!r}"


def _without_stages(place: str, grid: Mapping[str, Any]) -> Iterator[str]:
    """Treatments that look at what an architecture has not."""
    for treatment in map(Treatment.parse, grid["treatments"]):
        for architecture in grid["architectures"]:
            try:
                treatment.require_stages(architecture)
            except MirageError as problem:
                yield f"{place}.architectures: {problem}"


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
            and "ls0" in grid["treatments"]
            and "all" in grid["samples"]
            and network["seed"] in (PER_CELL, *grid["seeds"])
            and grid["training"] != network["training"]
        ):
            yield index


def attack_misfits(scale: Scale, name: str, dataset: str) -> Iterator[str]:
    """Yield what does not fit in one attack's settings for one data set."""
    settings = attack_settings(scale, name, dataset)
    kind = KINDS.get(settings.get("kind", ""))
    stages = () if kind is None else kind.stages
    for part in ("title", "kind", "pool", *(stage.settings for stage in stages)):
        if part not in settings:
            yield f"attacks.{name}: {part!r} is missing"
            return
    for measure in set(settings.get("measures", ())) & set(of_targets()):
        yield f"attacks.{name}.measures: {measure} is a measure of targets, not of attacks"
    pool = scale["pools"][settings["pool"]]
    prior = scale["priors"].get(pool["prior"], {})
    for problem in KINDS[settings["kind"]].checks["misfits"](settings, pool, prior):
        yield f"attacks.{name}.{problem}"
    if any(
        grid["dataset"] == dataset and name in (cell.partition("+")[0] for cell in grid["attacks"])
        for grid in scale["targets"]
    ):
        yield from _measured_misfits(scale, name, dataset, settings)
        try:
            entry = scale["datasets"][dataset]
            attacked(settings.get("classes", "all"), entry["classes"], entry.get("groups", {}))
        except MirageError as problem:
            yield f"attacks.{name}.classes (on {dataset}): {problem}"


def _measured_misfits(
    scale: Scale, name: str, dataset: str, settings: Mapping[str, Any]
) -> Iterator[str]:
    """Settings of an attack's measures that are impossible, or name no network of its data set."""
    roles = scale["networks"].get(dataset, {})
    for measure in settings.get("measures", ()):
        declared, place = of_attacks().get(measure), f"attacks.{name}.measured.{measure}"
        if declared is None or measure not in scale["measures"]:
            continue
        told = {**scale["measures"][measure], **settings.get("measured", {}).get(measure, {})}
        if "architecture" in told:
            told["image_px"] = 1
        try:
            recipe = declared.recipe.of(told)
        except MirageError as problem:
            yield f"{place}: {problem}"
            continue
        for key in declared.roles:
            if getattr(recipe, key) not in roles:
                known = listed(roles)
                yield f"{place}.{key}: networks.{dataset} has no {getattr(recipe, key)!r} ({known})"
