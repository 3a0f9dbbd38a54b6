"""The configuration, checked before anything runs.

Every scale is held to the schema and to the rules a schema cannot say (names that must exist,
numbers that must fit one another), so the paper scale cannot rot while everybody runs the demo.
"""

import difflib
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mirage import draws
from mirage.attacks.kinds import KINDS
from mirage.attacks.recipe import PoolRecipe
from mirage.errors import MirageError
from mirage.evaluation.measures import MEASURES
from mirage.paper.contents import contents
from mirage.priors.recipe import PriorRecipe
from mirage.recipes import build
from mirage.study.misfits import misfits
from mirage.study.references import unknown_names
from mirage.study.settings import Scale, attack_settings
from mirage.study.treatment import Treatment
from mirage.targets.recipe import TrainingRecipe
from mirage.visible import listed


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
        _refuse(name, unknown_names(scale))
        _refuse(name, _no_treatments(scale))
        _make_recipes(name, scale)
        _refuse(name, misfits(scale))


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


def _refuse(name: str, problems: Iterator[str]) -> None:
    """Raise the first problem of a scale that a schema cannot see, a ``key: problem`` text."""
    for problem in problems:
        raise MirageError(f"config: scales.{name}.{problem}", remedy="correct config.yaml")


def _no_treatments(scale: Scale) -> Iterator[str]:
    """Yield treatments of grids that are none, as ``key: problem`` texts."""
    for index, grid in enumerate(scale["targets"]):
        for spelled in grid["treatments"]:
            try:
                Treatment.parse(spelled)
            except MirageError as error:
                yield f"targets[{index}].treatments: {error}"


def _make_recipes(name: str, scale: Scale) -> None:
    """Make every recipe once: what it refuses is told before anything runs."""
    for place, recipe, settings in _recipes(scale):
        try:
            build(recipe, settings)
        except MirageError as error:
            raise MirageError(f"config: scales.{name}.{place}: {error}") from error


def _recipes(scale: Scale) -> Iterator[tuple[str, type, Mapping[str, Any]]]:
    """Every block of settings and the recipe that it makes."""
    for name, training in scale["training"].items():
        yield f"training.{name}", TrainingRecipe, training
    for grid in scale["targets"]:
        for treatment in map(Treatment.parse, grid["treatments"]):
            for part, recipe, settings in treatment.recipes(scale.get("treatments", {})):
                yield f"treatments.{part}", recipe, settings
    for name, settings in scale["measures"].items():
        px = {"image_px": 1} if "architecture" in settings else {}  # its view says how many
        yield f"measures.{name}", MEASURES[name].recipe, {**settings, **px}
    for name, pool in scale["pools"].items():
        own = {key: value for key, value in pool.items() if key != "prior"}
        yield f"pools.{name}", PoolRecipe, {**own, "seed": draws.settled(pool["seed"], 0)}
    for name, prior in scale["priors"].items():
        if prior["source"]["kind"] == "trained":
            yield f"priors.{name}.source.recipe", PriorRecipe, prior["source"]["recipe"]
    for name in scale["attacks"]:
        for dataset in scale["datasets"]:
            settings = attack_settings(scale, name, dataset)
            kind = KINDS.get(settings.get("kind", ""))
            for stage in kind.stages if kind else ():
                if stage.settings in settings:
                    place = f"attacks.{name}.{stage.settings}"
                    yield place, stage.recipe, settings[stage.settings]
    for item in contents(scale).values():
        if item.recipe is not None and item.settings is not None:
            yield f"paper.{item.settings}", item.recipe, scale["paper"][item.settings]
