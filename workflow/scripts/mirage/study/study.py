"""One study: the cells of a scale, and what each of them is made with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mirage import draws
from mirage.errors import MirageError
from mirage.evaluation.measures import MEASURES
from mirage.study.cells import Attack, Target
from mirage.study.foreign_weights import imported
from mirage.study.own_models import image_misfit, prior_misfit
from mirage.study.settings import attack_settings, prior_of
from mirage.study.treatment import Treatment
from mirage.targets.students_recipe import StudentsRecipe
from mirage.targets.treatments import make
from mirage.visible import listed


@dataclass(frozen=True)
class Study:
    """A checked scale of the configuration, queried by rules, tables and figures.

    Attributes:
        scale: its block of the configuration.
        classes_per_chunk: attacked classes per job; None for all in one.
    """

    scale: Mapping[str, Any]
    classes_per_chunk: int | None = None

    @cached_property
    def attacks(self) -> list[Attack]:
        """Every attack of the study, in the order of the configuration."""
        found = {
            Attack.parse(target, attack): None
            for grid in self.scale["targets"]
            for target in _targets(grid)
            for attack in grid["attacks"]
        }
        return list(found)

    @cached_property
    def targets(self) -> list[Target]:
        """Every target of the study (without the evaluation networks)."""
        return list(dict.fromkeys(t for grid in self.scale["targets"] for t in _targets(grid)))

    def assets_of(self, dataset: str) -> dict[str, str]:
        """Role -> asset of what a data set is read from; a single asset has the role folder."""
        named = self.dataset(dataset).get("asset", {})
        return {"folder": named} if isinstance(named, str) else dict(named)

    def dataset(self, name: str) -> Mapping[str, Any]:
        """Entry of a data set."""
        return self._entry("datasets", name)

    def view(self, dataset: str, name: str) -> Mapping[str, Any]:
        """Settings of a view of a data set.

        Raises:
            MirageError: the data set has no such view.
        """
        views: Mapping[str, Mapping[str, Any]] = self.dataset(dataset)["views"]
        if name not in views:
            raise MirageError(f"config: {dataset} has no view {name!r}", f"one of {listed(views)}")
        return views[name]

    def classes(self, dataset: str) -> int:
        """Number of identities of a data set."""
        return int(self.dataset(dataset)["classes"])

    def training(self, target: Target) -> dict[str, Any]:
        """Settings a target is trained with, whatever its treatment.

        A cell that stands in no grid is trained like the grid of the same data set, architecture
        and samples, so any treatment and seed can be asked for by path.

        Raises:
            MirageError: no grid fits.
        """
        name = next(self._trainings(target), None)
        if name is None:
            raise MirageError(
                f"config: nothing says how to train {target.path}",
                "an entry of `targets` with this dataset, architecture and samples",
                "add one to config.yaml",
            )
        return dict(self._entry("training", name))

    def _trainings(self, target: Target) -> Iterator[str]:
        """Names of trainings that fit a target: of networks that measure attacks, then of grids."""
        for roles in self.scale["networks"].values():
            for network in roles.values():
                spec = network.get("target")
                if spec and _network_target(spec, target.seed) == target:
                    yield spec["training"]
        for grid in self.scale["targets"]:
            samples = "all" if target.samples is None else target.samples
            if (
                grid["dataset"] == target.dataset
                and target.architecture in grid["architectures"]
                and samples in grid["samples"]
            ):
                yield grid["training"]

    def treatment(self, target: Target) -> list[dict[str, Any]]:
        """Settings of each part of a target's treatment.

        Raises:
            MirageError: its architecture or data set has not what the treatment looks at.
        """
        target.treatment.require_stages(target.architecture)
        if target.treatment.watches_test and "split" not in self.dataset(target.dataset)["recipe"]:
            raise MirageError(
                f"{target.path} is to end by its accuracy on test images, but datasets."
                f"{target.dataset} has none",
                "a data set whose recipe has a `split`",
            )
        settings = target.treatment.settings(self.scale.get("treatments", {}))
        for part in make(settings):
            part.check(self.image_px(target), self.classes(target.dataset))
        return settings

    def architecture(self, name: str) -> Mapping[str, Any]:
        """Entry of an architecture: its view, its published name, its initial weights."""
        return self._entry("architectures", name)

    def initial_weights(self, target: Target) -> str | None:
        """Asset that the training of a target starts from; None for random weights."""
        if not self.training(target).get("pretrained", True):
            return None
        name: str | None = self.architecture(target.architecture).get("init")
        return name

    def attack(self, attack: Attack) -> dict[str, Any]:
        """Settings of an attack on its target's data set."""
        self._entry("attacks", attack.name)
        return attack_settings(self.scale, attack.name, attack.target.dataset)

    def pool(self, name: str) -> Mapping[str, Any]:
        """Entry of a candidate pool."""
        return self._entry("pools", name)

    def prior(self, name: str) -> Mapping[str, Any]:
        """Entry of a prior."""
        return self._entry("priors", name)

    def prior_kind(self, name: str) -> str:
        """Kind of a prior's networks, which the headers of its files name as well."""
        return str(self.prior(name).get("kind", "stylegan2"))

    def prior_of(self, attack: Attack) -> str:
        """Name of the prior of an attack's latents."""
        return prior_of(self.scale, self.attack(attack))

    def is_per_target(self, prior: str) -> bool:
        """Whether every target has a prior of that name to itself."""
        return bool(self.prior(prior)["source"]["kind"] == "per_target")

    def target_prior(self, target: Target, name: str) -> dict[str, Any]:
        """Where a prior of one target comes from, its seed settled.

        Raises:
            MirageError: all targets share it, or its images are not such as the target sees.
        """
        if not self.is_per_target(name):
            raise MirageError(
                f"the prior {name} is no target's own",
                f"priors/{name}/generator.safetensors, which all share",
            )
        problem = prior_misfit(self.scale, name, target.dataset, target.architecture)
        return _own(target, f"priors.{name}", self.prior(name)["source"], problem)

    def students(self, target: Target, name: str) -> dict[str, Any]:
        """Entry of a target's students, its seed settled; raises as ``target_prior``."""
        entry = self._entry("students", name)
        problem = image_misfit(self.scale, entry, target.dataset, target.architecture)
        return _own(target, f"students.{name}", entry, problem)

    def student_inits(self, name: str) -> dict[str, str]:
        """Architecture -> path of its initial weights, of those students that have any."""
        recipe = StudentsRecipe.of(self._entry("students", name)["recipe"])
        assets = {each: self.architecture(each).get("init") for each in recipe.architectures}
        return {each: imported(asset) for each, asset in assets.items() if asset}

    def network(self, dataset: str, role: str) -> Mapping[str, Any]:
        """Entry of the network that measures attacks on ``dataset`` in a role."""
        network: Mapping[str, Any] = self._entry("networks", dataset)[role]
        return network

    def network_spec(self, dataset: str, role: str) -> dict[str, Any]:
        """Settings of such a network; it takes images of the size of its view."""
        network = self.network(dataset, role)
        return {**network["spec"], "image_px": self.view(dataset, network["view"])["image_px"]}

    def network_architecture(self, dataset: str, role: str) -> str | None:
        """Architecture of such a network; None for a kind that is no classifier."""
        network = self.network(dataset, role)
        name: str | None = network.get("target", network.get("released", {})).get("architecture")
        return name

    def roles(self, dataset: str) -> list[str]:
        """Roles of the networks that measure attacks on a data set, in their order."""
        return list(self._entry("networks", dataset))

    def measures(self, attack: Attack) -> list[str]:
        """The measures that are taken of an attack, beside the scores of its features."""
        return list(self.attack(attack).get("measures", ()))

    def measure(self, name: str, dataset: str) -> dict[str, Any]:
        """Settings of a measure.

        One with an architecture takes images of that one's view; one with triggers those of parts
        of treatments, with their settings.
        """
        settings = dict(self._entry("measures", name))
        if "triggers" in settings:
            chosen = self.scale.get("treatments", {})
            parts = [{"part": name, **chosen.get(name, {})} for name in settings["triggers"]]
            settings["parts"] = parts
        if "architecture" in settings:
            view = self.architecture(settings["architecture"])["view"]
            settings["image_px"] = self.view(dataset, view)["image_px"]
        return settings

    def measured_attack(self, name: str, target: Target) -> Attack | None:
        """The attack whose settings a measure of a target takes; None if it takes none."""
        attack = self._entry("measures", name).get("attack")
        return None if attack is None else Attack.parse(target, attack)

    def measure_px(self, attack: Attack) -> int | None:
        """Side of the images that the measures of an attack need; None if none does.

        Raises:
            MirageError: two of them need images of different sizes.
        """
        names = [name for name in self.measures(attack) if "images" in MEASURES[name].needs]
        sides = {self.measure(name, attack.target.dataset)["image_px"] for name in names}
        if len(sides) > 1:
            raise MirageError(
                f"config: attacks.{attack.name}.measures: {listed(names)} need images of "
                f"{listed(sorted(sides))} px",
                "one size",
            )
        return int(sides.pop()) if sides else None

    def network_weights(self, dataset: str, role: str, seed: int | None) -> str:
        """Path of a network's weights, trained here or imported, for cells of a seed (or all)."""
        network = self.network(dataset, role)
        if "asset" in network:
            return imported(network["asset"])
        return f"{_network_target(network['target'], seed).path}/weights.safetensors"

    def splits_per_cell(self, dataset: str) -> bool:
        """Whether every seed divides a data set anew into training and test images."""
        split = self.dataset(dataset)["recipe"].get("split", {})
        return bool(split.get("seed") == draws.PER_CELL)

    def measured(self, dataset: str, seed: int) -> str:
        """Name of the real features that attacks of a seed are held against.

        ``orl/s1`` where the training images or a network are drawn anew for every seed.
        """
        networks = self._entry("networks", dataset).values()
        redrawn = self.splits_per_cell(dataset) or any(
            network.get("target", {}).get("seed") == draws.PER_CELL for network in networks
        )
        return draws.draw(dataset, seed if redrawn else None)

    def measured_by(self, draw: str) -> tuple[str, int | None]:
        """Data set and seed of a name that ``measured`` gave; no seed where all cells share it."""
        dataset, seed = draws.parse(draw)
        _require_draw(draw, self.measured(dataset, seed or 0), dataset)
        return dataset, seed

    def drawn_pool(self, attack: Attack) -> str:
        """Name of the candidate pool that an attack draws from (``orl-1000/s1``)."""
        return self._drawn_pool(self.attack(attack)["pool"], attack.target.seed)

    def _drawn_pool(self, name: str, seed: int) -> str:
        return draws.draw(name, seed if self.pool(name)["seed"] == draws.PER_CELL else None)

    def pool_settings(self, draw: str) -> dict[str, Any]:
        """Settings of a candidate pool of that name, its seed settled."""
        name, seed = draws.parse(draw)
        _require_draw(draw, self._drawn_pool(name, seed or 0), name)
        return {**self.pool(name), "seed": draws.settled(self.pool(name)["seed"], seed or 0)}

    def pool_recipe(self, draw: str) -> dict[str, Any]:
        """The same, as a ``PoolRecipe`` takes them."""
        return {k: v for k, v in self.pool_settings(draw).items() if k != "prior"}

    def pool_at(self, draw: str, image_px: str) -> dict[str, Any]:
        """Settings of a candidate pool whose images have some size.

        Raises:
            MirageError: no network sees images of that size.
        """
        views = (
            view for data in self.scale["datasets"].values() for view in data["views"].values()
        )
        known = sorted({int(view["image_px"]) for view in views})
        if int(image_px) not in known:
            raise MirageError(
                f"no network sees images of {image_px} pixels", f"one of {listed(known)}"
            )
        return self.pool_settings(draw)

    def pool_file(self, attack: Attack) -> str:
        """Path of the candidate pool of an attack, at the size its target sees."""
        image_px = self.image_px(attack.target)
        return f"priors/pools/{self.drawn_pool(attack)}-{image_px}.safetensors"

    def released_evaluator(self, dataset: str) -> Mapping[str, Any] | None:
        """Architecture and published accuracy of a released evaluator; None if it is ours."""
        released: Mapping[str, Any] | None = self.network(dataset, "eval").get("released")
        return released

    @cached_property
    def released_targets(self) -> Mapping[Target, str]:
        """Targets whose published weights stand in for a training, and their assets."""
        named: Mapping[str, str] = self.scale.get("released_targets", {})
        found = {Target.parse(cell): asset for cell, asset in named.items()}
        for target in found:
            if target.samples is not None:
                raise MirageError(
                    f"config: released_targets: {target.cell} is no target trained on all images",
                    "a cell such as facescrub/resnet152/ls0/all/s42",
                )
        return found

    def image_px(self, target: Target) -> int:
        """Side of the images a target sees."""
        view = self.architecture(target.architecture)["view"]
        return int(self.view(target.dataset, view)["image_px"])

    def _entry(self, section: str, name: str) -> Mapping[str, Any]:
        entries: Mapping[str, Mapping[str, Any]] = self.scale.get(section, {})
        if name not in entries:
            raise MirageError(
                f"config: {section} has no {name!r}",
                f"one of {listed(entries)}",
                "correct the path or add it",
            )
        return entries[name]


