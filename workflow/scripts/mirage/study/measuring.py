"""What attacks are measured by: evaluation networks, measures, and the files they read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mirage.errors import MirageError
from mirage.evaluation.fidelity import UNROUNDED
from mirage.evaluation.measures import MEASURES
from mirage.study.cells import Attack
from mirage.study.foreign_weights import imported
from mirage.study.study import Study
from mirage.visible import listed


@dataclass(frozen=True)
class Networks:
    """The networks that measure attacks on a data set.

    Attributes:
        study: the study.
        dataset: of the attacked targets.
        seed: of the cells they measure; None where all cells share them.
    """

    study: Study
    dataset: str
    seed: int | None

    @classmethod
    def drawn(cls, study: Study, draw: str) -> "Networks":
        """Those of a draw, such as ``orl/s1``."""
        return cls(study, *study.measured_by(draw))

    @property
    def specs(self) -> dict[str, dict[str, Any]]:
        """Role -> settings."""
        roles = self.study.roles(self.dataset)
        return {role: self.study.network_spec(self.dataset, role) for role in roles}

    @property
    def weights(self) -> list[str]:
        """Paths of their weights, in the order of their roles, as all that follows."""
        roles = self.study.roles(self.dataset)
        return [self.study.network_weights(self.dataset, role, self.seed) for role in roles]

    @property
    def views(self) -> list[str]:
        """Paths of the views of real images they see."""
        networks = [self.study.network(self.dataset, role) for role in self.specs]
        return [view_file(self.dataset, network["view"]) for network in networks]

    @property
    def store(self) -> list[str]:
        """Files of the store, if one sees photographs resized without rounding; else none."""
        kinds = {spec["kind"] for spec in self.specs.values()}
        names = ("pixels.safetensors", "index.csv", "manifest.json") if kinds & UNROUNDED else ()
        return [f"data/{self.dataset}/{name}" for name in names]

    @property
    def evaluator(self) -> str | list[str]:
        """Path of the input range a released evaluator was trained in; nothing for one of ours."""
        released = self.study.released_evaluator(self.dataset)
        return f"evaluation/{self.dataset}/evaluator.json" if released else []

    @property
    def features(self) -> str:
        """Path of what they tell of the training images that attacks are held against."""
        measured = self.study.measured(self.dataset, self.seed or 0)
        return f"evaluation/{measured}/features.safetensors"


def view_file(dataset: str, name: str) -> str:
    """Path of a view."""
    return f"data/{dataset}/views/{name}.safetensors"


def released_evaluator(study: Study, dataset: str) -> Mapping[str, Any]:
    """Entry of the evaluator of a data set.

    Raises:
        MirageError: it is trained here.
    """
    network = study.network(dataset, "eval")
    if "released" not in network:
        raise MirageError(f"the evaluator of {dataset} is trained here, so its input is known")
    return network


def recipe(study: Study, attack: Attack, measure: str) -> dict[str, Any]:
    """Settings of a measure of an attack.

    Raises:
        MirageError: it is none of the attack's.
    """
    known = study.measures(attack)
    if measure not in known:
        raise MirageError(
            f"the attack {attack} has no measure {measure!r}",
            f"one of {listed(known)}" if known else "one with `measures`",
        )
    return study.measure(measure, attack.target.dataset)


def inputs(study: Study, attack: Attack, measure: str) -> dict[str, str]:
    """Need -> file of a measure; without those the study does not have."""
    files = {"images": f"{attack.path}/images.safetensors"}
    if architecture := recipe(study, attack, measure).get("architecture"):
        entry = study.architecture(architecture)
        files["view"] = view_file(attack.target.dataset, entry["view"])
        files |= {"init": imported(entry["init"])} if "init" in entry else {}
    needs = MEASURES[measure].needs
    return {need: path for need, path in files.items() if need in needs}
