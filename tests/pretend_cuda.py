"""A CUDA device without one: tensors on it have shape, type and device, and no values.

Tensors on the CPU stay real. An operation that touches a tensor "on the GPU" is carried out by
PyTorch's fake tensors, which refuse to mix devices exactly where a GPU would. Reading values back
(``.cpu()``, ``.item()``) gives zeros. The autograd engine itself needs a driver, so a gradient is
a tensor like its input, after a check that the cotangent lies where the output does.
"""

from contextlib import contextmanager
from unittest import mock

import torch
from mirage.priors.stylegan2 import resampling
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

_READ = torch.ops.aten._local_scalar_dense.default
_FILL = torch.ops.aten.copy_.default


class _PretendCuda(TorchDispatchMode):
    """Sends operations on pretended tensors to fake tensors, and all others to the CPU."""

    def __init__(self):
        super().__init__()
        self.fake = FakeTensorMode(allow_non_fake_inputs=True)
        self.operations = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        values = tree_flatten((args, kwargs))[0]
        pretended = any(isinstance(value, FakeTensor) for value in values)
        if not pretended and torch.device(kwargs.get("device") or "cpu").type != "cuda":
            return function(*args, **kwargs)
        self.operations += 1
        if function is _READ:
            return args[0].dtype.is_floating_point * 0.0
        if function is _FILL and not isinstance(args[0], FakeTensor):
            return args[0].zero_()
        with self.fake:
            result = function(*args, **kwargs)
        return tree_map(_read_back, result)


def _read_back(value):
    """Zeros for what was brought to the CPU; everything else as it is."""
    if isinstance(value, FakeTensor) and value.device.type == "cpu":
        return torch.zeros(value.shape, dtype=value.dtype)
    return value


def _gradient(outputs, inputs, grad_outputs=None, create_graph=False, **_):
    outputs, inputs = ([x] if isinstance(x, torch.Tensor) else list(x) for x in (outputs, inputs))
    cotangents = grad_outputs if isinstance(grad_outputs, (list, tuple)) else [grad_outputs]
    for output, cotangent in zip(outputs, cotangents, strict=False):
        assert output.requires_grad
        assert cotangent is None or cotangent.device == output.device
    return tuple(torch.zeros_like(x).requires_grad_(create_graph) for x in inputs)


def _tensor(data, device=None, made=torch.tensor, **settings):
    """``torch.tensor``, which else reaches for the driver itself."""
    return made(data, **settings) if device is None else made(data, **settings).to(device)


@contextmanager
def pretend_cuda():
    """Within the block ``"cuda"`` is a device; yields the mode, which counts its operations."""
    memory = (80 << 30, 80 << 30)
    caches = (resampling.fir_kernel, resampling._doubling)
    with (
        _PretendCuda() as mode,
        mock.patch("torch.cuda._lazy_init"),
        mock.patch("torch.cuda.amp.common.amp_definitely_not_available", return_value=False),
        mock.patch("torch.cuda.is_bf16_supported", return_value=True),
        mock.patch("torch.tensor", _tensor),
        mock.patch("torch.autograd.grad", _gradient),
        mock.patch("torch.cuda.mem_get_info", return_value=memory),
    ):
        torch._C._ensureCUDADeviceGuardSet()  # a guard that does nothing, as fake tensors have it
        for cache in caches:
            cache.cache_clear()
        try:
            yield mode
        finally:
            for cache in caches:  # they hold pretended tensors
                cache.cache_clear()
