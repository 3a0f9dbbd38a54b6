"""Figure 3: samples of models with label smoothing of either sign."""

from mirage.paper.sheet import sheet

ITEM = sheet("Figure 3", "Attack samples", "", 4)
