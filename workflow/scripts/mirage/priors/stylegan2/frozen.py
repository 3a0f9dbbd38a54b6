"""Convolutions, and what lies between two of them, for a synthesis network that does not learn.

Demodulation, noise, bias, leaky ReLU, clamp, toRGB and the style of the next convolution are a
handful of operations on features that are as large as the convolutions' own, and on a GPU each
costs the time to read and write them. Autograd differentiates one at a time. Together they need
fewer passes: factors of one channel are multiplied before they meet the features, sums over
pixels read their operands and write no product, and one sum serves several gradients. Nothing but
the activation is kept for the backward pass: slope and clamp follow from it.

Weights have no gradients here, and what has one has it once.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mirage.errors import MirageError
from mirage.priors.stylegan2 import layers

_aten: Any = torch.ops.aten


class Epilogue(NamedTuple):
    """What follows a convolution, its gain included.

    Attributes:
        scale: demodulation, above 0, [N, C].
        field: noise, [h, w], without a gradient.
        bias: [C], without a gradient.
        clamp: bound of the activation, or None.
    """

    scale: Tensor
    field: Tensor
    bias: Tensor
    clamp: float | None


def between(
    z: Tensor, epilogue: Epilogue, style: Tensor | None, colour: Tensor | None
) -> tuple[Any, Any]:
    """Go from one convolution's output to the next one's input, and to the image.

    The activation is y = clamp(lrelu(scale z + field + bias)). A value at the clamp's bound has
    no gradient.

    Args:
        z: output of the convolution, [N, C, h, w].
        epilogue: what follows it.
        style: of the next convolution, [N, C]; None behind the last.
        colour: toRGB's weight, style included, [N, K, C]; None where there is no toRGB.

    Returns:
        style y, [N, C, h, w], and colour y, [N, K, h, w]; None for what was not asked.
        Differentiable once with respect to z, scale, style and colour.

    Raises:
        MirageError: from the backward pass, if its result is to be differentiated.
    """
    scale, field, bias, clamp = epilogue
    return _Between.apply(z, scale, field, bias, style, colour, clamp)  # type: ignore[no-any-return]


def convolution(
    x: Tensor, weight: Tensor, stride: int, padding: tuple[int, int], groups: int, transposed: bool
) -> Tensor:
    """A 2-D convolution that is differentiable once, with respect to x, and keeps no features.

    Autograd's own keeps x, of which the gradient needs the shape alone. The arguments are those
    of ``layers.convolution``.

    Raises:
        MirageError: from the backward pass, if its result is to be differentiated.
    """
    return _Convolution.apply(x, weight, stride, padding, groups, transposed)  # type: ignore[no-any-return]


class _Between(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        z: Tensor,
        scale: Tensor,
        field: Tensor,
        bias: Tensor,
        style: Tensor | None,
        colour: Tensor | None,
        clamp: float | None,
    ) -> tuple[Tensor | None, Tensor | None]:
        offset = (field + bias[:, None, None]).to(z.dtype)[None]
        offset = offset.contiguous(memory_format=_layout(z))
        y = torch.addcmul(offset, z, _spread(scale.to(z.dtype)))
        y = F.leaky_relu(y, layers.SLOPE, inplace=True)
        if clamp is not None:
            y.clamp_(-clamp, clamp)
        ctx.save_for_backward(y, scale, field, bias, style, colour)
        ctx.clamp = clamp
        ctx.set_materialize_grads(False)
        styled = None if style is None else y * _spread(style.to(y.dtype))
        if colour is None:
            return styled, None
        return styled, (colour.to(y.dtype) @ y.flatten(2)).view(len(y), -1, *y.shape[2:])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        _refuse_a_second_gradient()
        y, scale, field, bias, style, colour = ctx.saved_tensors
        of_styled, of_image = gradients
        scaled = d_style = d_colour = None
        # Of g, the gradient at y, there is only scale g; and [N, C] sums over pixels of g y.
        product = torch.zeros_like(scale)
        if of_styled is not None:
            scaled = of_styled * _spread((style * scale).to(y.dtype))
            d_style = _dots(of_styled, y).to(style.dtype)
            product = product + style * d_style
        if of_image is not None:
            rows = of_image.flatten(2)  # [N, K, h w]
            d_colour = (rows @ y.flatten(2).mT).to(colour.dtype)
            product = product + (colour * d_colour).sum(1)
            back = (colour * scale[:, None]).to(y.dtype).mT  # [N, C, K]
            if scaled is not None:
                scaled.view(*back.shape[:2], -1).baddbmm_(back, rows)
            elif _layout(y) == torch.channels_last:
                scaled = (rows.mT @ back.mT).mT.unflatten(2, y.shape[2:])
            else:
                scaled = (back @ rows).view_as(y)
        if scaled is None:
            return (None,) * 7
        if ctx.clamp is not None:
            scaled = _aten.hardtanh_backward(scaled, y, -ctx.clamp, ctx.clamp)
            product = _dots(scaled, y).to(scale.dtype) / scale
        d_z = _aten.leaky_relu_backward(scaled, y, layers.SLOPE, True)
        # Inside the clamp y is a times a slope, a = scale z + field + bias, and the slope takes g
        # to the gradient at a, too. So that gradient's sums with a are those of g with y, and
        # what belongs to field and bias is left to take away.
        beside = torch.stack([field, torch.ones_like(field)]).flatten(1).to(y.dtype)
        sums = (beside @ d_z.flatten(2).mT).to(scale.dtype)  # [N, 2, C]
        product = product - (sums[:, 0] + bias * sums[:, 1]) / scale
        return d_z, product / scale, None, None, d_style, d_colour, None


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: tuple[int, int], groups: int,
        transposed: bool,
    ) -> Tensor:  # fmt: skip
        ctx.save_for_backward(weight)
        ctx.shape, ctx.settings = x.shape, (stride, padding, groups, transposed)
        return layers.convolution(x, weight, stride, padding, groups, transposed)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        _refuse_a_second_gradient()
        (gradient,), (weight,) = gradients, ctx.saved_tensors
        stride, padding, groups, transposed = ctx.settings
        shape = torch.empty(
            ctx.shape, dtype=gradient.dtype, device=gradient.device,
            memory_format=_layout(gradient),
        )  # fmt: skip
        d_x = _aten.convolution_backward(
            gradient, shape, weight.to(gradient.dtype), None,
            (stride, stride), padding, (1, 1), transposed, (0, 0), groups, (True, False, False),
        )[0]  # fmt: skip
        return d_x, *(None,) * 5


def _refuse_a_second_gradient() -> None:
    if torch.is_grad_enabled():
        raise MirageError(
            "the gradient of a frozen generator's images is to be differentiated once more",
            "one gradient, or a generator whose weights require gradients",
            "call requires_grad_(True) on the generator before it makes the images",
        )


def _spread(channels: Tensor) -> Tensor:
    return channels[:, :, None, None]


def _dots(a: Tensor, b: Tensor) -> Tensor:
    """Sums over pixels of the products of two features [N, C, h, w]: [N, C].

    As products of rows and columns, so that no product of the features is written; with channels
    last there are no such rows.
    """
    if _layout(a) == torch.channels_last:
        return (a * b).sum((2, 3))
    rows, columns = (x.reshape(a.shape[0] * a.shape[1], -1) for x in (a, b))
    return torch.bmm(rows[:, None], columns[:, :, None]).view(a.shape[:2])


def _layout(x: Tensor) -> torch.memory_format:
    """How features [N, C, h, w] lie in memory: as the weights of the last convolution did."""
    last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format
