"""One scale of the configuration: a whole study."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from mirage.evaluation.fidelity import Fidelity
from mirage.marks import Label, MadeBy, Omissible, several
from mirage.recipes import Recipe, require
from mirage.study.sections.attack import ATTACK
from mirage.study.sections.datasets import DatasetSection
from mirage.study.sections.grids import TREATMENTS, ArchitectureSection, GridSection
from mirage.study.sections.measured import MEASURED, EvaluationSection
from mirage.study.sections.names import AssetName, DatasetName, Word
from mirage.study.sections.paper_section import PAPER_SECTION
from mirage.study.sections.pools import PoolSection, StudentsSection
from mirage.study.sections.priors import PRIOR
from mirage.study.sections.roles import NetworkSection
from mirage.targets.recipe import TrainingRecipe


@dataclass(frozen=True)
class ScaleSection(Recipe):
    """One study.

    Attributes:
        title: in its report's head.
        comparable: may our numbers be held against the paper's.
        cut: what is less than the paper's, where only that stands between our numbers and its.
        fidelity: which reading of the metrics the tables print.
        trained_priors: folder of shipped weights, below the repository; priors for those trained
            here.
        assets: outside files the scale needs, by their names in the manifest.
        datasets: whose photographs.
        architectures: what targets and networks are.
        training: how they are trained.
        targets: the cells.
        networks: what measures attacks on a data set.
        priors: what renders images.
        pools: candidates drawn from a prior.
        attacks: on the targets.
        measures: settings of what else is measured of them.
        evaluation: how attack images are embedded.
        paper: what its items are made of.
        students: of targets, which help some attacks.
        treatments: settings of their parts that do not stand in a cell's name.
        released_targets: cells whose published weights stand in for a training, and their assets.
    """

    title: Label
    comparable: bool
    fidelity: Fidelity
    trained_priors: Label
    assets: Annotated[tuple[Word, ...], several(least=0)]
    datasets: Mapping[Word, DatasetSection]
    architectures: Mapping[Word, ArchitectureSection]
    training: Mapping[Word, TrainingRecipe]
    targets: tuple[GridSection, ...]
    networks: Mapping[DatasetName, Mapping[Word, NetworkSection]]
    priors: Mapping[Word, Annotated[Recipe, MadeBy(PRIOR)]]
    pools: Mapping[Word, PoolSection]
    attacks: Mapping[Word, Annotated[Recipe, MadeBy(ATTACK)]]
    measures: Annotated[Recipe, MadeBy(MEASURED)]
    evaluation: EvaluationSection
    paper: Annotated[Recipe, MadeBy(PAPER_SECTION)]
    cut: Omissible[Label] = None
    students: Mapping[Word, StudentsSection] = field(default_factory=dict)
    treatments: Annotated[Recipe, MadeBy(TREATMENTS)] = field(default_factory=TREATMENTS)
    released_targets: Mapping[str, AssetName] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for dataset, roles in self.networks.items():
            require("eval" in roles, f"networks.{dataset}", list(roles), "the role `eval` at least")
