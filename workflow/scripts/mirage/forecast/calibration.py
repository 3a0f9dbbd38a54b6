"""Two minutes on the user's device: how fast it does each kind of work, and in how much memory.

What is timed are the loops of the jobs themselves at their configured batches, with random weights
and made-up images, so no asset is needed. A device too slow for that is given fewer images at a
time; what would not fit into the time at all is left to the assumed rates.
"""

import gc
import logging
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mirage.data import decoding
from mirage.data.views import ViewRecipe, resize_pixels
from mirage.errors import Interrupted, MirageError
from mirage.evaluation.fid import fit_gaussian, frechet_distance
from mirage.forecast.counts import Counts, plain
from mirage.forecast.loops import make_loop
from mirage.forecast.units import Unit
from mirage.runtime import files
from mirage.runtime.checkpoint import Checkpoint
from mirage.streams import generator

_log = logging.getLogger("mirage")
_ENOUGH = 200  # steps timed at most
_HOST_SHARE = 0.08  # of the time, for each of four measurements of the host
_SLOWEST = {"cpu": 5e9, "cuda": 2e12}  # FLOP/s taken for granted before anything is measured
_OVERDRAFT = 3.0  # a single step may take this many times a unit's share


def calibrate(
    units: Iterable[Unit],
    counts: Mapping[str, Counts],
    device: str,
    seconds: float,
    folder: Path,
) -> dict[str, Any]:
    """Time every unit, and the host.

    Args:
        units: what to time, most important first.
        counts: of these units.
        device: ``cpu`` or ``cuda``.
        seconds: of wall time that may be used, about.
        folder: whose disk is timed.

    Returns:
        ``device``, ``seconds``, ``units`` (timed key -> seconds_per_image, flops_per_s, setup_s,
        batch, steps, peak_bytes), ``host`` (rates), ``counts``, ``skipped`` (timed key -> reason).
        JSON-able.
    """
    began = time.monotonic()
    host = _measure_host(_HOST_SHARE * seconds, folder)
    waiting, timed, skipped = list(units), {}, {}
    while waiting:
        unit = waiting.pop(0)
        left = seconds - (time.monotonic() - began)
        share = max(left, 0.0) / (len(waiting) + 1)
        key = unit.timed_key
        try:
            timed[key] = _measure(unit, counts[unit.key], device, share)
            _log.info("%s: %.3g FLOP/s", key, timed[key]["flops_per_s"])
        except MirageError as error:
            skipped[key] = str(error)
            _log.info("%s: %s", key, error)
    return {
        "device": _describe(device),
        "seconds": round(time.monotonic() - began, 1),
        "units": timed,
        "host": host,
        "counts": plain(counts),
        "skipped": skipped,
    }


