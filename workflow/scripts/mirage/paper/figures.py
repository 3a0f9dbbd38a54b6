"""Figures 1, 3 and 8 of the paper, and the effect of the smoothing factor seed by seed.

Every figure is written as the suffix of its path asks (pdf, png, svg) and equal inputs give equal
bytes. Nothing is computed here: inputs are arrays and tables.
"""

import contextlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirage.errors import MirageError
from mirage.paper.cells import BLOCK, select
from mirage.paper.metrics import METRICS
from mirage.paper.printed import Scale, heading, number
from mirage.runtime import files
from mirage.visible import one_line

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mirage.paper.toy import ToyResult, ToyRun

# A home that is read-only or missing costs a slower start, which is no news to its owner.
logging.getLogger("matplotlib").setLevel(logging.ERROR)

DPI = 200  # of PNG files; the others are vectors

# Facts of the toy notebook: class 0, 1, 2.
TOY_COLOURS, TOY_MARKERS = ("#69c765", "#5cd0f7", "#fcc947"), "osp"
ALPHA_COLOURS = {-1: "#a3402a", 0: "#5b6068", 1: "#1f6f8b"}

_STYLE: Any = {  # keyed by names of settings, which the type stubs enumerate
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.linewidth": 0.6,
    "svg.hashsalt": "mirage",  # otherwise the ids inside an SVG are random
    "pdf.fonttype": 42,
    "text.parse_math": False,  # a dollar sign in a title is a dollar sign
}


def _style() -> "AbstractContextManager[None]":
    """Matplotlib's own settings and ours, not those (``matplotlibrc``) of the current folder."""
    with contextlib.chdir("/"):
        import matplotlib
    return matplotlib.rc_context({**matplotlib.rcParamsDefault, **_STYLE})


def save(figure: "Figure", path: str | Path) -> None:
    """Write a figure as its path's suffix asks, without dates or versions inside.

    Raises:
        MirageError: the suffix is none of pdf, png, svg.
    """
    kind = Path(path).suffix.lstrip(".")
    metadata: dict[str, dict[str, Any]] = {
        "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
    }
    if kind not in metadata:
        raise MirageError(f"{path} is no figure", "a name that ends in .pdf, .png or .svg")
    with _style(), files.writing(path) as temporary:
        figure.savefig(temporary, format=kind, dpi=DPI, metadata=metadata[kind])


def figure1(result: "ToyResult", path: str | Path, seed: int | None = None) -> None:
    """Draw the toy attack with its stopping rule (paper Fig. 1).

    Args:
        result: of ``toy.run_toy``.
        path: where to.
        seed: which runs; the first seed by default.
    """
    _toy_figure(result, path, seed, stopped=True)


def figure8(result: "ToyResult", path: str | Path, seed: int | None = None) -> None:
    """Draw the toy attack without stopping rule, 5,000 steps (paper Fig. 8); see ``figure1``."""
    _toy_figure(result, path, seed, stopped=False)


def _toy_figure(result: "ToyResult", path: str | Path, seed: int | None, stopped: bool) -> None:
    style = _style()
    from matplotlib.figure import Figure

    chosen = result.runs[0].seed if seed is None else seed
    runs = [run for run in result.runs if run.seed == chosen]
    with style:
        figure = Figure(figsize=(3.3 * len(runs), 3.15), layout="constrained")
        for axes, run in zip(figure.subplots(1, len(runs), squeeze=False)[0], runs, strict=True):
            _toy_panel(axes, result, run, stopped)
    save(figure, path)


def _toy_panel(axes: "Axes", result: "ToyResult", run: "ToyRun", stopped: bool) -> None:
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
    for label, (colour, marker) in enumerate(zip(TOY_COLOURS, TOY_MARKERS, strict=True)):
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
    axes.set_title(f"{_treatment(run.alpha)}\n{told}")


