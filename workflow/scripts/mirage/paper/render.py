"""Rounded tables as HTML and LaTeX."""

from pathlib import Path
from typing import TYPE_CHECKING

from mirage.escape import Tex
from mirage.escape import html as escape_html
from mirage.escape import latex as escape_latex
from mirage.paper.printed import Printed, Scale

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).parent / "templates"

NOT_COMPARABLE = (
    "Other data, other scale: our numbers and the paper's are not comparable. They stand side by "
    "side to show which number answers which."
)


def html_fragment(printed: Printed, scale: Scale) -> str:
    """Render as an HTML fragment: a figure element without styles of its own."""
    template = environment().get_template("table.html")
    return template.render(
        table=printed, scale=scale, banner=banner(scale), notes=notes(printed, scale)
    )


def html_page(fragment: str, title: str) -> str:
    """Wrap a fragment into a page that stands alone."""
    return environment().get_template("page.html").render(title=title, body=fragment)


def latex(printed: Printed, scale: Scale) -> str:
    """Render as a LaTeX table (needs ``booktabs`` and ``xcolor``)."""
    template = latex_environment().get_template("table.tex")
    return template.render(table=printed, banner=banner(scale), notes=notes(printed, scale))


def banner(scale: Scale) -> str:
    """The warning above a table; empty where our numbers and the paper's compare."""
    if scale.comparable:
        return ""
    return f"{NOT_COMPARABLE} {scale.description}".strip()


def uncounted(scale: Scale) -> list[str]:
    """The sentence on what no spread over seeds counts; none where nothing is known of it."""
    if not scale.shared:
        return []
    shared = ", ".join(scale.shared)
    return [f"All seeds share {shared}: the luck of these is in no spread and in no interval."]


def notes(printed: Printed, scale: Scale) -> list[str]:
    """Footnotes: how to read the table, and which network gave which number."""
    seeds = sorted(set(printed.seeds))
    told = " to ".join(str(n) for n in dict.fromkeys((seeds[0], seeds[-1])))
    lines = ["One seed per row."]
    if seeds[-1] > 1:
        lines = [f"Means over {told} seeds per row, ± standard deviation over seeds."]
        lines += uncounted(scale)
    if printed.has_change:
        lines.append(
            "In brackets: change against Standard with the same seeds; green helps the attack, "
            "red hinders it."
        )
    lines.append(
        "Bold: best of its group in the direction of the arrow (for attack metrics: best for the "
        f"attacker). Arithmetic: {printed.fidelity}."
    )
    if printed.has_paper:
        lines.append(
            "Second line of a setting: the paper's number, and ours minus the paper's in brackets."
        )
    by_network: dict[str, list[str]] = {}
    for metric in printed.columns:
        if metric.key in scale.networks:
            by_network.setdefault(scale.networks[metric.key], []).append(metric.title)
    lines += [f"{', '.join(titles)}: {network}." for network, titles in by_network.items()]
    return lines


def environment() -> "jinja2.Environment":
    """Templates for HTML: every text is escaped, and shown on one line."""
    import jinja2
    from markupsafe import Markup

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else Markup(escape_html(value)),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def latex_environment() -> "jinja2.Environment":
    """Templates for LaTeX, with delimiters that LaTeX does not use: every text is escaped.

    The filter ``raw`` lets LaTeX of ours pass.
    """
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=False,  # that would be HTML's
        finalize=escape_latex,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    made.filters["raw"] = Tex
    return made
