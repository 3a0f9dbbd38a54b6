"""How precisely a device computes while a block runs."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal, TypeAlias

import torch

Precision: TypeAlias = Literal["fp32", "tf32", "bf16"]


@contextmanager
def numerics(precision: Precision, device: str) -> Iterator[None]:
    """Set a GPU's arithmetic for a block and put the settings back afterwards.

    Convolution algorithms are the deterministic ones and are not chosen by timing, so that a
    resumed run repeats an uninterrupted one.

    Args:
        precision: ``fp32``: float32 throughout. ``tf32``: TensorFloat-32 in convolutions and
            float32 in matrix products, PyTorch's default and so the official code's. ``bf16``:
            forward pass under autocast; weights, loss and optimiser stay float32.
        device: nothing is set for a CPU.
    """
    if torch.device(device).type != "cuda":
        yield
        return
    products = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        with torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=precision == "tf32"
        ):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = products


def autocast(precision: Precision, device: str) -> AbstractContextManager[Any]:
    """Context of one forward pass: bfloat16 autocast, or nothing."""
    if precision != "bf16":
        return nullcontext()
    return torch.autocast(torch.device(device).type, torch.bfloat16)
