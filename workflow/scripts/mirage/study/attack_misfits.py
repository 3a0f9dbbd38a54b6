"""What does not fit an attack: its settings one another, or its equipment the targets."""

from collections.abc import Iterator, Mapping
from typing import Any

from mirage.attacks.kinds import KINDS
from mirage.errors import MirageError
from mirage.evaluation.measures import of_attacks, of_targets
from mirage.study.chunks import attacked
from mirage.study.own_models import image_misfit, prior_misfit
from mirage.study.settings import Scale, attack_settings, prior_of
from mirage.visible import listed


def attack_misfits(scale: Scale, name: str, dataset: str) -> Iterator[str]:
    """Yield what does not fit in one attack's settings for one data set."""
    settings = attack_settings(scale, name, dataset)
    kind = KINDS.get(settings.get("kind", ""))
    stages = () if kind is None else kind.stages
    pooled = any("pool" in stage.reads for stage in stages)
    equipment = "pool" if pooled or kind is None else "prior"
    for part in ("title", "kind", equipment, *(stage.settings for stage in stages)):
        if part not in settings:
            yield f"attacks.{name}: {part!r} is missing"
            return
    if "pool" in settings and "prior" in settings:
        yield f"attacks.{name}.prior: it draws from the pool {settings['pool']}, which has its own"
        return
    for measure in set(settings.get("measures", ())) & set(of_targets()):
        yield f"attacks.{name}.measures: {measure} is a measure of targets, not of attacks"
    pool = scale["pools"][settings["pool"]] if "pool" in settings else {}
    prior = scale["priors"][prior_of(scale, settings)]
    known = KINDS[settings["kind"]].priors
    if known and (found := prior.get("kind", "stylegan2")) not in known:
        yield (
            f"attacks.{name}.{equipment}: the prior {prior_of(scale, settings)} is of kind "
            f"{found}, but {settings['kind']} works with {listed(known)}"
        )
        return
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


def equipment_misfits(scale: Scale, grid: Mapping[str, Any]) -> Iterator[str]:
    """Attacks whose prior, or whose students, do not fit the targets."""
    for spelled in grid["attacks"]:
        settings = attack_settings(scale, spelled.partition("+")[0], grid["dataset"])
        for architecture in grid["architectures"]:
            cell = grid["dataset"], architecture
            if "prior" in settings and "view" in scale["priors"][settings["prior"]]["source"]:
                problem = prior_misfit(scale, settings["prior"], *cell)
                if problem:
                    yield f"attacks: {spelled} has the prior {settings['prior']}, on {problem}"
            for name in _students(settings):
                problem = image_misfit(scale, scale["students"][name], *cell)
                if problem:
                    yield f"attacks: {spelled} has the students {name}, on {problem}"


def _students(settings: Mapping[str, Any]) -> list[str]:
    """Names of the students that an attack's stages ask for."""
    found = []
    for stage in KINDS[settings["kind"]].stages if settings.get("kind") in KINDS else ():
        block = settings.get(stage.settings, {})
        if "students" in stage.inputs(block):
            found.append(block["students"])
    return found
