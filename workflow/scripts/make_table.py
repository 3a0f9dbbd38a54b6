"""Job: one table of the paper, as CSV, HTML and LaTeX (rule make_table)."""

from mirage.runtime import job


@job.main
def make_table(task: job.Assignment) -> dict[str, float]:
    """Write full precision as CSV, rounded as HTML and LaTeX."""
    from mirage.paper import presentation, render, tables
    from mirage.paper.items import ITEMS
    from mirage.paper.numbers import plain, write_table
    from mirage.paper.printed import print_table
    from mirage.paper.seen import seen_part
    from mirage.paper.verified import verified_part
    from mirage.runtime import files
    from mirage.study.study import Study

    study = Study(task.params.scale)
    shown = presentation.describe(study, task.params.name)
    item = ITEMS[task.wildcards.item]
    numbers = item.collected(study)
    table = tables.make(item, numbers, shown)
    parts = print_table(item, numbers, table, shown, item.reading(study, shown))
    write_table(task.output.csv, plain(table))
    ours = [*parts, *verified_part(item, numbers, shown), *seen_part(item, numbers, shown)]
    files.write_text(
        task.output.html, render.html_page(render.html_fragment(ours, shown), item.title)
    )
    files.write_text(task.output.tex, render.latex(parts, shown))
    return {"rows": len(table), "cells": numbers["cell"].nunique()}
