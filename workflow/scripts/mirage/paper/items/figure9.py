"""Figure 9: samples of models with and without defenses, FaceScrub."""

from mirage.paper.sheet import sheet

ITEM = sheet(
    "Figure 9",
    "Attack samples with defenses",
    "BiDO's λ stands over its column: the paper's caption says (0.05, 0.5), while its Table 1 has "
    "(0.05, 2.5) on FaceScrub.",
    57,
)
