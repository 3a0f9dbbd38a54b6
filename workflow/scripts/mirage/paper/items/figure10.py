"""Figure 10: samples of models with and without defenses, CelebA."""

from mirage.paper.sheet import sheet

ITEM = sheet(
    "Figure 10",
    "Attack samples with defenses, CelebA",
    "BiDO's λ stands over its column: (0.05, 0.5), as the paper's caption and its Table 1 say.",
    58,
)
