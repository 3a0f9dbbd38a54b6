"""Settings that are possible alone and do not fit one another."""

from collections.abc import Iterator, Mapping
from typing import Any

from mirage.attacks.kinds import KINDS
from mirage.draws import PER_CELL
from mirage.errors import MirageError
from mirage.evaluation.measures import of_targets
from mirage.evaluation.recipe import VerificationRecipe
from mirage.paper.contents import contents
from mirage.study.attack_misfits import attack_misfits, equipment_misfits
from mirage.study.cells import Attack, Target
from mirage.study.settings import Scale, attack_settings
from mirage.study.study import Study
from mirage.study.treatment import Treatment


def misfits(scale: Scale) -> Iterator[str]:
    """Yield numbers and kinds that do not fit one another, as ``key: problem`` texts.

    Every type and every name has been checked before, so each alone is possible.
    """
    yield from _public_misfits(scale)
    for name, pool in scale["pools"].items():
        if scale["priors"][pool["prior"]]["source"]["kind"] == "per_target":
            yield f"pools.{name}.prior: {pool['prior']} is every target's own, a pool is for all"
    for index, grid in enumerate(scale["targets"]):
        if grid["attacks"] and grid["dataset"] not in scale["networks"]:
            yield f"targets[{index}].attacks: networks has none for {grid['dataset']!r}"
        yield from (f"targets[{index}].{p}" for p in _treatment_misfits(scale, grid))
        train = scale["datasets"][grid["dataset"]]["recipe"].get("split", {}).get("train")
        for samples in grid["samples"]:
            if train and samples != "all" and samples > train:
                yield (
                    f"targets[{index}].samples: {samples} images per class, "
                    f"but {grid['dataset']} has {train} training images per class"
                )
        yield from (f"targets[{index}].{problem}" for problem in _swap_misfits(scale, grid))
        yield from (f"targets[{index}].{problem}" for problem in equipment_misfits(scale, grid))
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
    yield from _item_misfits(scale)


def _public_misfits(scale: Scale) -> Iterator[str]:
    """Public images of priors and students that are private, or shown in no such way."""
    attacked = {grid["dataset"] for grid in scale["targets"] if grid["attacks"]}
    sources = {f"priors.{k}.source": prior["source"] for k, prior in scale["priors"].items()}
    sources |= {f"students.{k}": entry for k, entry in scale.get("students", {}).items()}
    for place, source in sources.items():
        if (dataset := source.get("dataset")) is None:
            continue
        if dataset in attacked:
            yield f"{place}: {dataset} is private, it is attacked"
        elif source["view"] not in scale["datasets"][dataset]["views"]:
            yield f"{place}.view: {dataset} has no view {source['view']!r}"
    for name, prior in scale["priors"].items():
        if "view" in (source := prior["source"]):
            side = scale["datasets"][source["dataset"]]["views"][source["view"]]["image_px"]
            if side != prior["image_px"]:
                yield f"priors.{name}.image_px: {prior['image_px']}, but its view has {side}"


def _treatment_misfits(scale: Scale, grid: Mapping[str, Any]) -> Iterator[str]:
    """Treatments of a grid that look at what its architectures or its data set have not."""
    for treatment in map(Treatment.parse, grid["treatments"]):
        yield from _untreatable(scale, grid, "treatments", treatment)


def _swap_misfits(scale: Scale, grid: Mapping[str, Any]) -> Iterator[str]:
    """Attacks of a grid that name a stage the attack has not, or a model that cannot be."""
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
            for role, other in runs.items():
                if roles and role not in roles:
                    yield f"attacks: {spelled} has no stage {role!r}"
                yield from _untreatable(scale, grid, "attacks", other)


def _untreatable(
    scale: Scale, grid: Mapping[str, Any], place: str, treatment: Treatment
) -> Iterator[str]:
    """Architectures of a grid on which a treatment cannot be."""
    samples = grid["samples"][0]
    for architecture in grid["architectures"]:
        target = Target(
            grid["dataset"], architecture, treatment,
            None if samples == "all" else samples, grid["seeds"][0],
        )  # fmt: skip
        try:
            Study(scale).treatment(target)
        except MirageError as problem:
            yield f"{place}: {problem}"


def _item_misfits(scale: Scale) -> Iterator[str]:
    """Items of the paper that show no cell, or one that nothing says how to make."""
    study = Study(scale)
    held = set(study.targets)
    for item in contents(scale).values():
        try:
            needs = item.needs(study)
            shown = {*(attack.target for attack in needs.attacks), *needs.targets}
            for target in shown - held:  # by path any treatment and seed can be asked for
                study.training(target)
                study.treatment(target)
        except MirageError as problem:
            yield f"paper.{item.settings}: {problem}"
            return
        if not needs.inputs:
            yield (
                f"paper.{item.settings}: no grid of `targets` has a cell that {item.name} shows. "
                "Expected: one with its data set, architecture, samples, treatments and attacks, "
                f"or {item.settings}: null, which leaves it out"
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
            and "ls0" in grid["treatments"]
            and "all" in grid["samples"]
            and network["seed"] in (PER_CELL, *grid["seeds"])
            and grid["training"] != network["training"]
        ):
            yield index
