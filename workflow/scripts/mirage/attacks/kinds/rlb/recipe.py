"""Settings of the one stage."""

from dataclasses import dataclass
from typing import Literal

from mirage.recipes import Precision, Recipe, require

MOST_EPISODES = 1_000_000
"""Entries of the published replay; here nothing is ever forgotten."""


@dataclass(frozen=True)
class RlbRecipe(Recipe):
    """How a class is searched for; defaults are the published code's.

    An episode has one step (quirk one-step-episodes): the policy sees a normal state s, acts a in
    (-1, 1), and the image of the latent ``keep * s + (1 - keep) * a`` is rewarded.

    Attributes:
        episodes: of each class (published: 40,000, and 10,000 in its shorter script).
        keep: share of the state in the latent, in [0, 1].
        weights: of three terms of the reward: the log probability of the class in the image of the
            latent and in that of the action, and the log of the margin (published: 2, 2, 8).
        floor: least margin p_y - max p_j of which the log is taken.
        hidden: width of both hidden layers of actor and critic.
        batch_size: entries of the replay in one update; updates begin when it holds more.
        lr: Adam's, of actor, critic and log temperature alike.
        target_entropy: that the temperature is tuned to.
        learner: ``published`` explores along one line and averages where soft actor-critic sums,
            with one critic (quirk scalar-exploration); ``textbook`` draws for every dimension, sums
            and takes the smaller value of two critics.
        seeding: ``shared``: every class starts from the same networks and meets the same draws
            (quirk one-seed-for-all); ``per_class``: each has its own.
        precision: arithmetic of generator and classifier; see ``mirage.numerics``.
    """

    episodes: int = 40_000
    keep: float = 0.0
    weights: tuple[float, float, float] = (2.0, 2.0, 8.0)
    floor: float = 1e-7
    hidden: int = 256
    batch_size: int = 256
    lr: float = 5e-4
    target_entropy: float = -100.0
    learner: Literal["published", "textbook"] = "published"
    seeding: Literal["shared", "per_class"] = "shared"
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        require(
            0 < self.episodes <= MOST_EPISODES, "episodes", self.episodes,
            f"1 to {MOST_EPISODES:,}",
        )  # fmt: skip
        require(0 <= self.keep < 1, "keep", self.keep, "a value in [0, 1)")
        require(all(w >= 0 for w in self.weights), "weights", self.weights, "zero or more")
        require(any(w > 0 for w in self.weights), "weights", self.weights, "one above zero")
        require(0 < self.floor < 1, "floor", self.floor, "a value in (0, 1)")
        for name in ("hidden", "batch_size"):
            require(getattr(self, name) > 0, name, getattr(self, name), "at least 1")
        require(self.lr > 0, "lr", self.lr, "a positive learning rate")
