"""What every job does: files read and written, units of work, memory beside the units'.

One function per rule (``rules``), from the study's own recipes. A job is named by rule and
wildcards, as the workflow names it; bytes follow from the formats of the rooms that write them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mirage.checkout import REPOSITORY
from mirage.errors import MirageError
from mirage.forecast import units
from mirage.forecast.counts import Counts
from mirage.forecast.inventory import Images, images_of
from mirage.forecast.units import Batches, Unit
from mirage.study.cells import Attack, Target
from mirage.study.study import Study

FLOAT, HALF, LONG = 4, 2, 8
"""Bytes of a number."""

_UNKNOWN_WEIGHTS = 250e6
SMALL = 20_000  # a record, a table, a line of metrics


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
        calls: units and how many images each runs in all.
        inputs: files it reads, without assets.
        outputs: file -> bytes.
        temporary: those of them that go when their readers are done.
        gpu: whether it asks for a GPU.
        decoded: photographs decoded.
        resized: stored images resized.
        flops: of numerical work on the host.
        host_bytes: most memory beside process, libraries and units.
        device_bytes: memory on the device beside the units'.
        state_bytes: of the state an interruption would leave.
    """

    calls: tuple[tuple[Unit, float], ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: Mapping[str, float] = field(default_factory=dict)
    temporary: tuple[str, ...] = ()
    gpu: bool = False
    decoded: int = 0
    resized: int = 0
    flops: float = 0.0
    host_bytes: float = 0.0
    device_bytes: float = 0.0
    state_bytes: float = 0.0


Rule = Callable[["Workshop", Mapping[str, str]], Work]
_RULES: dict[str, Rule] = {}


def known_rules() -> list[str]:
    """Rules whose work is known."""
    return list(_RULES)


def rule(name: str) -> Callable[[Rule], Rule]:
    """Enter what the jobs of a rule do."""

    def enter(function: Rule) -> Rule:
        _RULES[name] = function
        return function

    return enter


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

    def work(self, job: Job) -> Work:
        """Work of a job.

        Raises:
            MirageError: nothing is known of the rule, or the study knows no such cell.
        """
        if job.rule not in _RULES:
            raise MirageError(f"the forecast knows no rule {job.rule!r}", f"one of {list(_RULES)}")
        return _RULES[job.rule](self, dict(job.wildcards))

    def images(self, dataset: str) -> Images:
        """Sizes of a data set."""
        if dataset not in self._images:
            self._images[dataset] = images_of(self.study, dataset, self.sizes, self.results)
        return self._images[dataset]

    def weigh(self, unit: Unit) -> float:
        """Bytes of the weights of a ``classify`` or ``render`` unit."""
        held = self.counts.get(unit.key)
        return _UNKNOWN_WEIGHTS if held is None else float(held.weight_bytes)

    def view_bytes(self, dataset: str, view: str, count: int | None = None) -> float:
        """Bytes of ``count`` images of a view (all)."""
        side = self.study.view(dataset, view)["image_px"]
        channels = self.study.dataset(dataset)["recipe"]["channels"]
        number = self.images(dataset).total if count is None else count
        return float(number * channels * side**2)

    def classify(self, target: Target) -> Unit:
        """A target's forward pass."""
        return units.classify(self.study, target.dataset, target.architecture, self.batches.forward)

    def render(self, pool: str, image_px: int) -> Unit:
        """A latent's way to an image."""
        return units.render(self.study, pool, image_px, self.batches.forward, self.study.pool(pool))

    def generator(self, pool: str) -> str:
        """File of a pool's generator."""
        prior = self.study.pool(pool)["prior"]
        shipped = self.study.scale["trained_priors"]
        home = "priors"
        if self.study.prior(prior)["source"]["kind"] == "trained" and shipped != home:
            home = f"{REPOSITORY}/{shipped}"
        return f"{home}/{prior}/generator.safetensors"

    def w_bytes(self, pool: str) -> int:
        """Bytes of one w."""
        recipe = self.study.prior(self.study.pool(pool)["prior"])["source"].get("recipe", {})
        return FLOAT * int(recipe.get("generator", {}).get("w_dim", 512))

    def image_bytes(self, dataset: str, image_px: int) -> int:
        """Bytes of one image at one byte a value."""
        return int(self.study.dataset(dataset)["recipe"]["channels"]) * image_px**2

    def feature_bytes(self, dataset: str, fidelities: int) -> int:
        """Bytes of one image's features in all networks."""
        widths = 0
        for role in self.study.roles(dataset):
            network = self.study.network(dataset, role)
            name = network.get("target", {}).get("architecture", network["spec"]["kind"])
            widths += self.feature_width.get(name, 2048)
        return FLOAT * fidelities * widths

    def network_files(self, dataset: str, seed: int | None) -> list[str]:
        """Weights of the networks that measure the attacks of a seed (or of all)."""
        return [
            self.study.network_weights(dataset, role, seed) for role in self.study.roles(dataset)
        ]

    def network_views(self, dataset: str) -> list[str]:
        """Views of the evaluation networks, each once."""
        roles = self.study.roles(dataset)
        return list(dict.fromkeys(self.study.network(dataset, role)["view"] for role in roles))


def store_files(dataset: str) -> tuple[str, ...]:
    """Files of a prepared store."""
    names = ("pixels.safetensors", "index.csv", "manifest.json")
    return tuple(f"data/{dataset}/{name}" for name in names)


def view_file(dataset: str, name: str) -> str:
    """File of a view."""
    return f"data/{dataset}/views/{name}.safetensors"


def target_of(wildcards: Mapping[str, str]) -> Target:
    """Target a job is about.

    Raises:
        MirageError: it is about none, like a job of an earlier version.
    """
    return Target.parse(wildcards.get("target", ""))


def attack_of(wildcards: Mapping[str, str]) -> Attack:
    """Attack a job is about."""
    return Attack.parse(target_of(wildcards), wildcards["attack"])
