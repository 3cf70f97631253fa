"""How all plots look: colours, axes, files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pursuit.errors import MissingExtra
from pursuit.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind eyes tell apart; their yellow is too pale.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# Neighbours differ in their dashes too, for print and for who sees no colours.
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
INK, FAINT = "#333333", "#dddddd"


def check_matplotlib() -> None:
    """Make sure that plots can be made, before hours of work.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingExtra("matplotlib", "evaluate") from None


def style(axes: Axes) -> None:
    """Give axes a faint grid and no frame."""
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(colors=INK, labelsize=9, length=0)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure to `path`, as its suffix .png or .svg says; return the path.

    Raises:
        OutputError: the file cannot be written.
    """
    from matplotlib import rc_context

    # The same scores give the same bytes: no dates, no random ids.
    kind = path.suffix[1:]
    with rc_context({"svg.hashsalt": "pursuit"}), atomic_path(path) as part:
        figure.savefig(
            part, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else None
        )
    return path
