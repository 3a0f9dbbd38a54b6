"""A linear prior and target for RLB-MI, and its learner as plain agents."""

import sys
from pathlib import Path

import attack_models as models
import torch
from mirage.attacks.kinds.rlb.draws import EpisodeDraws
from mirage.attacks.kinds.rlb.learner import Learner
from mirage.attacks.kinds.rlb.recipe import RlbRecipe
from mirage.attacks.kinds.rlb.recover import recover_latents

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.reference import rlb as reference
from benchmarks.rlb import plain_agent

SEED = 7  # of ``models.given``


class LinearPrior:
    """Images are the latents."""

    def __init__(self, z_dim=6):
        self.z_dim, self.images = z_dim, 0

    def at(self, precision):
        return self

    def generate(self, z, labels=None):
        assert labels.shape == z.shape[:1]
        self.images += len(z)
        return z


class LinearTarget:
    """Class y is the y-th number of a latent."""

    def __init__(self, gain=2.0):
        self.gain = gain

    def features(self, images):
        return self.gain * images

    def head(self, features):
        return features


class NoisyTarget(LinearTarget):
    noise_width = 6

    def __init__(self):
        super().__init__()
        self.seen = []

    def head(self, features, noise):
        self.seen.append(noise)
        return features + noise


def small(**settings):
    return RlbRecipe(**{"episodes": 24, "hidden": 12, "batch_size": 8, **settings})


def search(recipe, classes=(3, 0, 4), batch=100, prior=None, target=None, checkpoint=None):
    given = models.given(classes, 1, batch, seed=SEED, checkpoint=checkpoint)
    return recover_latents(given, recipe, prior or LinearPrior(), target or LinearTarget())


def one_at_a_time(recipe, classes, prior, target, noise=None):
    """Results of the plain agents: latents [K, z_dim] and confidences."""
    learner = Learner(recipe, classes, SEED, prior.z_dim, "cpu")
    found = []
    for place, label in enumerate(classes):
        draws = EpisodeDraws(recipe, [label], SEED, prior.z_dim, 0, "cpu")

        def ask(latent, query, place=place, label=label):
            images = prior.generate(latent, torch.tensor([label]))
            extra = () if noise is None else (noise(place, query),)
            return target.head(target.features(images), *extra)

        agent = plain_agent(learner, place, recipe)
        found.append(
            reference.recover(
                ask, agent, label, draws.at, recipe.episodes, recipe.batch_size, recipe.keep
            )
        )
    return torch.stack([best for best, _ in found]), [surest for _, surest in found]