def figure3(
    columns: "Mapping[str, np.ndarray]",
    path: str | Path,
    rows: Sequence[str] = (),
    zoom: int | None = None,
) -> None:
    """Draw a grid of faces: a real image per class, then one result per model (paper Fig. 3).

    Args:
        columns: heading -> images of the classes, first column the real ones; uint8 or float in
            [-1, 1], [G, C, H, W] with C of 1 or 3, all of one size and one image per class. Take
            the first G classes and each model's most robust results: nothing is picked by eye.
        path: where to.
        rows: names of the classes, if they shall be shown.
        zoom: pixels of a PNG per image pixel; by default about 160 pixels per image. Whole
            numbers keep the pixels square.

    Raises:
        MirageError: the columns differ in shape.
    """
    style = _style()
    from matplotlib.figure import Figure

    shapes = {images.shape for images in columns.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 4:
        raise MirageError(f"figure 3 got image columns of shapes {shapes}", "one [G, C, H, W]")
    count, _, height, width = next(iter(shapes))
    zoom = zoom or max(1, round(160 / height))
    gap, head, side = max(2, zoom), 64, 90 if rows else 0  # pixels
    cell_w, cell_h = width * zoom, height * zoom
    total_w = side + len(columns) * (cell_w + gap) + 4 * gap  # the real images stand apart
    total_h = head + count * (cell_h + gap)
    with style:
        figure = Figure(figsize=(total_w / DPI, total_h / DPI))
        for column, (title, images) in enumerate(columns.items()):
            left = side + column * (cell_w + gap) + (4 * gap if column else 0)
            figure.text(
                (left + cell_w / 2) / total_w, 1 - 0.5 * head / total_h, one_line(title),
                ha="center", va="center", fontsize=7,
            )  # fmt: skip
            for row in range(count):
                bottom = total_h - head - (row + 1) * cell_h - row * gap
                box = (left / total_w, bottom / total_h, cell_w / total_w, cell_h / total_h)
                axes = figure.add_axes(box)
                axes.set_axis_off()
                axes.imshow(_pixels(images[row]), interpolation="nearest", aspect="auto")
        for row, name in enumerate(rows):
            middle = head + row * (cell_h + gap) + cell_h / 2
            figure.text(
                0.1 * side / total_w, 1 - middle / total_h, one_line(name),
                va="center", fontsize=7,
            )  # fmt: skip
    save(figure, path)


def _pixels(image: "np.ndarray") -> "np.ndarray":
    """One image [C, H, W] as uint8 RGB [H, W, 3]."""
    import numpy as np

    if image.dtype != np.uint8:
        image = np.round((np.clip(image, -1, 1) + 1) * 127.5).astype(np.uint8)
    return np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0)


def figure_effect(
    cells: "pd.DataFrame",
    path: str | Path,
    scale: Scale,
    fidelity: str = "paper",
    metrics: Sequence[str] = ("acc1", "delta_face"),
) -> None:
    """Draw metrics by smoothing factor: a dot per seed, lines between dots of the same seed.

    Args:
        cells: table of cells.
        path: where to.
        scale: gives the names to print.
        fidelity: whose arithmetic.
        metrics: one row of panels each; one column per architecture, sample budget and attack.
            The bar beside the dots is the mean with one standard deviation over seeds.
    """
    style = _style()
    from matplotlib.figure import Figure

    chosen = select(cells[cells["alpha"].notna()], fidelity=fidelity)
    blocks = [block for _, block in chosen.groupby(list(BLOCK), sort=False)]
    with style:
        size = (1.1 + 1.9 * len(blocks), 0.9 + 2.1 * len(metrics))
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(metrics), len(blocks), squeeze=False, sharey="row")
        for row, metric in enumerate(metrics):
            for axes, block in zip(panels[row], blocks, strict=True):
                _effect_panel(axes, block, metric)
            spec = METRICS[metric]
            unit = " in %" if spec.percent else ""
            panels[row][0].set_ylabel(f"{spec.arrow} {spec.title}{unit}")
        for axes, block in zip(panels[0], blocks, strict=True):
            title = one_line(heading(block.iloc[0], scale))
            axes.set_title(title.replace(", ", "\n"), fontsize=8)
        for axes in panels[-1]:
            axes.set_xlabel("smoothing factor α")
    save(figure, path)


def _effect_panel(axes: "Axes", block: "pd.DataFrame", metric: str) -> None:
    table = block.pivot(index="seed", columns="alpha", values=metric)
    factors = [float(alpha) for alpha in sorted(table.columns)]
    table = table[factors]
    for _, values in table.iterrows():
        known = values.notna().to_numpy()
        if known.any():
            x = [place for place in range(len(factors)) if known[place]]
            axes.plot(x, values.to_numpy()[known], color="0.8", linewidth=0.6, zorder=1)
    for place, alpha in enumerate(factors):
        values = table[alpha].dropna()
        colour = ALPHA_COLOURS[(alpha > 0) - (alpha < 0)]
        axes.scatter([place] * len(values), values, s=11, color=colour, alpha=0.65, linewidths=0)
        if len(values) > 1:
            axes.errorbar(
                place + 0.2, values.mean(), yerr=values.std(ddof=1),
                fmt="_", markersize=9, color=colour, capsize=2, linewidth=1.2,
            )  # fmt: skip
    axes.set_xticks(range(len(factors)), [number(alpha, 3, trim=True) for alpha in factors])
    axes.set_xlim(-0.5, len(factors) - 0.4)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(width=0.6)


def _treatment(alpha: float) -> str:
    if alpha == 0:
        return "hard labels (α = 0)"
    return (
        f"{'positive' if alpha > 0 else 'negative'} smoothing (α = {number(alpha, 3, trim=True)})"
    )
