"""Figure 8: the toy attack without its stopping rule."""

from mirage.paper.item import Picture
from mirage.paper.recipe import ToyRecipe
from mirage.paper.toy_drawing import toy_by_seed, toy_needs, toy_picture

ITEM = Picture(
    name="Figure 8",
    title="The toy attack after 5,000 steps without a stopping rule",
    caption=(
        "The path ends nearest to the orange points under positive smoothing and stays near the "
        "decision boundary under negative smoothing."
    ),
    position=5,
    settings="toy",
    recipe=ToyRecipe,
    needs=toy_needs,
    by_seed=toy_by_seed,
    draw=toy_picture(stopped=False),
)
