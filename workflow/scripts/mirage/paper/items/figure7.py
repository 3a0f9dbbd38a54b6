"""Figure 7: how stable the direction of gradients is, with the cross-entropy loss."""

from mirage.paper.gradients_plot import figure

ITEM = figure("Figure 7", "Stability of gradients with the cross-entropy loss", 55, "cross_entropy")
