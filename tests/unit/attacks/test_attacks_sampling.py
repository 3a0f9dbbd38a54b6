"""Candidate pool and stage 1."""

import attack_models as models
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from interruptions import StopAfter
from mirage import imaging
from mirage.attacks.kinds.ppa.recipe import SamplingRecipe
from mirage.attacks.kinds.ppa.sample import sample_candidates
from mirage.attacks.pool import Pool, draw_latents, synthesise_pool
from mirage.attacks.recipe import PoolRecipe
from mirage.errors import Interrupted, MirageError

RECIPE = PoolRecipe(size=11, cutoff=3)


def _pool(recipe=RECIPE, batch_size=4, checkpoint=None, image_px=12):
    checkpoint = checkpoint or models.no_checkpoint()
    return synthesise_pool(models.pipeline(), recipe, image_px, batch_size, "cpu", checkpoint)


def _sample(model, pool, recipe, classes, batch_size=4, checkpoint=None):
    given = models.given(classes, 12, batch_size, checkpoint=checkpoint)
    return sample_candidates(given, recipe, model, pool)


def test_latents_are_numpys_legacy_normals():
    z = draw_latents(5, 3, 42)
    np.random.seed(42)
    np.testing.assert_array_equal(z, np.random.randn(5, 3).astype(np.float32))
    assert z[0, 0].item() == pytest.approx(0.49671415)  # the well-known first draw of seed 42
    assert torch.equal(draw_latents(2, 3, 42), z[:2])


def test_pool_images_mix_truncated_and_plain_layers():
    pool, pipeline = _pool(image_px=7), models.pipeline()
    generator = pipeline.generator
    w = generator.mapping(draw_latents(11, 6, 42))
    truncated = generator.w_avg + 0.5 * (w - generator.w_avg)
    torch.testing.assert_close(pool.w, truncated)
    ws = torch.stack([truncated] * 3 + [w] * (generator.num_ws - 3), dim=1)
    whole = generator.synthesis(ws)[..., 2:14, 2:14].clamp(-1, 1)
    torch.testing.assert_close(pool.images, imaging.resize(whole, 7), rtol=1e-4, atol=1e-5)


