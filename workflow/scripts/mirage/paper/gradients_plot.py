"""The direction of gradients step by step, drawn as bands (paper Figures 6b and 7)."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mirage.evaluation.measures.gradients.recipe import LAST, SURE, GradientsRecipe
from mirage.paper import measured
from mirage.paper.colours import colour, marker
from mirage.paper.drawing import style
from mirage.paper.item import Plot
from mirage.paper.measured import TargetsRecipe
from mirage.paper.printed import number
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study

MEASURE = "gradients"
TOLD = {
    "image": "before the random crop",
    "crop": "after the random crop",
    "generator": "at the prior's resolution",
    "uncropped": "without the random crop",
}
"""Where gradients are taken, in words; the paper's own first."""
_LINES = {0: "-", 1: "--", -1: "-.", None: ":"}
_OPPOSED = 0.2  # a mean cosine up to this counts as orthogonal or opposing


def data_of(item: str, loss: str) -> "Callable[[Study, Presentation], pd.DataFrame]":
    """What gathers the numbers of one of the figures.

    One row per treatment, place and step, over all pairs of all seeds; see ``summary.by_step``.
    """

    def data(study: "Study", _: "Presentation") -> "pd.DataFrame":
        import numpy as np
        import pandas as pd

        from mirage.evaluation.measures.gradients import summary

        recipe, tables = measured.recipe_of(study.scale, item), []
        for treatment in recipe.treatments:
            held = [
                summary.of_loss(measured.arrays(recipe, MEASURE, treatment, seed), loss)
                for seed in recipe.seeds
            ]
            joined = {name: np.concatenate([part[name] for part in held]) for name in held[0]}
            for place in TOLD:
                steps = pd.DataFrame(summary.by_step(joined, place))
                steps.insert(0, "step", steps.index + 1)
                names = {
                    "treatment": treatment,
                    "alpha": Treatment.parse(treatment).alpha,
                    "seeds": " ".join(map(str, recipe.seeds)),
                    "pairs": len(joined["loss"]),
                    "place": place,
                }
                tables.append(steps.assign(**names)[[*names, *steps.columns]])
        return pd.concat(tables, ignore_index=True)

    return data


def draw(table: "pd.DataFrame", _: "Presentation") -> "Figure":
    """Draw cosines through the random crop and without it, the share not above 0, probabilities."""
    with style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.9, 5.4), layout="constrained")
        bands, shares = figure.subplots(2, 2, sharex=True)
        for axes, place in zip(bands, ("image", "uncropped"), strict=True):
            _panel(axes, table[table["place"] == place], "mean", "std")
            axes.set_title(f"gradient {TOLD[place]}")
            axes.axhline(0, color="0.6", linewidth=0.8, zorder=0)
        low = min(axes.get_ylim()[0] for axes in bands)
        for axes in bands:
            axes.set_ylim(min(low, -0.1), 1.02)
        bands[0].set_ylabel("cosine with the step before")
        main = table[table["place"] == "image"]
        _panel(shares[0], main, "not_positive")
        shares[0].set_ylabel("share of cosines ≤ 0")
        shares[0].set_title(f"gradient {TOLD['image']}")
        _panel(shares[1], main, "probability")
        shares[1].set_ylabel("probability of the class")
        shares[1].set_title("how sure the target is")
        for axes in shares:
            axes.set_xlabel("step of the optimisation")
        shares[0].set_ylim(0, max(shares[0].get_ylim()[1], 0.1))
        shares[1].set_ylim(0, 1.02)
        row = table.iloc[0]
        figure.legend(*bands[0].get_legend_handles_labels(), loc="outside upper center", ncols=4,
                      frameon=False)  # fmt: skip
        seeds = measured.seeds_told([int(seed) for seed in str(row["seeds"]).split()])
        told = (
            f"n = {row['pairs']} pairs for each α, {seeds}; band: ± 1 standard deviation over pairs"
        )
        figure.supxlabel(told, fontsize=8, color="0.35")
    return figure


