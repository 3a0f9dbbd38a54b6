"""Figure 3: samples of models with label smoothing of either sign."""

from dataclasses import replace

from mirage.paper.sheet import sheet

ITEM = replace(sheet("Figure 3", "Attack samples", "", 4), headline=True)
