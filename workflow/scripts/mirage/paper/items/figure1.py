"""Figure 1: the toy attack with its stopping rule."""

from mirage.paper.item import Picture
from mirage.paper.recipe import ToyRecipe
from mirage.paper.toy_drawing import toy_by_seed, toy_needs, toy_picture

ITEM = Picture(
    name="Figure 1",
    title="The toy attack, stopped at 95 % confidence",
    caption=(
        "A model inversion attack in two dimensions. The colour is the confidence of the network, "
        "the yellow line the path of the attack from the green class towards the orange one. This "
        "example is the paper's own at every scale: steps and distances to the nearest orange "
        "point should be 763 and 3.23 for α = 0, 3113 and 0.65 for α = 0.05, 53 and 6.75 for "
        "α = −0.05."
    ),
    position=3,
    settings="toy",
    recipe=ToyRecipe,
    needs=toy_needs,
    by_seed=toy_by_seed,
    draw=toy_picture(stopped=True),
)