def _panel(axes: "Axes", rows: "pd.DataFrame", name: str, spread: str = "") -> None:
    for treatment, own in rows.groupby("treatment", sort=False):
        shown = own[own[name].notna()]
        alpha = Treatment.parse(str(treatment)).alpha
        line = _LINES[None if alpha is None else (alpha > 0) - (alpha < 0)]
        looks: Any = {"color": colour(str(treatment)), "linestyle": line, "linewidth": 1.5}
        axes.plot(
            shown["step"], shown[name], marker=marker(str(treatment)), markersize=4,
            markevery=max(len(shown) // 8, 1), label=measured.label(str(treatment)), **looks,
        )  # fmt: skip
        if spread:
            low, high = shown[name] - shown[spread], shown[name] + shown[spread]
            axes.fill_between(
                shown["step"], low, high, color=looks["color"], alpha=0.12, linewidth=0
            )
            for edge in (low, high):  # bands lie over one another
                axes.plot(shown["step"], edge, **{**looks, "linewidth": 0.6})
    axes.spines[["top", "right"]].set_visible(False)


def reading_of(item: str, loss: str) -> "Callable[[Study, Presentation], list[str]]":
    """What one of the figures says, in sentences."""

    def reading(study: "Study", _: "Presentation") -> list[str]:
        recipe = measured.recipe_of(study.scale, item)
        pairs = GradientsRecipe.of(study.scale["measures"][MEASURE]).pairs
        found = measured.numbers(recipe, MEASURE)
        at = {
            place: {
                treatment: {seed: whole[loss][place] for seed, whole in seeds.items()}
                for treatment, seeds in found.items()
            }
            for place in TOLD
        }
        return list(_sentences(at, pairs, recipe))

    return reading


def _sentences(
    at: Mapping[str, measured.Numbers], pairs: int, recipe: TargetsRecipe
) -> Iterator[str]:
    total = f"{pairs * len(recipe.seeds):,}"
    yield (
        f"n = {total} pairs of a latent that nobody selected and a class, the same for every α "
        f"({pairs} for each seed; {measured.seeds_told(recipe.seeds)})."
    )
    yield (
        "The paper says that the direction of the gradient is stable under hard labels and "
        "positive smoothing, and changes often under negative smoothing."
    )
    for place in ("image", "uncropped"):
        told = measured.differences(at[place], "cosine", 3, below=-1)
        yield (
            f"Mean cosine over the steps, {TOLD[place]}: {measured.means(at[place], 'cosine', 3)}."
            + (f" Difference to α = 0 with its 95 % interval over seeds: {told}." if told else "")
        )
    last, below = ({t: _mean(at["image"][t], name) for t in at["image"]}
                   for name in ("cosine_last", "not_positive"))  # fmt: skip
    for treatment, value in last.items():
        alpha = Treatment.parse(treatment).alpha
        if alpha is not None and alpha < 0:
            verdict = "is" if value <= _OPPOSED else "is not"
            yield (
                "Later steps point in orthogonal or opposing directions, says the paper: with "
                f"{measured.label(treatment)} the mean of the last {LAST} is {number(value, 3)}, "
                f"which {verdict} that; {number(100 * below[treatment], 1)} % of all cosines are 0 "
                "or less."
            )
    yield (
        f"After the random crop the means are {measured.means(at['crop'], 'cosine', 3)}; "
        f"{TOLD['generator']}, {measured.means(at['generator'], 'cosine', 3)}. A crop that moves "
        "at every step turns the gradient by itself, whatever the target."
    )
    yield (
        f"Of pairs of which the target is less than {round(100 * SURE)} % sure: "
        f"{measured.means(at['image'], 'cosine_unsure', 3)}. An attack that has arrived oscillates."
    )
    counts = {
        name: sum(seed[name] for seeds in at["image"].values() for seed in seeds.values())
        for name in ("zero", "lost")
    }
    yield (
        f"Gradients that are exactly zero: {counts['zero']}; not finite: {counts['lost']}. They "
        "are in no mean."
    )


def _mean(seeds: Any, name: str) -> float:
    known = [found[name] for found in seeds.values() if found[name] is not None]
    return sum(known) / len(known) if known else float("nan")


def figure(name: str, title: str, position: int, loss: str) -> Plot:
    """One of the figures.

    Args:
        name: as the paper calls it.
        title: what it shows.
        position: in the report.
        loss: that drives the optimisation, and is the one measured.
    """
    item = name.lower().replace(" ", "")
    return Plot(
        name=name,
        title=title,
        caption=(
            "Cosine of the gradient with respect to the current image with that of the step before "
            "(Eq. 4), mean and standard deviation over pairs of a latent and a class; the loss "
            "drives the optimisation and is the one measured. Left, the gradient that the attack "
            "sees, through its random crop; right, that of the same image without one."
        ),
        position=position,
        settings=item,
        recipe=TargetsRecipe,
        needs=measured.needs_of(item, MEASURE),
        misfits=measured.misfits_of(item, MEASURE, loss),
        by_seed=measured.by_seed_of(item, MEASURE, lambda whole: whole[loss]["image"]),
        reading=reading_of(item, loss),
        data=data_of(item, loss),
        draw=draw,
    )
