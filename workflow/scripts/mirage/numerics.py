"""How precisely a stage computes: one vocabulary for attacks, priors, evaluation and training.

``fp32``  float32 everywhere, on every device. The default.
``tf32``  what the official code computes on the authors' GPUs (quirk tensor-float): cuDNN
          convolutions, forward and in both backward passes, round their operands to
          TensorFloat-32 (10-bit mantissa, float32 sums), matrix products stay float32. One
          deviation: the generator's toRGB is a matrix product here and so float32. GPUs before
          Ampere and CPUs know no such rounding: there ``tf32`` is ``fp32``.
``bf16``  the forward pass of generator and classifier under bfloat16 autocast, so activations and
          their gradients have 8-bit mantissas (float32 sums). Float32 stay latents, styles and
          demodulation, sums of RGB images and their resizing, crops, logits, loss, discriminator,
          optimiser and stored results. Not in the official code.

The settings are PyTorch's global switches, so they are set for a block and put back.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

from mirage.recipes import Precision


@contextmanager
def numerics(precision: Precision, device: str) -> Iterator[None]:
    """Set a GPU's arithmetic for a block and put the settings back; a CPU has none.

    Convolution algorithms are the deterministic ones and are not chosen by timing, so that a
    resumed run repeats an uninterrupted one. Matrix products never use TensorFloat-32, also where
    the environment asks for it (``TORCH_ALLOW_TF32_CUBLAS_OVERRIDE``).
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


def autocast(precision: Precision, device: str | torch.device) -> AbstractContextManager[Any]:
    """Context of one forward pass: bfloat16 autocast, or nothing."""
    kind = torch.device(device).type
    # Tensors without values (device meta), with which work is counted, know no autocast.
    if precision != "bf16" or not torch.amp.is_autocast_available(kind):
        return nullcontext()
    return torch.autocast(kind, torch.bfloat16)


def full_precision(x: Tensor) -> AbstractContextManager[Any]:
    """Context inside a forward pass that leaves autocast, for what must stay float32."""
    kind = x.device.type
    if not torch.amp.is_autocast_available(kind) or not torch.is_autocast_enabled(kind):
        return nullcontext()
    return torch.autocast(kind, enabled=False)


def at_precision(network: Callable[[Tensor], Tensor], precision: Precision) -> Any:
    """A classifier (images to logits) that computes at a precision; itself unless ``bf16``."""
    return _Autocast(network) if precision == "bf16" else network


class _Autocast:
    """A network whose passes run in bfloat16 and whose results are float32."""

    def __init__(self, network: Any) -> None:
        self.network = network

    @property
    def noise_width(self) -> int:
        """The network's; see ``mirage.targets.noise``."""
        return int(getattr(self.network, "noise_width", 0))

    def __call__(self, images: Tensor, *noise: Tensor) -> Tensor:
        return self._pass(self.network, images, *noise)

    def features(self, images: Tensor) -> Tensor:
        """Penultimate activations, float32 [N, D]."""
        return self._pass(self.network.features, images)

    def head(self, features: Tensor, *noise: Tensor) -> Tensor:
        """Logits of features, float32 [N, K]; the same as of the images they come from."""
        return self._pass(self.network.head, features, *noise)

    @staticmethod
    def _pass(work: Callable[..., Tensor], images: Tensor, *noise: Tensor) -> Tensor:
        with autocast("bf16", images.device):
            return work(images, *noise).float()
