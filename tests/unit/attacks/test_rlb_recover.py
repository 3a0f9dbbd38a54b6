"""RLB-MI against plain agents, one at a time; its interruptions, chunks and bad answers."""

import math
from dataclasses import replace

import attack_models as models
import inversion_models as linear
import pytest
import rlb_models as rlb
import torch
from interruptions import StopAfter
from mirage.attacks.given import Given
from mirage.attacks.kinds import KINDS
from mirage.attacks.kinds.rlb.draws import EpisodeDraws
from mirage.attacks.kinds.rlb.learner import Learner
from mirage.attacks.kinds.rlb.recipe import RlbRecipe
from mirage.attacks.kinds.rlb.search import Search
from mirage.errors import Interrupted, MirageError
from mirage.priors.rendering import Prior

CLASSES = [3, 0, 4]


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def _same(ours, theirs):
    return all(map(torch.equal, ours, theirs))


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("keep", [0.0, 0.3])
@pytest.mark.parametrize("seeding", ["shared", "per_class"])
def test_all_at_once_are_the_agents_one_at_a_time(seeding, keep):
    recipe = rlb.small(episodes=60, seeding=seeding, keep=keep, lr=5e-3)
    prior, target = rlb.LinearPrior(), rlb.LinearTarget()
    ours = rlb.search(recipe, CLASSES)
    latents, confidences = rlb.one_at_a_time(recipe, CLASSES, prior, target)
    torch.testing.assert_close(ours.latents[:, 0], latents, rtol=1e-7, atol=1e-9)
    assert ours.scores[:, 0].tolist() == pytest.approx(confidences, rel=1e-8)
    assert ours.queries.tolist() == [3 * 60] * 3 == [prior.images // 3] * 3


@pytest.mark.usefixtures("double")
def test_every_query_of_a_noisy_target_has_its_own_noise():
    recipe = rlb.small(episodes=30, lr=5e-3)
    target = rlb.NoisyTarget()
    ours = rlb.search(recipe, CLASSES, target=target)
    draws = EpisodeDraws(recipe, CLASSES, rlb.SEED, 6, 6, "cpu")

    def noise(place, query):
        episode, number = divmod(query, 3)
        return draws.at(episode + (number == 2)).target_noise[place, number][None]

    latents, confidences = rlb.one_at_a_time(recipe, CLASSES, rlb.LinearPrior(), target, noise)
    torch.testing.assert_close(ours.latents[:, 0], latents, rtol=1e-7, atol=1e-9)
    assert ours.scores[:, 0].tolist() == pytest.approx(confidences, rel=1e-8)
    rows = torch.cat(target.seen[:31])  # ours, before the agents'
    assert len(torch.unique(rows, dim=0)) == len(rows) == 3 * 3 * 31


def test_the_first_update_is_at_step_257(monkeypatch):
    updated = []
    act, update = Learner.act, Learner.update
    acted = []
    monkeypatch.setattr(Learner, "act", lambda *given: acted.append(1) or act(*given))
    monkeypatch.setattr(
        Learner, "update", lambda *given: updated.append(len(acted)) or update(*given)
    )
    recipe = RlbRecipe(episodes=260, hidden=4)
    rlb.search(recipe, [1, 2], prior=rlb.LinearPrior(3))
    assert updated == [257, 258, 259, 260]


def test_an_image_that_serves_twice_is_made_once():
    for keep, each in ((0.0, 2), (0.5, 3)):
        prior = rlb.LinearPrior()
        found = rlb.search(rlb.small(keep=keep), CLASSES, prior=prior)
        assert prior.images == each * 3 * (24 + 1)
        assert found.queries.tolist() == [72] * 3


class Sure(rlb.LinearTarget):
    """The class 3 is certain, whatever the image."""

    def head(self, features):
        return torch.zeros_like(features).index_fill(1, torch.tensor([3]), 200.0)


def test_of_equal_confidences_the_newest_wins():
    recipe = rlb.small(episodes=5)  # no update
    found = rlb.search(recipe, CLASSES, target=Sure())
    learner = Learner(recipe, CLASSES, rlb.SEED, 6, "cpu")
    draw = EpisodeDraws(recipe, CLASSES, rlb.SEED, 6, 0, "cpu").at(5)
    assert torch.equal(found.latents, learner.act(draw.states, draw.noise)[:, 1:])
    assert found.scores.tolist() == [[1.0], [0.0], [0.0]]
    assert found.underflowed.tolist() == [0, 5, 5]
    assert found.failed.tolist() == [0, 0, 0]


@pytest.mark.parametrize("seeding", ["shared", "per_class"])
@pytest.mark.parametrize("kind", ["published", "textbook"])
def test_company_is_rounding_at_most(kind, seeding):
    recipe = rlb.small(learner=kind, seeding=seeding)
    together = rlb.search(recipe, CLASSES)
    pairs = rlb.search(recipe, CLASSES, batch=4)
    alone = rlb.search(recipe, CLASSES[1:2])
    torch.testing.assert_close(pairs.latents, together.latents, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(alone.latents, together.latents[1:2], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(together.latents[0], together.latents[1], atol=1e-3)


@pytest.mark.parametrize("batch", [100, 4])
@pytest.mark.parametrize("kind", ["published", "textbook"])
def test_interrupted_anywhere_it_is_the_same(tmp_path, kind, batch):
    recipe = rlb.small(learner=kind)
    whole = rlb.search(recipe, CLASSES, batch)
    for ticks in (1, 5, 13):

        def work(checkpoint):
            return rlb.search(recipe, CLASSES, batch, checkpoint=checkpoint)

        folder = tmp_path / str(ticks)
        pieces, runs = models.in_pieces(folder / "state", work, ticks)
        assert _same(pieces, whole)
        assert runs > 50 // ticks / 2
        assert [path.name for path in folder.iterdir() if path.suffix == ".spool"] == []


def test_a_lost_replay_is_a_fresh_start(tmp_path, caplog):
    recipe, path = rlb.small(), tmp_path / "state.safetensors"
    with pytest.raises(Interrupted):
        rlb.search(recipe, CLASSES, checkpoint=StopAfter(path, 12))
    path.with_suffix(".spool").write_bytes(b"lost")
    again = rlb.search(recipe, CLASSES, checkpoint=StopAfter(path, 10**6))
    assert "Starting afresh" in caplog.text
    assert _same(again, rlb.search(recipe, CLASSES))


class Broken(rlb.LinearTarget):
    """No number for some images, and none at all for those of class 0."""

    def __init__(self, always):
        super().__init__()
        self.always = always

    def head(self, features):
        lost = features[:, 1] > 0.1
        if self.always:
            lost = torch.ones_like(lost)
        return features.masked_fill(lost[:, None], math.nan)


def test_answers_that_are_no_numbers_are_counted_and_never_learnt(monkeypatch):
    learners = []
    init = Search.__init__
    monkeypatch.setattr(
        Search, "__init__", lambda self, *given: (init(self, *given), learners.append(self))[0]
    )
    found = rlb.search(rlb.small(episodes=40), CLASSES, target=Broken(False))
    assert (found.failed > 0).all()
    assert found.scores.isfinite().all()
    (search,) = learners
    assert search.rewards.isfinite().all()
    assert all(value.isfinite().all() for value in search.state().values())


def test_a_class_without_any_answer_is_named():
    with pytest.raises(MirageError, match=r"answers to test draws.*class 3"):
        rlb.search(rlb.small(), CLASSES, target=Broken(True))


def test_a_linear_target_is_solved():
    """p_y of z in (-1, 1)^6 at gain 2 is below e^2 / (e^2 + 5 e^-2), at the corner of class y."""
    recipe = RlbRecipe(
        episodes=900, hidden=32, batch_size=32, lr=2e-3, learner="textbook", seeding="per_class"
    )
    bound = math.exp(2) / (math.exp(2) + 5 * math.exp(-2))
    found = rlb.search(recipe, CLASSES)
    assert (found.scores < bound).all()
    assert (found.scores > bound - 0.02).all()
    corner = torch.full((3, 6), -1.0)
    corner[torch.arange(3), CLASSES] = 1.0
    assert (found.latents[:, 0] * corner > 0.5).all()
    published = rlb.search(RlbRecipe(900, hidden=32, batch_size=32, lr=2e-3), CLASSES)
    untrained = rlb.search(RlbRecipe(900, hidden=32, batch_size=900), CLASSES)
    assert published.scores.mean() > 0.6
    assert (untrained.scores < 0.35).all()


def test_the_stage_runs_on_what_it_is_given(monkeypatch, caplog):
    target = linear.classifier()
    target.head.weight *= 500  # so sure that some probabilities are 0
    prior = Prior(linear.LinearGenerator(), linear.PX)
    monkeypatch.setattr(Given, "prior", lambda _: prior)
    monkeypatch.setattr(Given, "classifier", lambda _: target)
    settings = {"episodes": 24, "hidden": 12, "batch_size": 8}
    given = replace(models.given(CLASSES, linear.PX, 100), settings=settings)
    found = KINDS["rlb"].run["recover"](given)
    assert found.classes.tolist() == CLASSES
    assert found.latents.shape == (3, 1, linear.Z)
    assert found.found.tolist() == [True] * 3
    assert found.figures()["queries"] == 72
    shown = target(prior.generate(found.latents[:, 0])).softmax(1)[torch.arange(3), CLASSES]
    torch.testing.assert_close(found.scores[:, 0], shown, rtol=1e-3, atol=1e-6)
    assert "of 72 rewards would have been minus infinity" in caplog.text


def test_settings_that_learn_nothing_do_not_fit():
    check = KINDS["rlb"].checks["misfits"]
    assert list(check({"rlb": {}}, {}, {})) == []
    (problem,) = check({"rlb": {"episodes": 256}}, {}, {})
    assert problem.startswith("rlb.episodes: 256, but the first update needs more than the 256")
    assert KINDS["rlb"].images_per_class({}) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"episodes": 0}, {"episodes": 10**6 + 1}, {"keep": 1.0}, {"weights": [-1, 2, 8]},
        {"weights": [0, 0, 0]}, {"floor": 0}, {"hidden": 0}, {"batch_size": 0}, {"lr": 0},
        {"learner": "sac"}, {"seeding": "own"},
    ],
)  # fmt: skip
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(MirageError):
        RlbRecipe.of(wrong)
