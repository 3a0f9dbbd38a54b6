"""Choosing where tensors live, once, at the start of a job."""

import os
import sys

from mirage.errors import MirageError
from mirage.runtime import slots


def choose_device(name: str) -> str:
    """Turn the configuration's ``device`` into a torch device, set to repeat itself exactly.

    Where a machine has several GPUs and no SLURM, the job takes one for itself (see ``slots``).

    Args:
        name: ``auto`` (a GPU if there is one), ``cpu`` or ``cuda``.

    Raises:
        MirageError: ``cuda`` was asked for and there is none.
    """
    # cuBLAS repeats itself only with a fixed workspace, chosen before its first use.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if name != "cpu":
        slots.settle()  # before CUDA is first asked
    import torch

    found = name != "cpu" and torch.cuda.is_available()
    if name == "cuda" and not found:
        raise MirageError(
            "config: device is cuda, but no GPU can be used here",
            remedy="run on a GPU machine, or with --config device=auto",
        )
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    return "cuda" if found else "cpu"


def device_name() -> str:
    """Name of the GPU in use; ``cpu`` while none is."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return str(torch.cuda.get_device_name())
    return "cpu"
