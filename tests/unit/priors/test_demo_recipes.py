"""The recipes that were tried for the demo: possible, and small enough to ship."""

from pathlib import Path

import pytest
import yaml
from mirage.priors.kinds import KINDS
from mirage.priors.trainers import TRAINERS

RECIPES = yaml.safe_load(Path(__file__).with_name("demo_recipes.yaml").read_text())


@pytest.mark.parametrize("kind", RECIPES)
def test_they_make_small_networks(kind):
    recipe = TRAINERS[kind].recipe.of(RECIPES[kind])
    for role in ("generator", "discriminator"):
        network = KINDS[kind][role].build(getattr(recipe, role))
        assert 4 * sum(p.numel() for p in network.parameters()) < 500_000
    assert recipe.generator.image_px == 32
