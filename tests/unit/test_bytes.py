"""Bytes of a step: the counting by hand, and what the attack's step may move."""

import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import bytes as counting
from benchmarks.kernels import kernel_bytes
from benchmarks.traffic import Traffic

FLOAT = 4


def _moved(work):
    with Traffic() as traffic:
        work()
    return {kind: count // FLOAT for kind, count in traffic.bytes.items() if count}


def _meta(*shape, learns=False):
    return torch.empty(shape, device="meta", requires_grad=learns)


def test_operators_read_their_operands_and_write_their_results():
    x, y, row = _meta(5, 7), _meta(5, 7), _meta(7)
    assert _moved(lambda: x + y) == {"pointwise": 3 * 35}
    assert _moved(lambda: x * x) == {"pointwise": 2 * 35}
    assert _moved(lambda: x + row) == {"pointwise": 2 * 35 + 7}
    assert _moved(lambda: x + row.expand(5, 7)) == {"pointwise": 2 * 35 + 7}
    assert _moved(lambda: x.add_(y)) == {"pointwise": 3 * 35}
    assert _moved(lambda: x.copy_(y)) == {"copies": 2 * 35}
    assert _moved(lambda: x.zero_()) == {"copies": 35}
    assert _moved(lambda: torch.add(x, row, out=y)) == {"pointwise": 2 * 35 + 7}
    assert _moved(lambda: x[:, 1:4].t().sum(0)) == {"sums": 15 + 5}
    assert _moved(lambda: x @ y.t()) == {"products": 2 * 35 + 25}
    places = torch.zeros(3, dtype=torch.long, device="meta")  # each as wide as two of x
    assert _moved(lambda: x[places]) == {"copies": 2 * 3 * 7 + 3 * 2}


def test_what_only_looks_moves_nothing():
    x = _meta(6, 4)
    assert _moved(lambda: x.view(24)[3:].detach()) == {}
    assert _moved(lambda: torch.empty_like(x)) == {}
    assert _moved(lambda: torch.ones(3, 3) + 1) == {}  # in the processor's memory


def test_a_frozen_convolution_reads_no_input_backwards():
    x, weight = _meta(1, 2, 8, 8, learns=True), _meta(3, 2, 3, 3)
    forward = {"convolutions": 128 + 54 + 108}
    assert _moved(lambda: F.conv2d(x, weight)) == forward
    y = F.conv2d(x, weight)
    cotangent = _meta(*y.shape)
    assert _moved(lambda: torch.autograd.grad(y, x, cotangent)) == forward
    y = F.conv2d(x, weight.requires_grad_())
    both = {"convolutions": (108 + 128 + 54) + (128 + 54)}
    assert _moved(lambda: torch.autograd.grad(y, [x, weight], cotangent)) == both


def test_a_fused_kernel_reads_and_writes_once():
    x = torch.zeros(64, 64, requires_grad=True)
    found = kernel_bytes(lambda x: ((x.sin() + 1) * x).exp(), x)
    # Forward: x, result. Backward: x, result, its gradient, the gradient at x.
    assert found == {"pointwise": 6 * 64 * 64 * FLOAT}


def test_what_two_kernels_need_is_written_or_computed_twice_as_the_settings_say():
    """A sum of six features, of which sums over rows and over columns are taken."""
    inputs = [torch.zeros(256, 256, requires_grad=True), *torch.zeros(5, 256, 256)]

    def both(*x):
        together = sum(x[1:], x[0])
        return together.sum(0).exp().sum() + together.sum(1).exp().sum()

    def features(**settings):
        moved = sum(kernel_bytes(both, *inputs, settings=settings).values())
        return round(moved / (256 * 256 * FLOAT))

    gradient = 1  # written, from rows and columns
    assert features() == (6 + 1) + 2 + gradient
    assert features(realize_reads_threshold=6) == 2 * 6 + gradient


@pytest.fixture(scope="module")
def eager():
    return counting.eager(1024)


def test_the_step_moves_no_more_than_promised(eager):
    """Of a latent at 1024 px."""
    assert eager.total < 9.8e9
    assert counting.eager(1024, fold=True).total < 0.97 * eager.total


def test_compiled_the_step_moves_no_more_than_promised():
    """Of a latent at 1024 px, all kernels of forward and backward pass, the target's included."""
    assert counting.compiled(1024).total < 5.8e9


def test_the_step_computes_what_it_did(eager):
    """0.264 TFLOP, as ``paper_scale`` counts them."""
    assert eager.flop == pytest.approx(0.264e12, rel=0.02)
