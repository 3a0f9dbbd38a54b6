"""Ties of a saturated model: who is kept, and how many are told."""

import attack_models as models
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mirage import finite
from mirage.attacks import ties
from mirage.attacks.kinds.ppa.recipe import SamplingRecipe, SelectionRecipe
from mirage.attacks.kinds.ppa.sample import sample_candidates
from mirage.attacks.kinds.ppa.select import select_latents
from mirage.attacks.pool import Pool

MARGIN = 120.0  # beyond 104 the other classes' probabilities are 0 in float32, too


class Written(torch.nn.Module):
    """Logits written into the images."""

    def forward(self, images):
        return images[:, 0, :, 0]


class Sure(torch.nn.Module):
    """Sure of a class whatever it is shown, by a margin for each."""

    def __init__(self, *margins):
        super().__init__()
        self.margins = torch.tensor(margins)

    def forward(self, images):
        return self.margins.expand(len(images), -1)


def _sample(margins, wanted, classes):
    """The best of a pool whose image i has ``margins[k][i]`` for class k."""
    logits = torch.tensor(margins).T  # [n, K]
    pool = Pool(torch.arange(float(len(logits)))[:, None], logits[:, None, :, None])
    recipe = SamplingRecipe(wanted, flip_average=False)
    return sample_candidates(models.given(classes, 12, 4), recipe, Written(), pool)


def test_a_saturated_model_takes_the_first_of_the_pool_and_says_so():
    sure = [0.0, MARGIN, 0, MARGIN, MARGIN, 1, MARGIN, 0]  # of class 0: images 1, 3, 4 and 6
    other = [0.0, -1, 0.5, 0, 0, 0, 0, 2]  # of class 1 nothing is sure
    found = _sample([sure, other], 3, [0, 1])
    assert found.indices[0].tolist() == [1, 3, 4]
    assert found.scores[0].tolist() == [1, 1, 1]
    assert found.tied == 4
    figures = found.figures()
    assert (figures["at exactly 1"], figures["tied for the last places"]) == (3, 4)


def test_ties_that_all_are_kept_decide_nothing():
    found = _sample([[0.0, MARGIN, MARGIN, 3, 2], [0.0] * 5], 2, [0])
    assert found.indices.tolist() == [[1, 2]]
    assert found.tied == 0
    assert found.figures() == {"mean confidence": 1.0, "at exactly 1": 2}


def test_without_ties_there_is_nothing_to_tell():
    found = _sample([[0.0, 3, 1, 2], [0.0] * 4], 2, [0])
    assert list(found.figures()) == ["mean confidence"]


@pytest.mark.parametrize(
    ("margins", "figures"),
    [
        ((MARGIN, 0.0, 0.0), {"at exactly 1": 2, "tied for the last places": 5}),
        ((1.0, 0.0, 0.0), {"tied for the last places": 5}),
    ],
)
def test_selection_counts_them_too(margins, figures):
    recipe, latents = SelectionRecipe(n_selected=2, iterations=3), models.latents(1, 5)
    kept = select_latents(
        models.given([0], 10, 4), recipe, models.pipeline(), Sure(*margins), latents
    )
    assert kept.indices.tolist() == [[0, 1]]
    told = kept.figures()
    assert told.pop("robust confidence") == pytest.approx(kept.scores.mean().item())
    assert told == figures


def test_what_is_not_rated_does_not_tie():
    recipe, latents = SelectionRecipe(n_selected=5, iterations=0), models.latents(1, 5)
    kept = select_latents(models.given([0], 10, 4), recipe, models.pipeline(), None, latents)
    assert kept.figures() == {"robust confidence": 0.0}


@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(1, 7), st.integers(1, 3))
def test_the_count_is_that_of_a_naive_one(data, number, classes):
    values = st.sampled_from([0.25, 0.5, 1.0, float("nan")])
    rows = st.lists(values, min_size=number, max_size=number)
    scores = data.draw(st.lists(rows, min_size=classes, max_size=classes))
    finite_ones = [[value for value in row if value == value] for row in scores]
    wanted = data.draw(st.integers(1, max(1, min(map(len, finite_ones)))))
    if min(map(len, finite_ones)) < wanted:
        return
    kept, _ = finite.rank(torch.tensor(scores), wanted, range(classes), "scores")
    count = 0
    for row in finite_ones:
        best = sorted(row, reverse=True)
        last = best[wanted - 1]
        if last in best[wanted:]:
            count += row.count(last)
    assert ties.for_the_last_places(torch.tensor(scores), kept) == count
