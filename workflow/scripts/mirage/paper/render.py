"""Rounded tables as HTML and LaTeX."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirage.escape import Tex
from mirage.escape import html as escape_html
from mirage.escape import latex as escape_latex
from mirage.paper.printed import Printed

if TYPE_CHECKING:
    import jinja2

    from mirage.paper.presentation import Presentation

TEMPLATES = Path(__file__).parent / "templates"


def html_fragment(parts: Iterable[Printed], shown: "Presentation") -> str:
    """Render the parts of a table as HTML: figure elements without styles of their own."""
    return _rendered(environment().get_template("table.html"), parts, shown)


def html_page(fragment: str, title: str) -> str:
    """Wrap a fragment into a page that stands alone."""
    return environment().get_template("page.html").render(title=title, body=fragment)


def latex(parts: Iterable[Printed], shown: "Presentation") -> str:
    """Render the parts of a table as LaTeX tables (they need ``booktabs`` and ``xcolor``)."""
    return _rendered(latex_environment().get_template("table.tex"), parts, shown)


def _rendered(template: "jinja2.Template", parts: Iterable[Printed], shown: "Presentation") -> str:
    warnings = {True: banner(shown), False: ""}
    return "\n".join(
        template.render(table=part, banner=warnings[part.has_paper], notes=notes(part, shown))
        for part in parts
    )


def banner(shown: "Presentation") -> str:
    """The warning above a table; empty where our numbers and the paper's compare."""
    if shown.cut:
        return f"Less than the paper's: {shown.cut}"
    told = (
        "Other data, other scale: our numbers and the paper's are not comparable. They stand side "
        f"by side to show which number answers which. {shown.description}"
    )
    return "" if shown.comparable else told.strip()


def uncounted(shown: "Presentation") -> list[str]:
    """The sentence on what no spread over seeds counts; none where nothing is known of it."""
    if not shown.shared:
        return []
    shared = ", ".join(shown.shared)
    return [f"All seeds share {shared}: the luck of these is in no spread and in no interval."]


def notes(printed: Printed, shown: "Presentation") -> list[str]:
    """Footnotes: how to read the table, and which network gave which number."""
    fewest, most = min(printed.seeds), max(printed.seeds)
    lines = ["One seed per row."]
    if most > 1:
        told = f"{most}" if fewest == most else f"{fewest} to {most}"
        lines = [f"Means over {told} seeds per row, ± standard deviation over seeds."]
        lines += uncounted(shown) if printed.item.attacked else []
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
        if metric.key in shown.networks:
            by_network.setdefault(shown.networks[metric.key], []).append(metric.title)
    lines += [f"{', '.join(titles)}: {network}." for network, titles in by_network.items()]
    return [*lines, *printed.notes]


def environment() -> "jinja2.Environment":
    """Templates for HTML: every text is escaped, and shown on one line."""
    from markupsafe import Markup

    return _environment(
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else Markup(escape_html(value)),
    )


def latex_environment() -> "jinja2.Environment":
    """Templates for LaTeX, with delimiters that LaTeX does not use: every text is escaped.

    The filter ``raw`` lets LaTeX of ours pass.
    """
    made = _environment(
        autoescape=False,  # that would be HTML's
        finalize=escape_latex,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    made.filters["raw"] = Tex
    return made


def _environment(**options: Any) -> "jinja2.Environment":
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        **options,
    )
