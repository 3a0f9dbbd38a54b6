"""Differential evolution in the unit cube, of many problems side by side.

Source: Storn and Price 1997, strategy best/1/bin with a crossover probability of 1; details as in
torchattacks 3.5.1, whose search is an old version of SciPy's: the scale is drawn once per
generation, values outside the cube are drawn anew, all trials of a generation are made of the
population before it, and only a strictly lower energy replaces a member (quirk saturated-search).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

Fitness: TypeAlias = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]
"""(problems [n], points [n, M, D], generation) -> energies, and which points end a search,
[n, M] each."""


class Searches(NamedTuple):
    """All that is random in the searches of N problems.

    Attributes:
        first: the population to begin with, float64 [N, M, D].
        scale: of each generation's differences, in [0.5, 1), [N, G].
        pairs: two different members for each, neither itself, int64 [N, G, M, 2].
        fresh: values in place of those outside the cube, [N, G, M, D].
    """

    first: Tensor
    scale: Tensor
    pairs: Tensor
    fresh: Tensor


def draw(streams: Sequence[torch.Generator], members: int, unknowns: int, most: int) -> Searches:
    """Draw searches of at most ``most`` generations, one from each stream."""
    parts = [_draw(stream, members, unknowns, most) for stream in streams]
    return Searches(*map(torch.stack, zip(*parts, strict=True)))


def _draw(stream: torch.Generator, members: int, unknowns: int, most: int) -> Searches:
    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, dtype=torch.float64, generator=stream)

    first, scale = uniform(members, unknowns), 0.5 + 0.5 * uniform(most)
    order = uniform(most, members, members)
    order.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    pairs = order.argsort(dim=2)[:, :, :2]
    return Searches(first, scale, pairs, uniform(most, members, unknowns))


def evolve(judge: Fitness, draws: Searches) -> Tensor:
    """Search for the lowest energy of each problem.

    A search ends after a generation whose best point ends it, before the first never.

    Returns:
        The best points, float64 [N, D].
    """
    population = draws.first.clone()
    open_ = torch.arange(len(population))
    energies, done = judge(open_, population, 0)
    best = energies.argmin(dim=1)
    for held in (population, energies, done):  # the best one stands in front
        held[open_, best], held[:, 0] = held[:, 0].clone(), held[open_, best]
    for generation in range(draws.scale.shape[1]):
        trials = _trials(population[open_], Searches(*(d[open_] for d in draws)), generation)
        found, ends = judge(open_, trials, generation + 1)
        better = found < energies[open_]
        leader = found.argmin(dim=1)
        rows = torch.arange(len(open_))
        leads = found[rows, leader] < energies[open_, 0]
        for held, new in ((population, trials), (energies, found), (done, ends)):
            mask = better.view(*better.shape, *[1] * (new.ndim - 2))
            mixed = torch.where(mask, new, held[open_])
            mixed[leads, 0] = new[rows, leader][leads]
            held[open_] = mixed
        open_ = open_[~done[open_, 0]]
        if not len(open_):
            break
    return population[:, 0]


def _trials(population: Tensor, draws: Searches, generation: int) -> Tensor:
    """New points of some problems: the best one plus a scaled difference of two others."""
    rows = torch.arange(len(population))[:, None]
    one, other = (population[rows, draws.pairs[:, generation, :, place]] for place in (0, 1))
    trials = population[:, :1] + draws.scale[:, generation, None, None] * (one - other)
    return torch.where((trials < 0) | (trials > 1), draws.fresh[:, generation], trials)
