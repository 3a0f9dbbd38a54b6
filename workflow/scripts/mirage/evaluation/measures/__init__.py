"""Measures of attacks and of targets: one file each, whose name the configuration uses."""

from mirage.evaluation.measure import Measure, TargetMeasure
from mirage.registry import Registry


def of_targets() -> dict[str, TargetMeasure]:
    """The measures of targets by name."""
    found = ((name, MEASURES[name]) for name in MEASURES)
    return {name: measure for name, measure in found if isinstance(measure, TargetMeasure)}


def of_attacks() -> dict[str, Measure]:
    """The measures of attacks by name."""
    found = ((name, MEASURES[name]) for name in MEASURES)
    return {name: measure for name, measure in found if isinstance(measure, Measure)}


MEASURES: Registry[Measure | TargetMeasure] = Registry(__name__, "MEASURE")
