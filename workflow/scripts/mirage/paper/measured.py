"""What figures of measured targets have in common: whose they are, and how they are told."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from mirage.marks import Seed, several
from mirage.paper.effects import told
from mirage.paper.item import Needs
from mirage.paper.placed import PlacedRecipe
from mirage.paper.printed import number
from mirage.paper.tables import STANDARD
from mirage.runtime import files
from mirage.study.cells import Target
from mirage.study.settings import Scale
from mirage.study.treatment import Treatment
from mirage.visible import listed

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study

Numbers = Mapping[str, Mapping[int, Mapping[str, Any]]]
"""Treatment -> seed -> what a measure found."""


@dataclass(frozen=True)
class TargetsRecipe(PlacedRecipe):
    """Which targets a figure shows.

    Attributes:
        treatments: of the targets, in the order in which they are shown.
        seeds: of the targets.
    """

    treatments: Annotated[tuple[str, ...], several()]
    seeds: Annotated[tuple[Seed, ...], several()]

    def __post_init__(self) -> None:
        for treatment in self.treatments:
            Treatment.parse(treatment)

    @property
    def targets(self) -> list[Target]:
        """All of them, by treatment."""
        return [
            self.target(treatment, seed) for treatment in self.treatments for seed in self.seeds
        ]


def recipe_of(scale: Scale, item: str) -> TargetsRecipe:
    """Settings of a figure."""
    return TargetsRecipe.of(scale["paper"][item])


def needs_of(item: str, measure: str) -> "Callable[[Study], Needs]":
    """What a figure is made of: what a measure left of its targets."""

    def needs(study: "Study") -> Needs:
        targets = recipe_of(study.scale, item).targets
        return Needs(
            targets=targets,
            files=[
                f"measures/{target.cell}/{measure}/{name}"
                for target in targets
                for name in ("metrics.json", "arrays.safetensors")
            ],
        )

    return needs


def misfits_of(item: str, measure: str, loss: str = "") -> Callable[[Scale], Iterator[str]]:
    """A measure without settings, or without the loss that a figure shows."""

    def misfits(scale: Scale) -> Iterator[str]:
        settings = scale["measures"].get(measure)
        if settings is None:
            yield f"paper.{item}: measures has no settings of {measure}"
        elif loss and loss not in settings["losses"]:
            yield f"paper.{item}: measures.{measure}.losses lack {loss}"

    return misfits


def arrays(
    recipe: TargetsRecipe, measure: str, treatment: str, seed: int
) -> "dict[str, NDArray[Any]]":
    """Arrays of one target."""
    from safetensors.numpy import load_file

    cell = recipe.target(treatment, seed).cell
    return load_file(files.sound(f"measures/{cell}/{measure}/arrays.safetensors"))


def numbers(recipe: TargetsRecipe, measure: str) -> Numbers:
    """Metrics of all targets."""
    return {
        treatment: {
            seed: files.read_json(
                f"measures/{recipe.target(treatment, seed).cell}/{measure}/metrics.json"
            )
            for seed in recipe.seeds
        }
        for treatment in recipe.treatments
    }


def by_seed_of(
    item: str,
    measure: str,
    part: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda whole: whole,
) -> "Callable[[Study, Presentation], pd.DataFrame]":
    """What gives a measure's numbers of all targets of a figure, a row each.

    Args:
        item: the figure's settings.
        measure: whose numbers.
        part: which of them.
    """

    def rows(study: "Study", _: "Presentation") -> "pd.DataFrame":
        import pandas as pd

        recipe = recipe_of(study.scale, item)
        found = numbers(recipe, measure)
        return pd.DataFrame(
            {
                "cell": recipe.target(treatment, seed).path,
                "dataset": recipe.dataset,
                "architecture": recipe.architecture,
                "samples": str(recipe.samples),
                "treatment": treatment,
                "seed": seed,
                **{
                    name: float("nan") if value is None else float(value)
                    for name, value in part(whole).items()
                },
            }
            for treatment, seeds in found.items()
            for seed, whole in seeds.items()
        )

    return rows


def label(treatment: str) -> str:
    """A treatment as figures name it: ``α = 0.1``, or as it stands in a path."""
    alpha = Treatment.parse(treatment).alpha
    return treatment if alpha is None else f"α = {number(alpha, 3, trim=True)}"


def seeds_told(seeds: Sequence[int]) -> str:
    """``seed 42``, or ``seeds 1, 2, 4``."""
    return f"seed{'s' * (len(seeds) > 1)} {listed(seeds)}"


def means(found: Numbers, name: str, digits: int) -> str:
    """Mean over seeds of a number of each treatment, in words."""
    return ", ".join(
        f"{number(_mean(seeds, name), digits)} ({label(treatment)})"
        for treatment, seeds in found.items()
    )


def differences(found: Numbers, name: str, digits: int, above: int = 0, below: int = 0) -> str:
    """Differences of label smoothing to hard labels with the same seed, in words.

    Args:
        found: what a measure found.
        name: of the number.
        digits: decimals.
        above: sign of the difference that the paper claims where α is above 0; 0 for no claim.
        below: the same where α is below 0.

    Returns:
        For each treatment its mean difference with its 95 % t interval, and what that shows. Empty
        without hard labels.
    """
    import pandas as pd

    found_so = []
    for treatment, seeds in found.items():
        alpha = Treatment.parse(treatment).alpha
        if STANDARD in found and alpha:
            pairs = ((seeds[seed][name], found[STANDARD][seed][name]) for seed in seeds)
            known = pd.Series([a - b for a, b in pairs if None not in (a, b)], dtype=float)
            shows = told(known, above if alpha > 0 else below, digits)
            found_so.append(f"{label(treatment)}: {shows}")
    return "; ".join(found_so)


def _mean(seeds: Mapping[int, Mapping[str, Any]], name: str) -> float | None:
    known = [found[name] for found in seeds.values() if found[name] is not None]
    return sum(known) / len(known) if known else None
