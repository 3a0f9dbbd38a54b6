"""Figure 6b: how stable the direction of gradients is, with the Poincaré loss."""

from mirage.paper import gradients_plot
from mirage.paper.item import Plot
from mirage.paper.measured import TargetsRecipe

NAME, LOSS = "figure6b", "poincare"

ITEM = Plot(
    name="Figure 6b",
    title="Stability of gradients with the Poincaré loss",
    caption=(
        "Cosine of the gradient with respect to the current image with that of the step before "
        "(Eq. 4), mean and standard deviation over pairs of a latent and a class; the loss drives "
        "the optimisation and is the one measured. Left, the gradient that the attack sees, "
        "through its random crop; right, that of the same image without one."
    ),
    position=54,
    settings=NAME,
    recipe=TargetsRecipe,
    needs=gradients_plot.needs_of(NAME),
    misfits=gradients_plot.misfits_of(NAME, LOSS),
    reading=gradients_plot.reading_of(NAME, LOSS),
    data=gradients_plot.data_of(NAME, LOSS),
    draw=gradients_plot.draw,
)
