"""Which models a user study compares, and where the answers to it lie. No torch: rules ask, too."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mirage.checkout import REPOSITORY
from mirage.marks import FILLED, Count, In, Label, Samples, Seed, several, spelled
from mirage.paper.placed import AttackedRecipe
from mirage.recipes import Recipe, require
from mirage.study.cells import Attack
from mirage.study.settings import Scale
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    from mirage.study.study import Study

SETTINGS = "userstudy"
"""Entry of a scale's ``paper``, shared by all that is made of user studies."""
NAME = "[A-Za-z0-9]+"
"""Pattern of a study's name."""
OPTIONS = 3
"""Pictures among which annotators choose (paper C.10)."""


@dataclass(frozen=True)
class ComparedRecipe(Recipe):
    """What one user study compares.

    Attributes:
        dataset: whose people are shown.
        treatments: of the targets whose attacks are compared, an option each.
        tasks: people asked about, the first of the gallery's draw (paper: 150).
    """

    dataset: Annotated[str, In("datasets")]
    treatments: Annotated[tuple[str, ...], several(OPTIONS)]
    tasks: Count

    def __post_init__(self) -> None:
        three = len(self.treatments) == OPTIONS
        require(three, "treatments", self.treatments, f"{OPTIONS} treatments, as the paper has")
        for treatment in self.treatments:
            Treatment.parse(treatment)


@dataclass(frozen=True)
class UserStudyRecipe(Recipe):
    """The user studies of a scale.

    Attributes:
        architecture: of the targets.
        samples: training images per class, or ``all``.
        attack: on them.
        seed: of the targets.
        studies: name of a study, which its page bears, -> what it compares.
        answers: folder of the saved answers, relative to the repository.
    """

    architecture: Annotated[str, In("architectures")]
    samples: Samples
    attack: Annotated[str, In("attacks")]
    seed: Seed
    studies: Annotated[
        Mapping[Annotated[str, spelled(NAME, "of letters and digits alone")], ComparedRecipe],
        FILLED,
    ]
    answers: Label


class UserStudy:
    """One user study of a scale: what its page is made of, relative to the results.

    Attributes:
        name: which its page bears.
        dataset: whose people are shown.
        tasks: how many people are asked about.
        seed: of the targets.
        attacks: treatment -> attack.
    """

    def __init__(self, study: "Study", name: str) -> None:
        """Take it from the scale's settings."""
        recipe = recipe_of(study.scale)
        compared = recipe.studies[name]
        self.name, self.dataset, self.tasks = name, compared.dataset, compared.tasks
        self.seed = recipe.seed
        placed = AttackedRecipe(
            compared.dataset, recipe.architecture, recipe.samples, recipe.attack
        )
        self.attacks = {
            treatment: Attack.parse(placed.target(treatment, recipe.seed), recipe.attack)
            for treatment in compared.treatments
        }
        self._study, self._architecture = study, recipe.architecture

    @property
    def treatments(self) -> list[str]:
        """Those compared."""
        return list(self.attacks)

    @property
    def galleries(self) -> list[str]:
        """The best image of each person by each attack, in the order of the treatments."""
        return [f"{attack.path}/gallery.safetensors" for attack in self.attacks.values()]

    @property
    def photographs(self) -> str:
        """The targets' view of the data set."""
        view = self._study.architecture(self._architecture)["view"]
        return f"data/{self.dataset}/views/{view}.safetensors"

    @cached_property
    def groups(self) -> Mapping[str, Any]:
        """Classes by a trait (gender); empty where the data set names none."""
        groups: Mapping[str, Any] = self._study.dataset(self.dataset).get("groups", {})
        return groups

    @property
    def page(self) -> str:
        """The page."""
        return f"study/{self.name}.html"

    @property
    def key(self) -> str:
        """What tells which picture is whose."""
        return f"study/{self.name}.key.json"


def recipe_of(scale: Scale) -> UserStudyRecipe:
    """Settings of a scale's user studies."""
    return UserStudyRecipe.of(scale["paper"][SETTINGS])


def names(scale: Scale) -> list[str]:
    """User studies of a scale; none without settings."""
    return list(recipe_of(scale).studies) if scale["paper"].get(SETTINGS) else []


def userstudies(study: "Study") -> list[UserStudy]:
    """All of a scale."""
    return [UserStudy(study, name) for name in names(study.scale)]


def answers(scale: Scale) -> list[str]:
    """Saved answers, as jobs see them from the results; none where there is no such folder."""
    found = (path for folder in answers_folders(scale) for path in folder.glob("[!.]*.json"))
    return sorted(map(str, found))


def answers_folders(scale: Scale) -> list[Path]:
    """Where a scale's answers are looked for; nowhere without settings."""
    if not scale["paper"].get(SETTINGS):
        return []
    return [Path(REPOSITORY, recipe_of(scale).answers)]


def misfits(scale: Scale) -> Iterator[str]:
    """More people than a gallery keeps; two studies of one data set, a block of Table 13."""
    kept = scale["evaluation"]["gallery_classes"]
    owners: dict[str, str] = {}
    for name, compared in recipe_of(scale).studies.items():
        place = f"paper.{SETTINGS}.studies.{name}"
        if compared.tasks > kept:
            yield (
                f"{place}.tasks: {compared.tasks} people, but evaluation.gallery_classes keeps "
                f"{kept}"
            )
        if owners.setdefault(compared.dataset, name) != name:
            yield f"{place}.dataset: {owners[compared.dataset]} is of {compared.dataset}, too"
