"""The steps of an attack as compiled code, where that pays.

What is compiled is ``row_losses``, forward and backward, for one size of batch: that of a whole
stack. Smaller ones are filled up with copies of their last row, whose results are dropped; with a
discriminator, which compares the rows of a batch, they run uncompiled. Results differ from
uncompiled ones as those of another device batch do, by float rounding.
"""

import logging
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from mirage.attacks.batches import Batch
from mirage.attacks.objective import (
    Objective,
    Stack,
    StepDraws,
    draws_of,
    row_losses,
    step_gradient,
)
from mirage.recipes import Compilation
from mirage.runtime.checkpoint import State
from mirage.runtime.code_cache import CodeCache, code_cache
from mirage.runtime.progress import clock

_log = logging.getLogger("mirage")

PAYS_FROM = {"cpu": 2e8, "cuda": 2e10}
"""Pixels that the prior synthesises in all steps of a job, from which ``auto`` compiles.

An estimate: minutes to compile on one core, against a fifth of some 20 µs a pixel on a CPU and of
30 ns on a GPU at 1024 px.
"""


class Compiling(NamedTuple):
    """Whether a job compiles.

    Attributes:
        mode: ``on``, ``off``, or ``auto``: where the whole of the job's work is long enough, so
            that a resumed job chooses as it did before.
        kept: folder of compiled code that jobs share; None keeps none.
    """

    mode: Compilation = "off"
    kept: Path | None = None


UNCOMPILED = Compiling()
"""The default of those who ask for nothing."""


class StepTaker:
    """Takes the steps of all stacks, by compiled code where there is some.

    Attributes:
        compiled: latents times steps that compiled code has taken, earlier processes' included.
    """

    def __init__(
        self, objective: Objective, state: State, sizes: Sequence[int], cache: CodeCache | None
    ) -> None:
        """Prepare to compile at the first step.

        Args:
            objective: what is minimised.
            state: ``state()`` of an earlier process, or empty.
            sizes: rows of each official batch of a whole stack.
            cache: where code is made and kept; None compiles nothing.
        """
        self.compiled = int(state.get("compiled", 0))
        whole = list(sizes)
        self._objective, self._sizes, self._cache = objective, whole, cache
        self._tried = False

        def losses(w: Tensor, draws: StepDraws) -> Tensor:
            return row_losses(objective, w, draws, whole)

        if cache is not None:
            self._losses = torch.compile(
                losses, fullgraph=True, dynamic=False, backend=cache.compile
            )

    def gradient(self, stack: Stack, w: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """What ``step_gradient`` returns."""
        if self._cache is None or not self._takes(stack):
            return step_gradient(self._objective, stack, w, step)
        try:
            found = self._by_code(stack, w, step) if self._tried else self._first(stack, w, step)
        except Exception as error:
            # An error of the step itself comes again without the compiler.
            if self._tried or isinstance(error, torch.OutOfMemoryError):
                raise
            _log.warning("the steps run uncompiled: %s", _in_short(error))
            self._cache = None
            return step_gradient(self._objective, stack, w, step)
        self.compiled += len(w)
        return found

    def state(self) -> State:
        """What a resumed process needs to go on by the same code."""
        return {
            "by_code": torch.tensor(self._cache is not None),
            "compiled": torch.tensor(self.compiled),
        }

    def _takes(self, stack: Stack) -> bool:
        if self._objective.discriminator is not None:
            return stack.sizes == self._sizes
        return sum(stack.sizes) <= sum(self._sizes)

    def _first(self, stack: Stack, w: Tensor, step: int) -> tuple[Tensor, Tensor]:
        _log.info("compiling the steps for batches of %d", sum(self._sizes))
        began = time.monotonic()
        with warnings.catch_warnings():
            # What we cache depends on its arguments alone, so tracing through it is right.
            warnings.filterwarnings("ignore", "Dynamo detected a call to a `functools.lru_cache`")
            found = self._by_code(stack, w, step)
        self._tried = True
        assert self._cache is not None
        how = "compiled code of an earlier job, ready" if self._cache.found else "compiled"
        _log.info("%s in %s", how, clock(time.monotonic() - began))
        self._cache.keep()
        return found

    def _by_code(self, stack: Stack, w: Tensor, step: int) -> tuple[Tensor, Tensor]:
        draws, weights, point, count = draws_of(stack, step), stack.weights, w, len(w)
        if count < sum(self._sizes):
            rows = torch.arange(sum(self._sizes), device=w.device).clamp(max=count - 1)
            draws, weights = draws.of_rows(rows), weights[rows]
            point = w.detach()[rows].requires_grad_()
        losses = self._losses(point, draws)
        (gradient,) = torch.autograd.grad(losses, point, weights)
        return gradient[:count], losses.detach()[:count]


@contextmanager
def steps_of(
    objective: Objective,
    stacks: Sequence[Sequence[Batch]],
    steps: int,
    compiling: Compiling,
    device: str,
    state: State,
) -> Iterator[StepTaker]:
    """Decide how the steps of a job are taken, and have them taken in the block.

    Args:
        objective: what is minimised.
        stacks: all the job's stacks, those that are done included.
        steps: optimiser steps of each.
        compiling: what the configuration says.
        device: where all of it runs.
        state: of an earlier process that is gone on from, or empty.
    """
    sizes = max(([b.stop - b.start for b in stack] for stack in stacks), key=sum)
    if not _wanted(objective, stacks[-1][-1].stop * steps, compiling.mode, device, state):
        yield StepTaker(objective, state, sizes, None)
        return
    with code_cache(compiling.kept) as cache:
        yield StepTaker(objective, state, sizes, cache)


def _wanted(objective: Objective, count: int, mode: Compilation, device: str, state: State) -> bool:
    """Whether to compile, for ``count`` latents times steps."""
    if mode == "off":
        return False
    pixels = count * objective.pipeline.generator.image_px**2
    if mode == "auto" and pixels < PAYS_FROM[device]:
        least = PAYS_FROM[device]
        _log.info("not compiled: %.2g pixels in all, and it pays from %.2g", pixels, least)
        return False
    if state and not state.get("by_code", False):
        _log.info("not compiled: the steps that are done were not")
        return False
    return True


def _in_short(error: Exception) -> str:
    """First line of what went wrong, the compiler's own words where it wraps them."""
    inner = getattr(error, "inner_exception", error)
    lines = str(inner).strip().splitlines()
    return f"{type(inner).__name__}: {lines[0] if lines else 'no more is known'}"