def _measure(unit: Unit, counts: Counts, device: str, share_s: float) -> dict[str, Any]:
    """Time one unit.

    Raises:
        MirageError: not even the smallest step fits into the time or the memory.
    """
    batch = _affordable(unit, counts, device, share_s)
    while True:
        try:
            return _time(unit, counts, device, batch, share_s)
        except torch.cuda.OutOfMemoryError:
            if batch <= unit.least:
                raise MirageError("one step does not fit into the device's memory") from None
            batch = max(batch // 2, unit.least)
            _log.warning("%s: out of memory, trying %d images", unit.key, batch)
            _forget(device)


def _affordable(unit: Unit, counts: Counts, device: str, share_s: float) -> int:
    least, image_s = unit.least, counts.flops / _SLOWEST[device]
    if least * image_s > _OVERDRAFT * share_s:
        raise MirageError(f"a step of {least * counts.flops:.2g} FLOP does not fit into the time")
    if device == "cpu" and counts.peak_bytes(least) > _free_bytes():
        raise MirageError("a step does not fit into the memory")
    fitting = int(_OVERDRAFT * share_s / max(image_s, 1e-12))
    return max(least, min(unit.batch, fitting))


def _time(unit: Unit, counts: Counts, device: str, batch: int, share_s: float) -> dict[str, Any]:
    _forget(device)
    clock = clock_of(device)
    began = clock()
    loop = make_loop(unit, batch, device)
    built_s = clock() - began
    watch = Stopwatch(device, share_s)
    with suppress(Interrupted):
        loop(watch)
    step_s = watch.step_s
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else 0
    return {
        "seconds_per_image": step_s / batch,
        "flops_per_s": counts.flops * batch / step_s,
        "setup_s": built_s + max(watch.first_s - step_s, 0.0),
        "batch": batch,
        "steps": watch.steps,
        "peak_bytes": peak,
    }


class Stopwatch(Checkpoint):
    """Times the ticks of a loop and ends it after a while; the first step is warm-up.

    Attributes:
        steps: timed ones.
        first_s: of the first step and what came before it.
    """

    def __init__(self, device: str, seconds: float) -> None:
        super().__init__(None, {})
        self.device, self.seconds = device, seconds
        self.steps, self.first_s = -1, 0.0
        self._began = time.monotonic()
        self._clock = clock_of(device)
        self._start = self._last = self._clock()

    def tick(self, state: Callable[[], Any]) -> None:
        """Note the time; end the loop when there was enough of it."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        self._last = self._clock()
        self.steps += 1
        spent = time.monotonic() - self._began
        if self.steps == 0:
            self.first_s = self._last - self._start
        # One timed step is worth a short overdraft: the warm-up tells too little.
        enough = self.seconds if self.steps > 0 else _OVERDRAFT * self.seconds
        if self.steps >= _ENOUGH or spent >= enough:
            raise Interrupted

    @property
    def step_s(self) -> float:
        """Mean time of a step; of the first one where there was time for no other."""
        if self.steps <= 0:
            return self.first_s
        return (self._last - self._start - self.first_s) / self.steps


def clock_of(device: str) -> Callable[[], float]:
    """Clock by which work on a device is timed, in seconds.

    On one thread of a CPU it is processor time, so that other work on the machine does not count:
    the forecast is for a machine that is there for the study.
    """
    alone = device == "cpu" and torch.get_num_threads() == 1
    return time.process_time if alone else time.monotonic


def _forget(device: str) -> None:
    """Give back what the unit before has used."""
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _free_bytes() -> float:
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES"))


def _describe(device: str) -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    name = f"{_processor()} ({torch.get_num_threads()} of {os.cpu_count()} cores)"
    if device == "cuda":
        name = torch.cuda.get_device_name()
        memory = torch.cuda.get_device_properties(0).total_memory
    return {"kind": device, "name": name, "memory_bytes": memory}


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    names = [line.split(":", 1)[1].strip() for line in told.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


# ---------------------------------------------------------------------------------- host


def _measure_host(seconds: float, folder: Path) -> dict[str, float]:
    """Rates of the processor and the disk, ``seconds`` for each."""
    noise = torch.randint(0, 256, (300, 300, 3), generator=generator(0, "forecast", "photograph"))
    pixels = noise.to(torch.uint8).numpy()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        return {
            "decoded_per_s": 1 / _repeat(_decoder(pixels, Path(scratch)), seconds, clock_of("cpu")),
            "resized_per_s": 1 / _repeat(_resizer(pixels), seconds, clock_of("cpu")),
            "disk_bytes_per_s": _BLOCK / _repeat(_writer(Path(scratch)), seconds, time.monotonic),
            "score_flops_per_s": _SCORE_FLOPS / _repeat(_score, seconds, clock_of("cpu")),
        }


_BLOCK = 16 * 2**20
_WIDTH, _ROWS = 192, 384
_SCORE_FLOPS = 2 * 2 * _ROWS * _WIDTH**2 + 60 * _WIDTH**3
"""FLOPs of ``_score``, counted as ``work`` counts those of a job."""


def _repeat(work: Callable[[], object], seconds: float, clock: Callable[[], float]) -> float:
    """Mean seconds of a piece of work, by a clock, after one warm-up."""
    work()
    end, count, began = time.monotonic() + seconds, 0, clock()
    while count == 0 or (time.monotonic() < end and count < _ENOUGH):
        work()
        count += 1
    return (clock() - began) / count


def _decoder(pixels: "np.ndarray[Any, Any]", folder: Path) -> Callable[[], object]:
    from PIL import Image

    path = folder / "photograph.jpg"
    Image.fromarray(pixels).save(path)
    return lambda: decoding.pixel_hash(decoding.decode_file(path, 3).pixels)


def _resizer(pixels: "np.ndarray[Any, Any]") -> Callable[[], object]:
    recipe = ViewRecipe(224, resize="short_side")
    image = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    return lambda: resize_pixels(image, recipe)


def _writer(folder: Path) -> Callable[[], object]:
    block = os.urandom(_BLOCK)

    def write() -> None:
        with files.writing(folder / "block") as path:
            path.write_bytes(block)

    return write


def _score() -> float:
    rows = np.random.RandomState(0).standard_normal((2, _ROWS, _WIDTH)).astype(np.float32)
    return frechet_distance(fit_gaussian(rows[0]), fit_gaussian(rows[1]))
