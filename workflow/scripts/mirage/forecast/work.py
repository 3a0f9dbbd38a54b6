"""What every job does: units of work, bytes written, memory beside the units'.

Each room says it of its rules in a ``cost.py`` beside its code: ``COSTS`` maps a rule's name to a
function of the study and the job's wildcards. A rule that no room mentions costs next to nothing.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from mirage.forecast import units
from mirage.forecast.counts import Counts
from mirage.forecast.inventory import Images, images_of
from mirage.forecast.units import Batches, Unit
from mirage.priors.trainers import TRAINERS
from mirage.study.cells import Attack, Target
from mirage.study.study import Study

FLOAT, HALF, LONG = 4, 2, 8
"""Bytes of a number."""

SMALL = 20_000
"""Bytes of a record, a table, a line of metrics: of every output that a cost does not name."""

WEIGHTS = 250e6
"""Bytes of a published classifier: ResNet-152 has 241 MB, all others less."""


class Job(NamedTuple):
    """One job of the plan: its rule and its wildcards, as text."""

    rule: str
    wildcards: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, rule: str, **wildcards: str) -> "Job":
        """Name a job."""
        return cls(rule, tuple(sorted(wildcards.items())))


@dataclass(frozen=True)
class Work:
    """What one job does.

    Attributes:
        calls: units and how many images each runs in all, on a GPU where there is one.
        outputs: name of an output in the rule -> bytes of its file.
        light_s: seconds on one core, as measured at demo scale, of what is not counted: to start,
            read, join or draw.
        decoded: photographs decoded.
        resized: stored images resized.
        flops: of numerical work on the host.
        host_bytes: most memory beside process, libraries and units.
        device_bytes: memory on the device beside the units'.
        state_bytes: of the state an interruption would leave.
    """

    calls: tuple[tuple[Unit, float], ...] = ()
    outputs: Mapping[str, float] = field(default_factory=dict)
    light_s: float = 0.0
    decoded: int = 0
    resized: int = 0
    flops: float = 0.0
    host_bytes: float = 0.0
    device_bytes: float = 0.0
    state_bytes: float = 0.0


@dataclass(frozen=True)
class Workshop:
    """All that the work of a job follows from.

    Attributes:
        study: the study.
        batches: images a device takes together.
        sizes: published sizes of data sets, by reader.
        feature_width: of each evaluation network, by architecture or kind.
        counts: of units, for the size of their weights.
        results: folder of the results; None for nothing there yet.
    """

    study: Study
    batches: Batches
    sizes: Mapping[str, Any]
    feature_width: Mapping[str, int]
    counts: Mapping[str, Counts]
    results: Path | None = None
    _images: dict[str, Images] = field(default_factory=dict, init=False)
    _works: dict[Job, Work] = field(default_factory=dict, init=False)

    def work(self, job: Job) -> Work:
        """Work of a job; none where no room tells of its rule.

        Raises:
            MirageError: the study knows no such cell.
        """
        if job not in self._works:
            cost = costs().get(job.rule)
            self._works[job] = Work() if cost is None else cost(self, dict(job.wildcards))
        return self._works[job]

    def images(self, dataset: str) -> Images:
        """Sizes of a data set."""
        if dataset not in self._images:
            self._images[dataset] = images_of(self.study, dataset, self.sizes, self.results)
        return self._images[dataset]

    def weigh(self, unit: Unit) -> float:
        """Bytes of the weights of a ``classify`` or ``render`` unit."""
        held = self.counts.get(unit.key)
        return WEIGHTS if held is None else float(held.weight_bytes)

    def view_bytes(self, dataset: str, view: str, count: int | None = None) -> float:
        """Bytes of ``count`` images of a view (all)."""
        side = self.study.view(dataset, view)["image_px"]
        number = self.images(dataset).total if count is None else count
        return float(number * self.image_bytes(dataset, side))

    def classify(self, target: Target) -> Unit:
        """A target's forward pass."""
        return units.classify(self.study, target.dataset, target.architecture, self.batches.forward)

    def render(self, pool: str, image_px: int) -> Unit:
        """A candidate's way to an image."""
        settings = self.study.pool(pool)
        return units.render(self.study, settings["prior"], image_px, self.batches.forward, settings)

    def w_bytes(self, pool: str) -> int:
        """Bytes of one w."""
        recipe = self.study.prior(self.study.pool(pool)["prior"])["source"].get("recipe", {})
        return FLOAT * int(recipe.get("generator", {}).get("w_dim", 512))

    def z_bytes(self, prior: str) -> int:
        """Bytes of one z of a prior that is trained here."""
        source = self.study.prior(prior)["source"]
        recipe = TRAINERS[self.study.prior_kind(prior)].recipe.of(source["recipe"])
        return FLOAT * int(recipe.generator.z_dim)  # type: ignore[attr-defined]

    def image_bytes(self, dataset: str, image_px: int) -> int:
        """Bytes of one image at one byte a value."""
        return int(self.study.dataset(dataset)["recipe"]["channels"]) * image_px**2

    def feature_bytes(self, dataset: str, fidelities: int) -> int:
        """Bytes of one image's features in all networks."""
        widths = sum(self.width(dataset, role) for role in self.study.roles(dataset))
        return FLOAT * fidelities * widths

    def width(self, dataset: str, role: str) -> int:
        """Number of features that an evaluation network tells of an image."""
        kind = self.study.network(dataset, role)["spec"]["kind"]
        name = self.study.network_architecture(dataset, role) or kind
        return self.feature_width.get(name, 2048)


Cost = Callable[[Workshop, Mapping[str, str]], Work]


def always(work: Work) -> Cost:
    """Cost of a rule whose jobs all do the same."""
    return lambda _shop, _wildcards: work


@cache
def costs() -> Mapping[str, Cost]:
    """Rule -> what its jobs do, from the ``cost.py`` of every room."""
    found: dict[str, Cost] = {}
    for path in sorted(Path(__file__).parents[1].glob("*/cost.py")):
        found |= importlib.import_module(f"mirage.{path.parent.name}.cost").COSTS
    return found


def target_of(wildcards: Mapping[str, str]) -> Target:
    """Target a job is about.

    Raises:
        MirageError: it is about none, like a job of an earlier version.
    """
    return Target.parse(wildcards.get("target", ""))


def attack_of(wildcards: Mapping[str, str]) -> Attack:
    """Attack a job is about."""
    return Attack.parse(target_of(wildcards), wildcards["attack"])
