"""Job: one table of the paper, as CSV, HTML and LaTeX (rule make_table)."""

from typing import TYPE_CHECKING

from mirage.runtime import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def make_table(task: "snakemake") -> dict[str, float]:
    """Write full precision as CSV, rounded as HTML and LaTeX."""
    from mirage.paper import presentation, printed, render, tables
    from mirage.paper.cells import collect, write_table
    from mirage.runtime import files
    from mirage.study.cells import parse
    from mirage.study.study import Study

    study = Study(task.params.scale)
    scale = presentation.describe(study, task.params.name)
    attacks = [parse(path.removesuffix("/metrics.json")) for path in task.input.attacks]
    cells = collect(presentation.records(attacks))
    make, show = {
        "table1": (tables.table1, printed.print_table1),
        "table2": (tables.table2, printed.print_table2),
    }[task.wildcards.item]
    table = make(cells, study.scale["fidelity"], presentation.counterparts(study))
    rounded = show(table, scale)
    write_table(task.output.csv, table)
    files.write_text(
        task.output.html, render.html_page(render.html_fragment(rounded, scale), rounded.title)
    )
    files.write_text(task.output.tex, render.latex(rounded, scale))
    return {"rows": len(table), "cells": len(attacks)}


job.run(make_table, snakemake)
