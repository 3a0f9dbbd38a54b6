"""What attacks and targets are measured by: networks, measures, and the files these read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mirage.errors import MirageError
from mirage.evaluation.fidelity import unrounded
from mirage.evaluation.measures import of_attacks, of_targets
from mirage.study.cells import Attack, Target
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
        wanted = any(map(unrounded, self.specs.values()))
        names = ("pixels.safetensors", "index.csv", "manifest.json") if wanted else ()
        return [f"data/{self.dataset}/{name}" for name in names]

    @property
    def evaluator(self) -> str | list[str]:
        """Path of the input range a released evaluator was trained in; nothing for one of ours."""
        released = self.study.released_evaluator(self.dataset)
        return f"evaluation/{self.dataset}/evaluator.json" if released else []

    @property
    def features(self) -> str:
        """Path of what they tell of the training images that attacks are held against."""
        return self._of_real_images("features.safetensors")

    @property
    def reference(self) -> str | list[str]:
        """Path of what FID and PRDC take of these features, if there is a network of the FID."""
        with_fid = "fid" in self.study.roles(self.dataset)
        return self._of_real_images("reference.safetensors") if with_fid else []

    @property
    def verification(self) -> str | list[str]:
        """Path of the distance below which two photographs pass as one person, if it is asked."""
        asked = "verification" in self.study.scale["evaluation"]
        return self._of_real_images("verification.json") if asked else []

    def _of_real_images(self, name: str) -> str:
        return f"evaluation/{self.study.measured(self.dataset, self.seed or 0)}/{name}"


@dataclass(frozen=True)
class MeasuredTarget:
    """One measure of one target.

    Attributes:
        study: the study.
        target: the target.
        measure: name of the measure, one of targets.
    """

    study: Study
    target: Target
    measure: str

    @property
    def recipe(self) -> dict[str, Any]:
        """Settings of the measure."""
        return self.study.measure(self.measure, self.target.dataset)

    @property
    def attack(self) -> Attack | None:
        """The attack whose settings it takes; None if it takes none."""
        return self.study.measured_attack(self.measure, self.target)

    @property
    def attack_settings(self) -> dict[str, Any]:
        """Settings of that attack."""
        return self.study.attack(self.attack) if self.attack else {}

    @property
    def prior(self) -> str | None:
        """The prior that attack draws its images from."""
        return self.study.prior_of(self.attack) if self.attack else None

    @property
    def prior_kind(self) -> str:
        """Kind of that prior's networks."""
        return self.study.prior_kind(self.prior) if self.prior else ""

    @property
    def crop_px(self) -> int:
        """Centre crop of the prior's images, in its pixels."""
        crop = self.study.prior(self.prior)["crop_px"] if self.prior else None
        return self.study.image_px(self.target) if crop is None else int(crop)

    @property
    def limit(self) -> str:
        """The setting that limits how much it takes to the device at once."""
        return of_targets()[self.measure].batch

    def inputs(self, generator: str) -> dict[str, str]:
        """Need -> file, with the path of the prior's generator."""
        view = self.study.architecture(self.target.architecture)["view"]
        files = {
            "weights": f"{self.target.path}/weights.safetensors",
            "view": view_file(self.target.dataset, view),
        }
        if self.attack:
            files |= {"generator": generator, "pool": self.study.pool_file(self.attack)}
        return {need: files[need] for need in of_targets()[self.measure].needs}


def view_file(dataset: str, name: str) -> str:
    """Path of a view."""
    return f"data/{dataset}/views/{name}.safetensors"


def released_evaluator(study: Study, dataset: str) -> Mapping[str, Any]:
    """Entry of the evaluator of a data set, with the view of the images that it is judged on.

    One that is given smaller images to enlarge is judged on those of its architecture.

    Raises:
        MirageError: it is trained here.
    """
    network = study.network(dataset, "eval")
    if "released" not in network:
        raise MirageError(f"the evaluator of {dataset} is trained here, so its input is known")
    if network["spec"].get("input", "direct") == "direct":
        return network
    return {**network, "view": study.architecture(network["released"]["architecture"])["view"]}


def recipe(study: Study, attack: Attack, measure: str) -> dict[str, Any]:
    """Settings of a measure of an attack, changed as the attack's own say.

    Raises:
        MirageError: it is none of the attack's.
    """
    known = study.measures(attack)
    if measure not in known:
        raise MirageError(
            f"the attack {attack} has no measure {measure!r}",
            f"one of {listed(known)}" if known else "one with `measures`",
        )
    changes = study.attack(attack).get("measured", {}).get(measure, {})
    return {**study.measure(measure, attack.target.dataset), **changes}


def gpus(measure: str) -> int:
    """GPUs that the job of a measure of an attack asks for."""
    return int(of_attacks()[measure].device)


def inputs(study: Study, attack: Attack, measure: str, outcome: str) -> dict[str, str]:
    """Need -> file of a measure; without those the study does not have.

    ``outcome`` is the path of what the attack ended with.
    """
    files = {name: f"{attack.path}/{name}.safetensors" for name in ("images", "features")}
    files["outcome"] = outcome
    files["real"] = Networks(study, attack.target.dataset, attack.target.seed).features
    if architecture := recipe(study, attack, measure).get("architecture"):
        entry = study.architecture(architecture)
        files["view"] = view_file(attack.target.dataset, entry["view"])
        files |= {"init": imported(entry["init"])} if "init" in entry else {}
    needs = of_attacks()[measure].needs
    return {need: path for need, path in files.items() if need in needs}
