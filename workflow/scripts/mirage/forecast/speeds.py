"""From counted work to seconds and megabytes, by what was measured or else assumed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from mirage.errors import MirageError
from mirage.forecast.counts import Counts, read_counts
from mirage.forecast.units import Batches, Unit
from mirage.forecast.work import Job, Work, Workshop
from mirage.runtime import files
from mirage.study.study import Study

LEAST_MINUTES, LEAST_MB = 10, 1000
"""Smallest requests: room for a slow file system, and for a process with its libraries."""


class UncountedError(MirageError):
    """A unit whose FLOPs are not known; ``snakemake calibrate`` or ``forecast`` counts it."""


class Estimate(NamedTuple):
    """What one job will take.

    Attributes:
        seconds: of wall time, start-up of the process left out.
        device_bytes: most memory on the GPU; 0 where the job runs on a CPU.
        host_bytes: most memory of the process.
        flops: counted work.
    """

    seconds: float
    device_bytes: float
    host_bytes: float
    flops: float


@dataclass(frozen=True)
class Speeds:
    """How fast a device does what was counted.

    Attributes:
        device: ``cuda`` or ``cpu``.
        anchors: what is assumed (``workflow/presets/forecast/anchors.yaml``).
        counts: by unit.
        calibration: what ``calibrate`` measured on the user's device; None before that.
        left_aside: a calibration of the other kind of device, which says nothing of this one.
    """

    device: str
    anchors: Mapping[str, Any]
    counts: Mapping[str, Counts]
    calibration: Mapping[str, Any] | None = None
    left_aside: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The device the figures hold for."""
        if self.calibration is not None:
            return str(self.calibration["device"]["name"])
        return str(self.anchors["device"][self.device])

    @property
    def basis(self) -> str:
        """Where the figures come from: ``measured`` here, or ``assumed``."""
        return "assumed" if self.calibration is None else "measured"

    @property
    def margin(self) -> float:
        """Factor of requests over the forecast."""
        return float(self.anchors["margin"][self.basis])

    def measured(self, unit: Unit) -> Mapping[str, Any] | None:
        """What was measured of a unit, at its own batch if possible; None if nothing was."""
        units: Mapping[str, Mapping[str, Any]] = (self.calibration or {}).get("units", {})
        others = (value for key, value in units.items() if key.startswith(f"{unit.key} @"))
        return units.get(unit.timed_key) or next(others, None)

    def flops(self, unit: Unit) -> float:
        """FLOPs of one image.

        Raises:
            UncountedError: the study has a network or size that is new.
        """
        if unit.key not in self.counts:
            raise UncountedError(f"nobody has counted the work of {unit.key!r} yet")
        return self.counts[unit.key].flops

    def seconds(self, unit: Unit) -> float:
        """Seconds of one image: measured, or by the slowest rate measured for its kind.

        No step that was not measured is faster than its operators are started.
        """
        if (found := self.measured(unit)) is not None:
            return float(found["seconds_per_image"])
        return max(self.flops(unit) / self.rate(unit.kind), self.launch_s(unit) / unit.batch)

    def launch_s(self, unit: Unit) -> float:
        """Seconds in which the operators of a step are started, however few images it has."""
        held = self.counts.get(unit.key)
        started = 0 if held is None else held.operators
        return started * float(self.anchors["launch_s"][self.device])

    def seconds_alone(self, unit: Unit) -> float:
        """Least seconds of one image that is a step of its own."""
        return max(self.seconds(unit), self.launch_s(unit))

    def rate(self, kind: str) -> float:
        """FLOP/s assumed for units of a kind that were not measured themselves."""
        units = (self.calibration or {}).get("units", {})
        rates = [float(v["flops_per_s"]) for k, v in units.items() if k.split()[0] == kind]
        assumed = self.anchors["flops_per_s"][self.device]
        return min(rates, default=float(assumed.get(kind, assumed["other"])))

    def setup_s(self, unit: Unit) -> float:
        """Seconds of a job before and after its loop."""
        found = self.measured(unit)
        return float(self.anchors["setup_s"][self.device] if found is None else found["setup_s"])

    def plain_rate(self, name: str) -> float:
        """A rate of the host: photographs decoded or resized, or bytes written, per second."""
        return float((self.calibration or {}).get("host", {}).get(name, self.anchors[name]))

    def score_rate(self) -> float:
        """FLOP/s of numerical work on the host."""
        assumed = self.anchors["flops_per_s"][self.device]["score"]
        return float((self.calibration or {}).get("host", {}).get("score_flops_per_s", assumed))

    def peak_bytes(self, unit: Unit, batch: int | None = None) -> float:
        """Tensors of one step at its worst moment; what was measured at its own batch counts."""
        found, held = self.measured(unit), self.counts.get(unit.key)
        if found is not None and found["batch"] == (batch or unit.batch) and found["peak_bytes"]:
            return float(found["peak_bytes"])
        return 0.0 if held is None else held.peak_bytes(batch or unit.batch)

    def device_bytes(self, tensors: float) -> float:
        """Memory of a device that holds so many bytes of tensors."""
        share = float(self.anchors["device_overhead_share"])
        return tensors * (1 + share) + 1e6 * float(self.anchors["device_overhead_mb"])


