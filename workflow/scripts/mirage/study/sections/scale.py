"""One scale of the configuration: a whole study."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from mirage.evaluation.fidelity import Fidelity
from mirage.kinds import Label, several
from mirage.recipes import Recipe
from mirage.study.sections.attacks import AttackSection
from mirage.study.sections.datasets import DatasetSection
from mirage.study.sections.evaluation import EvaluationSection, KnowledgeSection
from mirage.study.sections.names import AssetName, DatasetName, Word
from mirage.study.sections.networks import RolesSection
from mirage.study.sections.paper import PaperSection
from mirage.study.sections.priors import PoolSection, PriorSection
from mirage.study.sections.targets import ArchitectureSection, GridSection, TrainingSection


@dataclass(frozen=True)
class ScaleSection(Recipe):
    """One study.

    Attributes:
        title: in its report's head.
        comparable: may our numbers be held against the paper's.
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
        knowledge: the surrogate student.
        evaluation: how attack images are embedded.
        paper: what its items are made of.
        released_targets: cells whose published weights stand in for a training, and their assets.
    """

    title: Label
    comparable: bool
    fidelity: Fidelity
    trained_priors: Label
    assets: Annotated[tuple[Word, ...], several(least=0)]
    datasets: Mapping[Word, DatasetSection]
    architectures: Mapping[Word, ArchitectureSection]
    training: Mapping[Word, TrainingSection]
    targets: tuple[GridSection, ...]
    networks: Mapping[DatasetName, RolesSection]
    priors: Mapping[Word, PriorSection]
    pools: Mapping[Word, PoolSection]
    attacks: Mapping[Word, AttackSection]
    knowledge: KnowledgeSection
    evaluation: EvaluationSection
    paper: PaperSection
    released_targets: Mapping[str, AssetName] = field(default_factory=dict)
