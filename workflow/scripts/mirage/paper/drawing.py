"""How pictures are drawn and written: equal inputs give equal bytes."""

import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirage.runtime import files

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from matplotlib.figure import Figure

# A home that is read-only or missing costs a slower start, which is no news to its owner.
logging.getLogger("matplotlib").setLevel(logging.ERROR)

DPI = 200  # of PNG files; the others are vectors

_STYLE: Any = {  # keyed by names of settings, which the type stubs enumerate
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.linewidth": 0.6,
    "pdf.fonttype": 42,
    "text.parse_math": False,  # a dollar sign in a title is a dollar sign
}
_WITHOUT: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    "png": {"Software": None},
}


def style() -> "AbstractContextManager[None]":
    """Matplotlib's own settings and ours, not those (``matplotlibrc``) of the current folder."""
    with contextlib.chdir("/"):
        import matplotlib
    return matplotlib.rc_context({**matplotlib.rcParamsDefault, **_STYLE})


def save(figure: "Figure", path: str | Path) -> None:
    """Write a figure as its path's suffix asks, png or pdf, without dates or versions inside."""
    kind = Path(path).suffix.lstrip(".")
    with style(), files.writing(path) as temporary:
        figure.savefig(temporary, format=kind, dpi=DPI, metadata=_WITHOUT[kind])
