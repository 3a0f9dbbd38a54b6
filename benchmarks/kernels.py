"""What the kernels of compiled code read and write, from the compiler's own list of them.

Forward and backward pass are compiled for this machine's processor up to the list of kernels, of
which none is made or run. A fused kernel reads each of its inputs once and writes what another
kernel needs (``get_read_write_buffer_accesses``); convolutions and products of matrices are
kernels of a library, each for itself.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch import Tensor


class _Listed(Exception):  # noqa: N818 - no error: running them is not wanted
    """The kernels are known."""


def kernel_bytes(
    function: Callable[..., Tensor], *inputs: Tensor, settings: Mapping[str, Any] | None = None
) -> Counter[str]:
    """Count a function's forward pass and the backward pass to its inputs that require gradients.

    Args:
        function: what is compiled.
        inputs: its arguments.
        settings: of the compiler, beside its own.

    Returns:
        Bytes by kind of kernel, as ``traffic.NAMES`` has them.
    """
    from torch._functorch import config as differentiation
    from torch._inductor import config as compilation
    from torch._inductor.graph import GraphLowering

    found: Counter[str] = Counter()

    def listed(graph: Any) -> SimpleNamespace:
        graph.init_wrapper_code()
        graph._update_scheduler()
        for node in graph.scheduler.nodes:
            found[_kind(node)] += _bytes(node)
        return SimpleNamespace(call=_refuse)

    torch._dynamo.reset()
    with (
        mock.patch.object(GraphLowering, "compile_to_module", listed),
        differentiation.patch(force_non_lazy_backward_lowering=True),
        compilation.patch({**(settings or {}), "force_disable_caches": True}),
        suppress(_Listed),
    ):
        torch.compile(function, fullgraph=True, dynamic=False)(*inputs)
    torch._dynamo.reset()
    return found


def _refuse(_: list[Tensor]) -> None:
    raise _Listed


def _kind(node: Any) -> str:
    if node.is_extern():
        name = str(node.node.op_overload or node.node.python_kernel_name)
        if "conv" in name:
            return "convolutions"
        return "products" if "mm" in name else "copies"
    return "sums" if node.is_reduction() else "pointwise"


def _bytes(node: Any) -> int:
    accesses = node.get_read_write_buffer_accesses(include_reads=True, include_writes=True)
    kernel = getattr(node.node, "op_overload", None)
    if kernel is torch.ops.aten.convolution_backward.default:
        # Weights are frozen: of the input, its second operand, the shape is enough.
        gradient, x, _ = (operand.get_name() for operand in node.node.inputs)
        if x != gradient:
            accesses.pop(x, None)
    return sum(accesses.values())