def test_corrected_pool_rates_what_the_optimisation_starts_from():
    corrected = _pool(PoolRecipe(size=11, cutoff=3, fidelity="corrected"))
    start = models.pipeline().images(corrected.w, 12, clip=True)
    torch.testing.assert_close(corrected.images, start, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(_pool().images, corrected.images, atol=1e-3)
    everywhere = _pool(PoolRecipe(size=11, cutoff=None))
    torch.testing.assert_close(everywhere.images, corrected.images, rtol=1e-4, atol=1e-5)


def test_pool_is_clipped_only_if_asked():
    loud = _pool(PoolRecipe(size=11, cutoff=3, clip=False))
    assert loud.images.abs().max() > 1  # else the next line proves nothing
    assert _pool().images.abs().max() <= 1


def test_pool_survives_interruptions(tmp_path):
    pool, runs = models.in_pieces(
        tmp_path / "state", lambda checkpoint: _pool(checkpoint=checkpoint), ticks=1
    )
    assert runs == 4
    assert torch.equal(pool.images, _pool().images)
    pool.save(tmp_path / "pool", {})
    again = Pool.load(tmp_path / "pool")
    assert torch.equal(again.w, pool.w)
    assert torch.equal(again.images, pool.images)


def test_pool_loses_only_what_came_after_its_state(tmp_path):
    """A kill -9 leaves images that no state knows of; they are made again, and once."""
    path = tmp_path / "state"
    with pytest.raises(Interrupted):
        _pool(checkpoint=StopAfter(path, 2))
    state = path.read_bytes()
    with pytest.raises(Interrupted):
        _pool(checkpoint=StopAfter(path, 1))
    path.write_bytes(state)
    again = _pool(checkpoint=StopAfter(path, 99))
    assert torch.equal(again.images, _pool().images)


def test_pool_refuses_a_cutoff_beyond_the_prior():
    with pytest.raises(MirageError, match="cutoff is 9"):
        _pool(PoolRecipe(size=2, cutoff=9))


class Lookup(torch.nn.Module):
    """Logits written into the images, so that ties can be made."""

    def forward(self, images):
        return images[:, 0, :, 0].log()


@settings(deadline=None, max_examples=50)
@given(
    levels=st.integers(1, 6), size=st.integers(1, 12), wanted=st.integers(1, 12),
    batch_size=st.integers(1, 5), flip=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_stage_1_is_a_stable_sort_per_class(levels, size, wanted, batch_size, flip, seed):
    random = np.random.RandomState(seed)
    left, right = random.randint(1, levels + 1, (2, size, 4)).astype(np.float32)
    pool = Pool(torch.randn(size, 3), torch.from_numpy(np.stack([left, right], 2))[:, None])
    classes, wanted = [3, 0], min(wanted, size)
    found = _sample(Lookup(), pool, SamplingRecipe(wanted, flip), classes, batch_size)
    left, right = (torch.from_numpy(side).log().softmax(1) for side in (left, right))
    rating = (left + right) / 2 if flip else left
    for row, label in enumerate(classes):
        naive = sorted(range(size), key=lambda i, k=label: (-rating[i, k].item(), i))[:wanted]
        assert found.indices[row].tolist() == naive
        assert torch.equal(found.scores[row], rating[naive, label])
    assert torch.equal(found.latents, pool.w[found.indices])


def test_equal_scores_keep_the_pools_order_and_classes_may_share():
    pool = Pool(torch.arange(6.0)[:, None], torch.ones(6, 1, 3, 2))
    found = _sample(Lookup(), pool, SamplingRecipe(4), [0, 1])
    assert found.indices.tolist() == [[0, 1, 2, 3]] * 2


def test_a_real_target_is_rated_with_the_mirror_image():
    pool, model = _pool(), models.classifier()
    found = _sample(model, pool, SamplingRecipe(3), range(5))
    both = (model(pool.images).softmax(1) + model(pool.images.flip(3)).softmax(1)) / 2
    best = both.topk(3, dim=0)
    assert torch.equal(found.indices, best.indices.T)
    torch.testing.assert_close(found.scores, best.values.T)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_ratings_that_are_no_numbers_come_last_and_are_counted(bad, caplog):
    images = torch.ones(6, 1, 4, 2)
    images[:, 0, 1, :] = torch.tensor([3.0, 9, 5, 2, 8, 4])[:, None]
    images[[1, 4], 0, 0, 0] = bad  # the best two, were they numbers
    pool = Pool(torch.arange(6.0)[:, None], images)
    found = _sample(Lookup(), pool, SamplingRecipe(4), [1])
    assert found.indices.tolist() == [[2, 5, 0, 3]]
    assert found.scores.isfinite().all()
    assert found.failed == 2
    assert "2 of 6 ratings of candidates are not finite numbers" in caplog.text
    with pytest.raises(MirageError, match=r"class 1 \(4 of 6\)\. Expected: 5 a class"):
        _sample(Lookup(), pool, SamplingRecipe(5), [1])


@pytest.mark.parametrize(
    ("recipe", "settings"),
    [
        (PoolRecipe, {"size": 0}),
        (PoolRecipe, {"size": 1, "psi": 1.5}),
        (PoolRecipe, {"size": 1, "fidelity": "papre"}),
        (PoolRecipe, {"size": 1, "cutof": 8}),
        (SamplingRecipe, {"candidates_per_class": 0}),
    ],
)
def test_impossible_settings_are_refused(recipe, settings):
    with pytest.raises(MirageError):
        recipe.of(settings)


def test_every_seed_of_numpys_generator_is_allowed_and_no_other():
    """RandomState takes 0 to 2^32 - 1."""
    for seed in (0, 2**32 - 1):
        assert draw_latents(1, 2, PoolRecipe(size=1, seed=seed).seed).isfinite().all()
    for seed in (-1, 2**32):
        with pytest.raises(MirageError, match="seed"):
            PoolRecipe(size=1, seed=seed)


@pytest.mark.parametrize("ticks", [1, 2, 3])
def test_an_interrupted_rating_ends_in_the_same_bytes(tmp_path, ticks):
    """A stop after any of the 4 passes over the pool."""
    asked = (models.classifier(), _pool(), SamplingRecipe(3), [4, 1], 3)
    whole = _sample(*asked)
    pieces, runs = models.in_pieces(tmp_path / "state", lambda state: _sample(*asked, state), ticks)
    assert runs == 1 + 4 // ticks
    assert torch.equal(pieces.scores, whole.scores)
    assert torch.equal(pieces.indices, whole.indices)
