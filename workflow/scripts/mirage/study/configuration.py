"""The configuration, checked before anything runs.

Every scale is held to its types (``sections`` and the rooms' recipes) and to what types cannot
say: names that must exist, numbers that must fit one another. So the paper scale cannot rot while
everybody runs the demo.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from mirage.attacks.kinds import KINDS
from mirage.building import build
from mirage.errors import MirageError
from mirage.marks import Count, Label, Natural, Omissible, bounded, several
from mirage.recipes import Compilation, Recipe, require
from mirage.study.misfits import misfits
from mirage.study.references import unknown_names
from mirage.study.sections.names import Word
from mirage.study.sections.scale import ScaleSection
from mirage.study.settings import Scale, attack_settings, with_first_seeds
from mirage.study.treatment import Treatment
from mirage.targets.treatments import PARTS
from mirage.visible import listed


@dataclass(frozen=True)
class CompileSection(Recipe):
    """Which stages run as compiled code; results change by rounding alone.

    Attributes:
        optimise: optimisation of latents by PPA; auto compiles where a job's work is long enough
            to pay for it. A bare on or off is a truth value to YAML, and taken.
    """

    optimise: Compilation | bool


@dataclass(frozen=True)
class Configuration(Recipe):
    """All of ``config.yaml``; every scale is one study.

    Attributes:
        scale: which of the scales runs.
        device: where tensors live; auto takes a GPU if there is one.
        gpu_ids: GPUs by number or UUID, of which each job gets one; null for all.
        container: image of jobs, a file below the repository or an address; null for none.
        rerun_on_code_change: whether a result is older than the code that makes it.
        classes_per_chunk: attacked classes per job; null for all in one.
        longest_minutes: most time a job may ask for, more than it takes to start and to save a
            state; null for no limit.
        most_mb: most memory a job may ask for, more than a process with its libraries; null for
            no limit.
        optimise_batch: latents optimised together on the device.
        forward_batch: images pushed through a network together.
        compile: which stages run as compiled code.
        most_seeds: the first so many of each grid, for a first look; null for all.
        calibration_s: seconds of the forecast's measurement.
        asset_paths: places of assets that lie elsewhere, absolute or below the repository.
        scales: the studies.
        only: assets that fetch_assets shall fetch, on its command line.
    """

    scale: str
    device: Literal["auto", "cpu", "cuda"]
    gpu_ids: Annotated[tuple[Natural | Label, ...], several()] | None
    container: Label | None
    rerun_on_code_change: bool
    classes_per_chunk: Count | None
    longest_minutes: Annotated[int, bounded(least=10)] | None
    most_mb: Annotated[int, bounded(least=1000)] | None
    optimise_batch: Count
    forward_batch: Count
    compile: CompileSection
    most_seeds: Count | None
    calibration_s: Annotated[float, bounded(least=0)]
    asset_paths: Mapping[Word, Label]
    scales: Mapping[Word, ScaleSection]
    only: Omissible[str | tuple[Word, ...]] = None

    def __post_init__(self) -> None:
        require(self.scale in self.scales, "scale", self.scale, f"one of {listed(self.scales)}")


def check(config: Mapping[str, Any]) -> Configuration:
    """Check the merged configuration, and return it typed.

    Raises:
        MirageError: the first problem found; names the key, what was expected, what to do.
    """
    try:
        typed = build(Configuration, config, "")
        for name, scale in typed.scales.items():
            _refuse(name, unknown_names(scale))
            _make_treatments(f"scales.{name}.treatments", config["scales"][name])
            _make_attacks(f"scales.{name}", config["scales"][name])
            _refuse(name, misfits(with_first_seeds(config["scales"][name], typed.most_seeds)))
    except MirageError as error:
        raise MirageError(f"config: {error}") from error
    return typed


def _refuse(name: str, problems: Iterator[str]) -> None:
    """Raise the first problem of a scale, a ``key: problem`` text."""
    for problem in problems:
        raise MirageError(f"scales.{name}.{problem}", remedy="correct config.yaml")


def _make_treatments(place: str, scale: Scale) -> None:
    """Make the recipes of all parts of treatments, of their names and their settings."""
    for grid in scale["targets"]:
        for treatment in map(Treatment.parse, grid["treatments"]):
            for settings in treatment.settings(scale.get("treatments", {})):
                part = settings.pop("part")
                build(PARTS[part], settings, f"{place}.{part}")


def _make_attacks(place: str, scale: Scale) -> None:
    """Make the recipes of all attacks, each of the settings that it and others give it."""
    for name in scale["attacks"]:
        for dataset in scale["datasets"]:
            settings = attack_settings(scale, name, dataset)
            kind = KINDS.get(settings.get("kind", ""))
            for stage in kind.stages if kind else ():
                block = stage.settings
                if block in settings:
                    build(stage.recipe, settings[block], f"{place}.attacks.{name}.{block}")
