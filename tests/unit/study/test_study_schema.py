"""Types of the configuration and the schema made from them: every field, every level, no drift."""

import dataclasses
import json
import re
import typing
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from mirage.building import build, cast, hints, is_required, is_union, settings
from mirage.errors import MirageError
from mirage.marks import MadeBy, Mark, PartOf
from mirage.study import configuration, schema
from mirage.study.configuration import Configuration
from mirage.targets.treatments import PARTS
from snakemake.utils import update_config

ROOT = Path(__file__).resolve().parents[3]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
KEPT = ROOT / "workflow/schemas/config.schema.yaml"
SCHEMA = yaml.safe_load(KEPT.read_text())
WHOLE = Draft202012Validator(SCHEMA)


def _overlaid(*files):
    """The shipped configuration with others laid over it, as --configfile does."""
    config = deepcopy(CONFIG)
    for file in files:
        update_config(config, yaml.safe_load((ROOT / "tests" / file).read_text()))
    return config


def _complete():
    """A configuration in which every kind of section stands somewhere."""
    config = _overlaid("workflow/tiny.yaml", "workflow/lowres.yaml")
    network = config["scales"]["paper"]["networks"]["celeba"]["eval"]
    del network["target"]
    network |= {"asset": "evaluator-celeba", "released": {"architecture": "inception-v3"}}
    config["scales"]["demo"]["attacks"]["ppa"]["classes"] = {
        "draw": "uniform",
        "count": 9,
        "seed": 1,
    }
    config["scales"]["demo"]["attacks"]["ppa"]["measured"] = {"knowledge": {}, "recovery": {}}
    config["scales"]["demo"]["measures"]["recovery"] = {}
    cells = {"dataset": "orl", "architecture": "resnet-mini", "treatments": ["ls0"]}
    shown = {**cells, "samples": 3, "attack": "ppa", "seed": 1, "classes": 1, "images": 1}
    items = {"table8": {**cells, "attacks": ["ppa"]}, "figure11": shown}
    config["scales"]["demo"]["paper"] |= items
    config["scales"]["demo"]["treatments"] = {name: {} for name in PARTS}
    prior = config["scales"]["demo"]["priors"]["orl-faces"]["source"]["recipe"]
    prior |= {"real_augmentation": {}, "shared_augmentation": {}}
    return json.loads(json.dumps(config))  # nothing is one object in two places


def _blocks(hint, value, path=(), part=False):
    """Every mapping that a dataclass, or a part of one, is made from: (path, which, mapping)."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        marks = [mark for mark in arguments[1:] if isinstance(mark, PartOf | MadeBy)]
        inner = marks[0].recipe if marks else arguments[0]
        yield from _blocks(inner, value, path, bool(marks) and isinstance(marks[0], PartOf))
    elif is_union(origin):
        for option in arguments:
            yield from _blocks(option, value, path)
    elif origin is tuple and isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _blocks(arguments[0], entry, (*path, index))
    elif origin is Mapping and isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _blocks(arguments[1], entry, (*path, key))
    elif dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        kind = typing.get_args(hints(hint).get("kind"))
        if len(kind) == 1 and value.get("kind", "stylegan2") not in kind:
            return  # the other one of a union
        yield path, (hint, part), value
        for key in settings(hint):
            if key in value:
                yield from _blocks(hints(hint)[key], value[key], (*path, key), part)


COMPLETE = _complete()
BLOCKS = list(_blocks(Configuration, COMPLETE))
ONE_EACH = {which: value for _, which, value in BLOCKS}


def _name(which):
    return f"{which[0].__name__}{'.part' * which[1]}"


EVERY_TYPE = pytest.mark.parametrize("which", ONE_EACH, ids=_name)


def _make(which, value):
    recipe, part = which
    if part:
        return cast(typing.Annotated[Mapping[str, object], PartOf(recipe)], value, "here")
    return build(recipe, value, "here")


@cache
def _schema_of(which):
    return Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{_name(which)}"})


def _fits_schema(which, value):
    return _schema_of(which).is_valid(value)


def test_the_kept_schema_is_the_one_of_the_types():
    assert KEPT.read_text() == schema.text(), "the types have changed: make schema"
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "files",
    [
        (),
        ("workflow/tiny.yaml",),
        ("workflow/tiny.yaml", "workflow/longer.yaml"),
        ("workflow/tiny.yaml", "workflow/lowres.yaml"),
        ("workflow/tiny.yaml", "slurm/drills.yaml"),
        ("slurm/fewer.yaml",),
    ],
    ids=str,
)
def test_every_configuration_here_fits_types_and_schema(files):
    config = _overlaid(*files)
    assert configuration.check(config).scales.keys() == config["scales"].keys()
    assert not list(WHOLE.iter_errors(config))


def test_every_type_stands_in_a_configuration():
    assert {_name(which) for which in ONE_EACH} == set(SCHEMA["$defs"])


def _sample(hint):
    """A value of a type, as YAML has it; the first of several."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated or is_union(origin):
        for mark in arguments[1:] if origin is typing.Annotated else ():
            if isinstance(mark, Mark) and "enum" in mark.schema:
                return mark.schema["enum"][0]
        made = [mark.recipe for mark in arguments[1:] if isinstance(mark, MadeBy)]
        return _sample(made[0] if made else arguments[0])
    if origin is typing.Literal:
        return arguments[0]
    if origin is tuple:
        return [_sample(item) for item in arguments if item is not Ellipsis]
    if origin is Mapping:
        return {}
    if dataclasses.is_dataclass(hint):
        return {k: _sample(hints(hint)[k]) for k, f in settings(hint).items() if is_required(f)}
    return {int: 2000, float: 0.5, bool: True, str: "word"}[hint]


