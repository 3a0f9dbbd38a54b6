"""Plain text as each kind of output takes it; markup in a title or a name stays text.

Terminals, logs and messages have ``visible``, tables ``sheets``; figures draw ``one_line`` with
mathematics switched off.
"""

import html as _html

from mirage.visible import one_line


class Tex(str):
    """LaTeX written by us, which ``latex`` leaves alone."""

    __slots__ = ()


_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{character: "\\" + character for character in "&%$#_"},
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"\textquotedbl{}",
        # After the end of a row, \\ would take a bracket or a star for its argument.
        "[": "{[}",
        "]": "{]}",
        "*": "{*}",
        "−": "$-$",
        "±": r"$\pm$",
        "α": r"$\alpha$",
        "β": r"$\beta$",
        "δ": r"$\delta$",
        "λ": r"$\lambda$",
        "ξ": r"$\xi$",
        "↑": r"$\uparrow$",
        "↓": r"$\downarrow$",
        "×": r"$\times$",
        "†": r"$\dagger$",
    }
)


def html(text: object) -> str:
    """Write text so that HTML shows it, between tags and inside quoted attributes."""
    return _html.escape(one_line(text), quote=True)


def latex(text: object) -> str:
    """Write text so that LaTeX prints it, on one line and without any command."""
    if isinstance(text, Tex):
        return text
    return one_line(text).translate(_LATEX)
