"""Figure 6b: how stable the direction of gradients is, with the Poincaré loss."""

from mirage.paper.gradients_plot import figure

ITEM = figure("Figure 6b", "Stability of gradients with the Poincaré loss", 54, "poincare")
