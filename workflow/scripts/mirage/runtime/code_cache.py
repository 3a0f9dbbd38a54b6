"""Compiled code: made by one job, taken over by the others on machines of its type.

PyTorch's compiler writes libraries under their final names, so a job that is killed would leave
half of one to all that come after. Here each process compiles in a folder of its own; what it made
is kept as one file, whole or absent like every other, named by the graph and by all that its code
depends on. Jobs that start together compile the same twice, and the first to end keeps its own. It
is code that will be run, so it counts only with this user's mark (``own_key``) in its name.
"""

import hashlib
import hmac
import io
import logging
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from mirage.errors import MirageError
from mirage.runtime import files
from mirage.runtime.devices import device_name
from mirage.runtime.own_key import mark

_log = logging.getLogger("mirage")
FUSING = {
    "realize_reads_threshold": 12,
    "realize_acc_reads_threshold": 32,
    "realize_opcount_threshold": 128,
}
"""Up to how many operands and operations each kernel that needs a value computes it anew.

Beyond that the compiler writes the value once and the kernels read it. Its own limits, on a
processor 4, 12 and 50, are soon reached between two convolutions of a generator, where most
operands are no larger than a row. They hold for a whole graph, so a target's gradients, which
pass through all its blocks, are computed more often as well; 32 instead of 12 was worth 1 %.
"""
_PASSING = {"locks", "precompiled_headers"}
"""Folders that no later process needs."""


class CodeCache:
    """Where this process compiles, and where compiled code is kept.

    Attributes:
        found: whether the code of the last graph was taken from ``kept``.
    """

    def __init__(self, own: Path, kept: Path | None) -> None:
        """Name the two folders.

        Args:
            own: of this process, which the compiler writes to.
            kept: shared by all jobs; None keeps nothing.
        """
        self.own, self.kept = own, kept
        self.found = False
        self._name = ""

    def compile(self, graph: Any, inputs: Sequence[Tensor]) -> Callable[..., Any]:
        """Compile a graph that Dynamo has traced; the backend that ``torch.compile`` is given."""
        from torch._inductor.compile_fx import compile_fx

        if self.kept is not None:
            self._name = _key(graph.code, inputs)
            self.found = self._take()
        settings = {
            # Nothing is chosen by timing, so code made twice is the same code.
            "deterministic": True,
            "cpp.vec_isa_ok": True,  # a loaded machine fails PyTorch's own trial by its time limit
            "compile_threads": torch.get_num_threads(),
            **FUSING,
        }
        return cast("Callable[..., Any]", compile_fx(graph, inputs, config_patches=settings))

    def keep(self) -> None:
        """Keep what was compiled, unless another job has meanwhile; a full disk is told."""
        if self.kept is None or not self._name:
            return
        try:
            if self.found or any(map(self._content, self._places())):
                return
            content = self._packed()
            with files.writing(self.kept / f"{self._name}-{mark(content)}.tar") as path:
                path.write_bytes(content)
        except (MirageError, OSError) as error:
            _log.warning("the compiled code is not kept for other jobs: %s", error)

    def _packed(self) -> bytes:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for entry in sorted(self.own.iterdir()):
                if entry.name not in _PASSING:
                    archive.add(entry, entry.name)
        return packed.getvalue()

    def _places(self) -> list[Path]:
        assert self.kept is not None
        return sorted(self.kept.glob(f"{self._name}-*.tar"))

    def _take(self) -> bool:
        """Unpack an archive that this user made, if there is one that is whole."""
        for place in self._places():
            try:
                if (content := self._content(place)) is None:
                    continue
                with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                    archive.extractall(self.own, filter="data")
                return True
            except (MirageError, OSError, tarfile.TarError) as error:
                _log.warning("compiled code is made anew: %s", error)
        return False

    def _content(self, place: Path) -> bytes | None:
        """An archive's bytes; None for another user's, which is left alone; a damaged one goes."""
        try:
            content = files.sound(place).read_bytes()
        except MirageError as error:
            _log.warning("compiled code is made anew: %s", error)
            place.unlink(missing_ok=True)
            return None
        known = hmac.compare_digest(place.stem, f"{self._name}-{mark(content)}")
        return content if known else None


@contextmanager
def code_cache(kept: Path | None) -> Iterator[CodeCache]:
    """Have the compiler work in a folder of this process while the block lasts.

    What was compiled in the block may be called in the block only.

    Args:
        kept: folder that all jobs share, made if need be; None keeps nothing.
    """
    own = Path(tempfile.mkdtemp(prefix="mirage-code-"))
    places = {"TORCHINDUCTOR_CACHE_DIR": str(own), "TRITON_CACHE_DIR": str(own / "triton")}
    before = {name: os.environ.get(name) for name in places}
    os.environ.update(places)
    _forget()
    try:
        yield CodeCache(own, kept)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        _forget()
        shutil.rmtree(own, ignore_errors=True)


def _forget() -> None:
    """Drop what the compiler remembers of folders and graphs."""
    from torch._inductor.utils import clear_caches

    torch.compiler.reset()
    clear_caches()


def _key(code: str, inputs: Sequence[Tensor]) -> str:
    """Name of a graph's compiled code: equal names, equal code."""
    shapes = [(x.shape, x.stride(), x.dtype, x.device, x.requires_grad) for x in inputs]
    described = repr((code, shapes, FUSING, machine_type()))
    return hashlib.blake2b(described.encode(), digest_size=16).hexdigest()


def machine_type() -> tuple[str, ...]:
    """What compiled code depends on beside its graph: libraries, processor, GPU, threads."""
    with Path("/proc/cpuinfo").open() as file:
        first = [line.strip() for line in iter(file.readline, "\n")]
    processor = [line for line in first if line.startswith(("model name", "flags", "Features"))]
    capability = torch.backends.cpu.get_cpu_capability()
    threads = f"{torch.get_num_threads()} threads"
    return (
        torch.__version__, str(torch.version.git_version), sys.version, device_name(), capability,
        threads, *processor,
    )  # fmt: skip
