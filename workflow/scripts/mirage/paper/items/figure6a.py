"""Figure 6a: the attack's starting points, before anything is optimised."""

from typing import TYPE_CHECKING

from mirage.evaluation.fidelity import Fidelity
from mirage.paper.advantage_plot import gathered
from mirage.paper.colours import colour
from mirage.paper.comparisons import Comparison, explained, read
from mirage.paper.drawing import style
from mirage.paper.item import Needs, Plot
from mirage.paper.metrics import METRICS
from mirage.paper.numbers import collect, select
from mirage.paper.placed import AttackedRecipe
from mirage.paper.printed import treatment_label
from mirage.paper.saturated import needing_scores, with_ties
from mirage.paper.tables import STANDARD
from mirage.study.cells import Attack

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study

CHOOSING = ("sample",)
"""Stages whose ties are told."""
SHOWN = ("delta_face", "delta_eval", "confidence")
COMPARISONS = (
    Comparison(
        "positive smoothing samples better starting points",
        {"treatment": "ls0.1"}, {"treatment": STANDARD}, SHOWN,
    ),
    Comparison(
        "negative smoothing samples worse ones",
        {"treatment": STANDARD}, {"treatment": "ls-0.05"}, SHOWN,
    ),
)  # fmt: skip


def needs(study: "Study") -> Needs:
    """The starting points of each model, their scores, and their logits in the evaluator."""
    cells = AttackedRecipe.of(study.scale["paper"]["figure6a"]).found(study)
    scored = needing_scores(study, cells, CHOOSING)
    return Needs(cells, files=[*scored.inputs, *map(_features, cells)])


def _features(cell: Attack) -> str:
    return f"{cell.path}/features.safetensors"


def confidence(path: str, fidelity: Fidelity) -> float:
    """Mean probability that the evaluation network gives the attacked class, in percent."""
    import numpy as np
    from scipy.special import softmax

    from mirage.evaluation.stored import AttackFeatures

    attack = AttackFeatures.load(path)
    shares = softmax(attack.logits_of("eval", fidelity).astype(np.float64), axis=-1)
    return 100.0 * float(
        np.mean([rows[:, c] for c, rows in zip(attack.classes, shares, strict=True)])
    )


def _numbers(study: "Study", shown: "Presentation") -> "pd.DataFrame":
    cells = needs(study).attacks
    numbers = select(collect(cells), fidelity=shown.fidelity)
    return numbers.assign(
        confidence=[confidence(_features(cell), shown.fidelity) for cell in cells]
    )


def data(study: "Study", shown: "Presentation") -> "pd.DataFrame":
    """Advantages over hard labels."""
    return gathered(_numbers(study, shown), None, SHOWN)


def draw(table: "pd.DataFrame", _: "Presentation") -> "Figure":
    """A bar per metric and model, with one standard deviation over seeds."""
    treatments = list(dict.fromkeys(table.sort_values("alpha", ascending=False)["treatment"]))
    width = 0.8 / len(treatments)
    with style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(4.6, 3.0), layout="constrained")
        axes = figure.subplots()
        for position, treatment in enumerate(treatments):
            rows = table[table["treatment"] == treatment].set_index("metric").loc[list(SHOWN)]
            shift = (position - (len(treatments) - 1) / 2) * width
            axes.bar(
                [place + shift for place in range(len(SHOWN))],
                rows["advantage"], width, yerr=rows["seed_sd"].fillna(0), capsize=2,
                color=colour(treatment), hatch="//" if position else None, edgecolor="white",
                label=f"α = {treatment_label(rows.iloc[0])}",
            )  # fmt: skip
        axes.axhline(0, color="0.3", linewidth=0.8)
        axes.set_xticks(range(len(SHOWN)), [METRICS[name].title for name in SHOWN])
        axes.set_ylabel("advantage in %")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=7)
    return figure


def claims(study: "Study", shown: "Presentation") -> list[str]:
    """Whether either sign of smoothing samples as the paper says."""
    return explained(read(_numbers(study, shown), COMPARISONS, shown))


ITEM = Plot(
    name="Figure 6a",
    title="Advantage of the starting points that models with label smoothing sample",
    caption=(
        "The images of the sampled latents before anything is optimised: relative change of their "
        "distances to the training images, and of the evaluation network's mean probability for "
        "the attacked class, against hard labels, in percent; above 0 the attack starts better. "
        "Means over seeds with one standard deviation."
    ),
    position=53,
    settings="figure6a",
    recipe=AttackedRecipe,
    needs=needs,
    data=data,
    draw=draw,
    by_seed=_numbers,
    reading=with_ties(claims, needs, CHOOSING),
)
