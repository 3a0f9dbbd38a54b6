"""Differential evolution and the one-pixel attack: against a plain sequential search."""

import numpy as np
import pytest
import torch
from mirage.evaluation.measures.adversarial.evolution import Searches, draw, evolve
from mirage.evaluation.measures.adversarial.one_pixel import one_pixel, with_pixel
from mirage.evaluation.measures.adversarial.recipe import AdversarialRecipe
from mirage.streams import generator

CENTRES = torch.linspace(0.15, 0.85, 6)[:, None] * torch.tensor([1.0, 0.9, 1.1])


def _draws(count=6, members=9, unknowns=3, most=12, seed=3):
    streams = [generator(seed, "search", number) for number in range(count)]
    return draw(streams, members, unknowns, most)


def _bowl(rows, points, _):
    """Distance from each problem's own centre; within 0.02 the search is done."""
    far = (points - CENTRES[rows][:, None].double()).norm(dim=2)
    return far, far < 0.02


def _plainly(number, draws, most):
    """One problem, member by member, as SciPy's old search does it."""
    population = draws.first[number].numpy().copy()
    centre = CENTRES[number].double().numpy()

    def energy(point):
        return np.linalg.norm(point - centre)

    energies = np.array([energy(point) for point in population])
    lowest = energies.argmin()
    population[[0, lowest]] = population[[lowest, 0]]
    energies[[0, lowest]] = energies[[lowest, 0]]
    for generation in range(most):
        trials = []
        for member in range(len(population)):
            one, other = draws.pairs[number, generation, member].tolist()
            scale = draws.scale[number, generation].item()
            trial = population[0] + scale * (population[one] - population[other])
            outside = (trial < 0) | (trial > 1)
            trial[outside] = draws.fresh[number, generation, member].numpy()[outside]
            trials.append(trial)
        for member, trial in enumerate(trials):
            found = energy(trial)
            if found < energies[member]:
                population[member], energies[member] = trial, found
                if found < energies[0]:
                    population[0], energies[0] = trial, found
        if energies[0] < 0.02:
            return population[0], generation + 1
    return population[0], most


def test_searches_side_by_side_are_plain_searches():
    draws = _draws()
    found = evolve(_bowl, draws)
    generations = set()
    for number in range(6):
        expected, ended = _plainly(number, draws, 12)
        np.testing.assert_allclose(found[number].numpy(), expected, rtol=1e-12)
        generations.add(ended)
    assert len(generations) > 1  # some end early, and are left alone from then on
    assert min(generations) < 12


def test_a_search_finds_the_lowest_point():
    found = evolve(lambda r, p, g: (_bowl(r, p, g)[0], torch.zeros(p.shape[:2]).bool()),
                   _draws(members=40, most=120))  # fmt: skip
    assert (found - CENTRES).abs().max() < 1e-3


def test_searches_do_not_depend_on_those_beside_them():
    whole = _draws()
    found = evolve(_bowl, whole)
    part = Searches(*(field[2:3] for field in whole))
    alone = evolve(lambda rows, p, g: _bowl(rows + 2, p, g), part)
    assert torch.equal(alone[0], found[2])


def test_a_search_asks_once_more_than_it_has_generations():
    asked = []

    def flat(rows, points, generation):
        asked.append((generation, len(rows)))
        return torch.ones(points.shape[:2]), torch.zeros(points.shape[:2]).bool()

    draws = _draws(most=4)
    found = evolve(flat, draws)
    assert asked == [(generation, 6) for generation in range(5)]
    assert torch.equal(found, draws.first[:, 0])  # nothing is ever strictly lower


def test_no_search_ends_before_its_first_generation():
    asked = []

    def won(rows, points, generation):
        asked.append(generation)
        return torch.zeros(points.shape[:2]), torch.ones(points.shape[:2]).bool()

    evolve(won, _draws())
    assert asked == [0, 1]


def test_draws_are_what_the_strategy_says():
    draws = _draws(count=40, members=10, unknowns=5, most=10)
    assert 0.5 <= draws.scale.min() < 0.52 < 0.98 < draws.scale.max() < 1
    own = torch.arange(10).view(1, 1, 10)
    one, other = draws.pairs.unbind(-1)
    assert not (one == own).any()
    assert not (other == own).any()
    assert not (one == other).any()
    counts = one[:, :, 0].flatten().bincount(minlength=10)
    assert counts[0] == 0
    assert (counts[1:] - 400 / 9).abs().max() < 5 * (400 / 9) ** 0.5


@pytest.mark.parametrize(("channels", "expected"), [(3, 10), (1, 9)])
def test_the_population_is_a_multiple_of_the_unknowns(channels, expected):
    assert AdversarialRecipe().members(channels) == expected
    assert AdversarialRecipe(population=1).members(channels) == max(5, 2 + channels)


def test_one_pixel_of_each_version_changes():
    images = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    points = torch.tensor([[[0.99, 0.0, 0.1, 0.2, 0.3], [0.5, 1.0, 1.0, 0.0, 0.5]]] * 2)
    made = with_pixel(images, points.double()).view(2, 2, 3, 4, 5)
    for image in range(2):
        for version, (row, column) in enumerate([(3, 0), (2, 4)]):
            expected = images[image].clone()
            expected[:, row, column] = points[image, version, 2:]
            assert torch.equal(made[image, version], expected)


def _secret(images):
    """Class 1 where the value at row 1, column 2 is above 0.6; sure of it, but not all."""
    return torch.stack([0 * images[:, 0, 1, 2], 8 * (images[:, 0, 1, 2] - 0.6)], dim=1)


@pytest.mark.parametrize("targeted", [False, True])
def test_the_attack_finds_the_pixel_that_counts(targeted):
    images = torch.zeros(8, 1, 3, 3)
    classes = torch.full((8,), int(targeted))
    streams = [generator(1, "pixel", number) for number in range(8)]
    draws = draw(streams, 9, 3, 60)
    shown = one_pixel(lambda _: lambda x, _: _secret(x), images, classes, draws, targeted)
    found = _secret(shown).argmax(1)
    assert ((shown != images).flatten(1).sum(1) <= 1).all()
    assert (found == 1).sum() >= 6
    assert ((shown[:, 0, 1, 2] > 0.6) == (found == 1)).all()
