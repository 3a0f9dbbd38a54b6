"""What the rules ask the study about tables, figures and the report."""

from mirage.paper.contents import contents, extra, files_of, told_extra
from mirage.paper.item import Picture, Plot, Table, metrics_files

CONTENTS = contents(SCALE)


def templates(*names):
    """Templates a page is made with; the code digest does not see them."""
    folder = f"{HOME}/workflow/scripts/mirage/paper/templates"
    return [f"{folder}/{name}" for name in names]


def names_of(kind):
    """Pattern of the names of all items of a kind."""
    names = [name for name, item in CONTENTS.items() if isinstance(item, kind)]
    return "|".join(names) or r"(?!)"


def item_inputs(wildcards):
    """What an item is made of."""
    return CONTENTS[wildcards.item].needs(STUDY).inputs


def item_reference(wildcards):
    """The paper's numbers that a table is held against."""
    names = CONTENTS[wildcards.item].reference
    return [f"{PAPER_TABLES}/{name}.csv" for name in names]


def item_caption(wildcards):
    """What is said of an item."""
    item = CONTENTS[wildcards.item]
    return {"name": item.name, "text": item.told(SCALE["comparable"])}


def item_scale(wildcards):
    """The scale without the settings of other items, which shall not make this one anew."""
    own = (CONTENTS[wildcards.item].settings, "interval")
    paper = {key: value for key, value in SCALE["paper"].items() if key in own}
    return {**SCALE, "paper": paper}


def item_settings(wildcards):
    """Settings an item is made with; they name it, so its module is among the job's code."""
    return [wildcards.item, item_scale(wildcards)]


def item_files(_):
    """Every file of every item."""
    return [path for name, item in CONTENTS.items() for path in files_of(name, item)]


def report_settings(_):
    """Settings of the report; they name every item."""
    return [*CONTENTS, SCALE]


def cell_metrics(_):
    """Metrics of every cell of the study, whether an item shows it or not."""
    return metrics_files(STUDY.attacks, STUDY.targets)
