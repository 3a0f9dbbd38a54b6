"""From counted work to seconds and megabytes, by what was measured or else assumed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mirage.forecast.counts import Counts, read_counts
from mirage.forecast.units import Batches, Unit
from mirage.forecast.work import Job, Work, Workshop
from mirage.runtime import files
from mirage.study import Study

_UNKNOWN_WEIGHTS = 250e6
_UNKNOWN_FLOPS = 1e11
LEAST_MINUTES, LEAST_MB = 10, 1000
"""Smallest requests: room for a slow file system, and for a process with its libraries."""


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
    """

    device: str
    anchors: Mapping[str, Any]
    counts: Mapping[str, Counts]
    calibration: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The device the figures hold for."""
        if self.calibration is not None:
            return str(self.calibration["device"]["name"])
        return str(self.anchors["device"][self.device])

    @property
    def margin(self) -> float:
        """Factor of requests over the forecast."""
        known = "assumed" if self.calibration is None else "calibrated"
        return float(self.anchors["margin"][known])

    def measured(self, unit: Unit) -> Mapping[str, Any] | None:
        """What was measured of a unit, if anything."""
        units: Mapping[str, Mapping[str, Any]] = (self.calibration or {}).get("units", {})
        return units.get(unit.key)

    def flops(self, unit: Unit) -> float:
        """FLOPs of one image."""
        held = self.counts.get(unit.key)
        return _UNKNOWN_FLOPS if held is None else held.flops

    def seconds(self, unit: Unit) -> float:
        """Seconds of one image: measured, or by the slowest rate measured for its kind."""
        if (found := self.measured(unit)) is not None:
            return float(found["seconds_per_image"])
        return self.flops(unit) / self.rate(unit.kind)

    def rate(self, kind: str) -> float:
        """FLOP/s assumed for units of a kind that were not measured themselves."""
        units = (self.calibration or {}).get("units", {})
        rates = [float(v["flops_per_s"]) for k, v in units.items() if k.split()[0] == kind]
        return min(rates, default=float(self.anchors["flops_per_s"][self.device][kind]))

    def setup_s(self, unit: Unit | None) -> float:
        """Seconds of a job before and after its loop."""
        found = None if unit is None else self.measured(unit)
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
    """

    workshop: Workshop
    speeds: Speeds
    _known: dict[Job, Estimate] = field(default_factory=dict)

    def estimate(self, job: Job) -> Estimate:
        """Forecast one job.

        Raises:
            MirageError: the rule or the cell is not known.
        """
        if job not in self._known:
            self._known[job] = self._estimate(job, self.workshop.work(job))
        return self._known[job]

    def _estimate(self, job: Job, work: Work) -> Estimate:
        speeds = self.speeds
        flops = sum(images * speeds.flops(unit) for unit, images in work.calls) + work.flops
        seconds = float(speeds.anchors["light_s"].get(job.rule, 0.0))
        seconds += speeds.setup_s(work.calls[0][0] if work.calls else None) if work.gpu else 0.0
        seconds += sum(images * speeds.seconds(unit) for unit, images in work.calls)
        seconds += work.flops / speeds.score_rate()
        seconds += work.decoded / speeds.plain_rate("decoded_per_s")
        seconds += work.resized / speeds.plain_rate("resized_per_s")
        seconds += sum(work.outputs.values()) / speeds.plain_rate("disk_bytes_per_s")
        tensors = max((speeds.peak_bytes(unit) for unit, _ in work.calls), default=0.0)
        tensors += work.device_bytes
        on_gpu = work.gpu and speeds.device == "cuda"
        host = 1e6 * speeds.anchors["host_mb"]["cuda" if on_gpu else "cpu"] + work.host_bytes
        if on_gpu:
            return Estimate(seconds, speeds.device_bytes(tensors), host, flops)
        return Estimate(seconds, 0.0, host + (tensors if work.gpu else 0.0), flops)

    def minutes(self, job: Job, attempt: int = 1) -> int:
        """Time to request for a job, in minutes; each further attempt asks for as much again."""
        wanted = self.estimate(job).seconds * self.speeds.margin / 60
        return attempt * (LEAST_MINUTES + math.ceil(wanted))

    def megabytes(self, job: Job, attempt: int = 1) -> int:
        """Memory to request for a job, in MB; each further attempt asks for as much again."""
        wanted = self.estimate(job).host_bytes * float(self.speeds.anchors["memory_margin"]) / 1e6
        return attempt * max(LEAST_MB, 500 * math.ceil(wanted / 500))


def load_model(
    study: Study, batches: Batches, device: str, presets: Path, results: Path
) -> Model:
    """Put the model together from its files.

    Args:
        study: the study.
        batches: images a device takes together.
        device: the configuration's ``auto``, ``cpu`` or ``cuda``.
        presets: folder ``workflow/presets/forecast``.
        results: folder of the scale's results, where a calibration may lie.

    Raises:
        MirageError: a file is damaged.
    """
    import yaml

    anchors, sizes = (
        yaml.safe_load((presets / f"{name}.yaml").read_text(encoding="utf-8"))
        for name in ("anchors", "datasets")
    )
    counts = read_counts(presets / "work.json")
    calibration = None
    if (results / CALIBRATION).exists():
        calibration = files.read_json(results / CALIBRATION)
        counts |= {key: Counts(**value) for key, value in calibration["counts"].items()}
    kind = calibration["device"]["kind"] if calibration else likely_device(device)
    speeds = Speeds(kind, anchors, counts, calibration)

    def weigh(unit: Unit) -> float:
        held = counts.get(unit.key)
        return float(held.weight_bytes) if held else _UNKNOWN_WEIGHTS

    workshop = Workshop(study, batches, sizes, anchors["feature_width"], weigh, results)
    return Model(workshop, speeds)


CALIBRATION = Path("forecast/calibration.json")
"""What was measured, below the results."""


def likely_device(device: str) -> str:
    """Kind of device jobs will find, told without torch: ``cuda`` or ``cpu``."""
    if device != "auto":
        return device
    return "cuda" if Path("/proc/driver/nvidia/version").exists() else "cpu"