def _refusal(which, block):
    """What the types say of a mapping; nothing if it can be made."""
    try:
        _make(which, block)
    except MirageError as error:
        return str(error)
    return ""


@EVERY_TYPE
def test_every_field_is_a_setting(which):
    recipe, _ = which
    for key in settings(recipe):
        value = ONE_EACH[which].get(key, _sample(hints(recipe)[key]))
        block = {**ONE_EACH[which], key: value}
        assert _fits_schema(which, block), key
        # It may be impossible beside the others, which only the recipe knows.
        told = _refusal(which, block)
        assert not told or told.startswith(("here: ", f"here.{key}: ")), key


@EVERY_TYPE
def test_a_value_of_the_wrong_kind_is_refused_by_both(which):
    for key in settings(which[0]):
        block = {**ONE_EACH[which], key: [[[]]]}
        assert not _fits_schema(which, block), key
        assert re.match(rf"here\.{key}(\[0\])* is \[", _refusal(which, block)), key


@EVERY_TYPE
@pytest.mark.parametrize("value", [None, True, -1, 0.5, "", {"": 1}], ids=repr)
def test_what_the_schema_refuses_the_types_refuse(which, value):
    for key in settings(which[0]):
        block = {**ONE_EACH[which], key: value}
        assert _fits_schema(which, block) or _refusal(which, block).startswith(f"here.{key}"), key


@EVERY_TYPE
def test_a_missing_key_is_refused_by_both(which):
    recipe, part = which
    for key, field in settings(recipe).items():
        block = {name: value for name, value in ONE_EACH[which].items() if name != key}
        lacking = is_required(field) and not part
        assert _fits_schema(which, block) != lacking, key
        assert _refusal(which, block).startswith(f"here lacks '{key}'") == lacking, key


def _without_a_letter(key, known):
    return next(w for i in range(1, len(key)) if (w := key[:i] + key[i + 1 :]) not in known)


def _in(config, path):
    for key in path:
        config = config[key]
    return config


@pytest.mark.parametrize("path", [path for path, _, block in BLOCKS if block], ids=str)
def test_a_misspelt_key_is_refused_at_every_level(path):
    config = deepcopy(COMPLETE)
    block = _in(config, path)
    key = max(block, key=len)
    wrong = _without_a_letter(key, block)
    block[wrong] = block.pop(key)
    assert not WHOLE.is_valid(config)
    with pytest.raises(MirageError) as caught:
        configuration.check(config)
    told = str(caught.value)
    place = "".join(f"[{k}]" if type(k) is int else f".{k}" for k in path)[1:]
    assert told.startswith(f"config: {place or 'the top level'} has no key {wrong!r}. Expected: on")
    assert told.endswith(f"Did you mean {key!r}?")


def test_the_message_of_a_misspelt_section():
    config = deepcopy(CONFIG)
    attack = config["scales"]["demo"]["attacks"]["ppa"]
    attack["optimisaton"] = attack.pop("optimisation")
    told = (
        r"^config: scales\.demo\.attacks\.ppa has no key 'optimisaton'\. Expected: only .*, "
        r"optimisation, .*\. Did you mean 'optimisation'\?$"
    )
    with pytest.raises(MirageError, match=told):
        configuration.check(config)
