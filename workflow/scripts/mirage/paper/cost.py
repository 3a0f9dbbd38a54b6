"""What the rules of paper cost: tables, figures, the toy example, the report."""

from collections.abc import Mapping
from dataclasses import replace

from mirage.forecast.work import Work, Workshop


def make_table(_: Workshop, __: Mapping[str, str]) -> Work:
    """A few lines."""
    return Work(light_s=0.3, host_bytes=1e8)


def run_toy(_: Workshop, __: Mapping[str, str]) -> Work:
    """Three small models."""
    return Work(outputs={"toy": 1e6}, light_s=20)


def draw_figure(_: Workshop, __: Mapping[str, str]) -> Work:
    """One drawing."""
    return Work(outputs={"png": 3e5, "pdf": 3e5}, light_s=4, host_bytes=2e8)


def plot_figure(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """One drawing, and its numbers."""
    work = draw_figure(shop, wildcards)
    return replace(work, outputs={**work.outputs, "csv": 1e5})


def write_report(_: Workshop, __: Mapping[str, str]) -> Work:
    """One page with all pictures."""
    return Work(outputs={"report": 3e6}, light_s=5, host_bytes=2e8)


COSTS = {
    "make_table": make_table,
    "run_toy": run_toy,
    "draw_figure": draw_figure,
    "plot_figure": plot_figure,
    "write_report": write_report,
}
