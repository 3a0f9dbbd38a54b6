"""Real loops with random weights and no assets, to be counted or timed; a module per kind of unit.

A loop runs the very code of the jobs, for ever, and ticks the checkpoint it is given after each
step; the checkpoint ends it. On the device ``meta`` it computes shapes alone, which is how FLOPs
and memory are counted without time or memory. An entry is the function ``make`` of a module.
"""

from collections.abc import Callable

from mirage.forecast.units import Settings, Unit
from mirage.numerics import numerics
from mirage.registry import Registry
from mirage.runtime.checkpoint import Checkpoint

Loop = Callable[[Checkpoint], None]
Maker = Callable[[Settings, int, str], Loop]
"""(settings of a unit, images of a step, ``cpu``, ``cuda`` or ``meta``) -> what is repeated."""

LOOPS: Registry[Maker] = Registry(__name__, "make")


def make_loop(unit: Unit, batch: int, device: str) -> Loop:
    """Make the endless loop of a unit.

    Args:
        unit: what to run.
        batch: images of one step.
        device: ``cpu``, ``cuda`` or ``meta``.

    Raises:
        MirageError: an architecture or kind of network that is not known.
    """
    once = LOOPS[unit.kind](unit.settings, batch, device)

    def loop(checkpoint: Checkpoint) -> None:
        with numerics(unit.settings.get("precision", "fp32"), device):
            while True:
                once(checkpoint)

    return loop