@dataclass(frozen=True)
class Model:
    """The forecast of every job of a study.

    Attributes:
        workshop: what each job does.
        speeds: how fast.
        longest_minutes: most time a job may ask for; None for any.
        most_mb: most memory a job may ask for; None for any.
    """

    workshop: Workshop
    speeds: Speeds
    longest_minutes: int | None = None
    most_mb: int | None = None
    _known: dict[Job, Estimate] = field(default_factory=dict, init=False)

    def with_counts(self, counts: Mapping[str, Counts]) -> "Model":
        """The same model, knowing more counts."""
        speeds = replace(self.speeds, counts=counts)
        return replace(self, workshop=replace(self.workshop, counts=counts), speeds=speeds)

    def estimate(self, job: Job) -> Estimate:
        """Forecast one job.

        Raises:
            MirageError: the cell is not known.
        """
        if job not in self._known:
            self._known[job] = self._estimate(self.workshop.work(job))
        return self._known[job]

    def _estimate(self, work: Work) -> Estimate:
        speeds = self.speeds
        flops = sum(images * speeds.flops(unit) for unit, images in work.calls) + work.flops
        seconds = work.light_s + (speeds.setup_s(work.calls[0][0]) if work.calls else 0.0)
        seconds += sum(images * speeds.seconds(unit) for unit, images in work.calls)
        seconds += work.flops / speeds.score_rate()
        seconds += work.decoded / speeds.plain_rate("decoded_per_s")
        seconds += work.resized / speeds.plain_rate("resized_per_s")
        seconds += sum(work.outputs.values()) / speeds.plain_rate("disk_bytes_per_s")
        tensors = max((speeds.peak_bytes(unit) for unit, _ in work.calls), default=0.0)
        tensors += work.device_bytes
        on_gpu = bool(work.calls) and speeds.device == "cuda"
        host = 1e6 * speeds.anchors["host_mb"]["cuda" if on_gpu else "cpu"] + work.host_bytes
        if on_gpu:
            return Estimate(seconds, speeds.device_bytes(tensors), host, flops)
        return Estimate(seconds, 0.0, host + tensors, flops)

    def minutes(self, job: Job, attempt: int = 1) -> int:
        """Time to request for a job, in minutes; each further attempt asks for as much again.

        A cut request loses nothing: the job saves its state and goes on in the next attempt.
        """
        try:
            wanted = math.ceil(self.estimate(job).seconds * self.speeds.margin / 60)
        except UncountedError:
            wanted = self.speeds.anchors["uncounted"]["minutes"]
        return at_most(attempt * int(LEAST_MINUTES + wanted), self.longest_minutes)

    def megabytes(self, job: Job, attempt: int = 1) -> int:
        """Memory to request for a job, in MB; each further attempt asks for as much again."""
        try:
            wanted = self.estimate(job).host_bytes * self.speeds.anchors["memory_margin"] / 1e6
        except UncountedError:
            wanted = self.speeds.anchors["uncounted"]["megabytes"]
        return at_most(attempt * int(max(LEAST_MB, 500 * math.ceil(wanted / 500))), self.most_mb)


def at_most(wanted: int, limit: int | None) -> int:
    """A request that a cluster can grant: SLURM lets a job beyond its limits wait for ever."""
    return wanted if limit is None else min(wanted, limit)


def load_model(
    scale: Mapping[str, Any],
    classes_per_chunk: int | None,
    forward_batch: int,
    optimise_batch: int,
    device: str,
    presets: str | Path,
    results: Path | None,
    longest_minutes: int | None = None,
    most_mb: int | None = None,
) -> Model:
    """Put the model together from its files.

    Args:
        scale: a checked scale of the configuration.
        classes_per_chunk: attacked classes per job; None for all in one.
        forward_batch: images pushed through a network together.
        optimise_batch: latents optimised together.
        device: the configuration's ``auto``, ``cpu`` or ``cuda``; ``auto`` is what was calibrated.
        presets: folder ``workflow/presets/forecast``.
        results: folder of the scale's results, where a calibration and prepared stores may lie;
            None for nothing there yet.
        longest_minutes: most time a job may ask for; None for any.
        most_mb: most memory a job may ask for; None for any.

    Raises:
        MirageError: a file is damaged.
    """
    from mirage.yaml_file import read_yaml

    presets = Path(presets)
    anchors, sizes = (read_yaml(presets / f"{name}.yaml") for name in ("anchors", "datasets"))
    counts = read_counts(presets / "work.json")
    kind, calibration, left_aside = likely_device(device), None, None
    if results is not None and (results / CALIBRATION).exists():
        calibration = files.read_json(results / CALIBRATION)
        # Counts hold for every device. Speeds do not: one kind's would ask for months on the other.
        counts |= {key: Counts(**value) for key, value in calibration["counts"].items()}
        if device == "auto":
            kind = calibration["device"]["kind"]
        elif calibration["device"]["kind"] != device:
            calibration, left_aside = None, calibration
    study, batches = Study(scale, classes_per_chunk), Batches(forward_batch, optimise_batch)
    workshop = Workshop(study, batches, sizes, anchors["feature_width"], counts, results)
    speeds = Speeds(kind, anchors, counts, calibration, left_aside)
    return Model(workshop, speeds, longest_minutes, most_mb)


CALIBRATION = Path("forecast/calibration.json")
"""What was measured, below the results."""


def likely_device(device: str) -> str:
    """Kind of device jobs will find, told without torch: ``cuda`` or ``cpu``."""
    if device != "auto":
        return device
    return "cuda" if Path("/proc/driver/nvidia/version").exists() else "cpu"


def machine(device: str) -> list[str]:
    """What this machine computes with, told without torch; a calibration belongs to it."""
    cards = Path("/proc/driver/nvidia/gpus").glob("*/information")
    told = [*cards, *([] if device == "cuda" else [Path("/proc/cpuinfo")])]
    lines = [
        line.split(":", 1)[1].strip()
        for path in told
        if path.exists()
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.lower().startswith("model")
    ]
    return sorted(set(lines))
