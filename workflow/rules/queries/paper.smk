"""What the rules ask the study about tables, figures and the report."""


def templates(*names):
    """Templates a page is made with; the code digest does not see them."""
    folder = f"{HOME}/workflow/scripts/mirage/paper/templates"
    return [f"{folder}/{name}" for name in names]


def attack_metrics(_):
    """Metrics of every attack of the study."""
    return [f"{cell.path}/metrics.json" for cell in STUDY.attacks]


def target_metrics(_):
    """Metrics of every attacked target of the study."""
    return [
        f"{cell.path}/metrics.json"
        for cell in dict.fromkeys(c.target for c in STUDY.attacks)
    ]


def table_attacks(wildcards):
    """The attacks a table is made of."""
    return items.table_attacks(STUDY, wildcards.item)


def table_attack_metrics(wildcards):
    """Metrics of the attacks in a table."""
    return [f"{cell.path}/metrics.json" for cell in table_attacks(wildcards)]


def table_target_metrics(wildcards):
    """Metrics of the targets in a table."""
    found = dict.fromkeys(cell.target for cell in table_attacks(wildcards))
    return [f"{cell.path}/metrics.json" for cell in found]
