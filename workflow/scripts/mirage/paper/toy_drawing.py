"""Drawing the toy example: the points, the confidence around them, the attack's path."""

from typing import TYPE_CHECKING

from mirage.paper.drawing import style
from mirage.paper.item import Needs
from mirage.paper.printed import number
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mirage.paper.presentation import Presentation
    from mirage.paper.toy_result import ToyResult, ToyRun
    from mirage.study.study import Study

# Facts of the toy notebook: class 0, 1, 2.
_COLOURS, _MARKERS = ("#69c765", "#5cd0f7", "#fcc947"), "osp"


def toy_needs(_: "Study") -> Needs:
    """The toy example is made of no cells."""
    return Needs(files=["toy/toy.safetensors"])


def toy_by_seed(_: "Study", __: "Presentation") -> "pd.DataFrame":
    """Steps and distances of each network; an attack that never arrived took infinitely many."""
    from mirage.paper.numbers import read_table

    rows = read_table("toy/toy.csv")
    return rows.assign(
        treatment=[str(Treatment.smoothing(alpha)) for alpha in rows["alpha"]],
        steps=rows["steps"].astype(float).fillna(float("inf")),
    )


def toy_picture(stopped: bool) -> "Callable[[Study, Presentation], Figure]":
    """What draws the toy example of a study; see ``toy_figure``."""

    def draw(study: "Study", _: "Presentation") -> "Figure":
        from mirage.paper.toy_result import load_toy

        (path,) = toy_needs(study).inputs
        return toy_figure(load_toy(path), stopped)

    return draw


def toy_figure(result: "ToyResult", stopped: bool) -> "Figure":
    """Draw the attacks of the first seed, a panel per factor: stopped, or all of 5,000 steps."""
    runs = [run for run in result.runs if run.seed == result.runs[0].seed]
    with style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(3.3 * len(runs), 3.15), layout="constrained")
        for axes, run in zip(figure.subplots(1, len(runs), squeeze=False)[0], runs, strict=True):
            _panel(axes, result, run, stopped)
    return figure


def _panel(axes: "Axes", result: "ToyResult", run: "ToyRun", stopped: bool) -> None:
    import numpy as np
    from matplotlib import colormaps

    axis = np.linspace(-15, 15, run.grid.shape[0])
    # The notebook draws RdPu at opacity 0.7; mixed with white beforehand, vector files show no
    # seams between the levels.
    colours = 0.7 * colormaps["RdPu"](np.linspace(0, 1, 20))[:, :3] + 0.3
    levels = np.linspace(0, 1, 21)
    filled = axes.contourf(axis, axis, run.grid.numpy(), levels=levels, colors=colours)
    filled.set_edgecolor("face")
    filled.set_linewidth(0.3)
    labels, points = result.labels.numpy(), result.points.numpy()
    for label, (colour, marker) in enumerate(zip(_COLOURS, _MARKERS, strict=True)):
        x, y = points[labels == label].T
        axes.scatter(x, y, s=14, c=colour, marker=marker, edgecolors="black", linewidths=0.4)
    walk = (run.stopped_path if stopped else run.unstopped_path).numpy()
    axes.plot(*walk.T, color="yellow", linewidth=2.4, solid_capstyle="round", zorder=3)
    axes.set(xlim=(-15, 15), ylim=(-15, 15), xticks=[], yticks=[], aspect="equal")
    if not stopped:
        told = f"{len(walk) - 1:,} steps, distance {run.unstopped_distance:.2f}"
    elif run.steps is None:
        told = f"goal not reached, distance {run.distance:.2f}"
    else:
        told = f"{run.steps:,} steps, distance {run.distance:.2f}"
    axes.set_title(f"{_heading(run.alpha)}\n{told}")


def _heading(alpha: float) -> str:
    if alpha == 0:
        return "hard labels (α = 0)"
    return (
        f"{'positive' if alpha > 0 else 'negative'} smoothing (α = {number(alpha, 3, trim=True)})"
    )