def _require_draw(asked: str, known: str, name: str) -> None:
    """Refuse one draw where all cells share one, and the other way round."""
    if asked != known:
        shared = "one for all seeds" if known == name else "drawn anew for every seed"
        raise MirageError(f"{asked!r}: {name} is {shared}", f"a name such as {known!r}")


def _own(
    target: Target, place: str, entry: Mapping[str, Any], problem: str | None
) -> dict[str, Any]:
    """An entry of what one target has to itself, with the seed of its cell."""
    if problem:
        raise MirageError(f"config: {place} does not fit {target.path}: it works on {problem}")
    return {**entry, "seed": draws.settled(entry["seed"], target.seed)}


def _network_target(spec: Mapping[str, Any], seed: int | None) -> Target:
    """The target that measures cells of a seed (None: those of all seeds)."""
    own = draws.settled(spec["seed"], seed or 0)
    return Target(spec["dataset"], spec["architecture"], Treatment.smoothing(0), None, own)


def _targets(grid: Mapping[str, Any]) -> list[Target]:
    return [
        Target(grid["dataset"], architecture, treatment, None if n == "all" else n, seed)
        for architecture in grid["architectures"]
        for n in grid["samples"]
        for treatment in map(Treatment.parse, grid["treatments"])
        for seed in grid["seeds"]
    ]
