"""Measures of attacks: one file each, whose name the configuration uses."""

from mirage.evaluation.measure import Measure
from mirage.registry import Registry

MEASURES: Registry[Measure] = Registry(__name__, "MEASURE")
