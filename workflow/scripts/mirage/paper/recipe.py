"""Settings of the toy example."""

from dataclasses import dataclass

from mirage.marks import Seed
from mirage.recipes import Recipe, require


@dataclass(frozen=True)
class ToyRecipe(Recipe):
    """What is run.

    Attributes:
        alphas: label smoothing factors, each at most 1.
        seeds: seeds of the initial weights. The paper has one, 42; over several seeds the attack
            fails for some positive and zero factors, which a table should count.
    """

    alphas: tuple[float, ...] = (0.0, 0.05, -0.05)
    seeds: tuple[Seed, ...] = (42,)

    def __post_init__(self) -> None:
        unique = len(set(self.alphas)) == len(self.alphas) > 0
        require(unique and max(self.alphas) <= 1, "alphas", self.alphas, "distinct values up to 1")
        require(len(set(self.seeds)) == len(self.seeds) > 0, "seeds", self.seeds, "distinct seeds")
