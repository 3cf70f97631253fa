"""How all plots look: colours, axes, files."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
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

_FEW = 4  # names in a legend of one column
_LONGEST = {1: 56, 2: 27}  # letters of a name, by the columns


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


def new_axes(title: str) -> tuple[Figure, Axes]:
    """Return a figure, and its axes under a title."""
    from matplotlib.figure import Figure

    # Small, so that its text can be read on a page as wide as a phone.
    figure = Figure(figsize=(5.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", color=INK, fontsize=12, pad=10)
    style(axes)
    return figure, axes


def look(place: int) -> dict[str, Any]:
    """Return the colour and the dashes of a line, by its tracker's place in a list."""
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": DASHES[place % len(DASHES)]}


def legend(axes: Axes, lines: Sequence[Any], texts: Sequence[str], title: str) -> None:
    """Name lines or marks below the axes, where they hide nothing."""
    figure = axes.get_figure(root=True)
    if figure is None or not lines:
        return
    columns = 1 if len(lines) <= _FEW else 2
    rows = -(-len(lines) // columns) + bool(title)
    figure.set_figheight(figure.get_figheight() + 0.1 + 0.185 * rows)
    made = figure.legend(
        lines, [_short(text, _LONGEST[columns]) for text in texts], title=title or None,
        alignment="left", fontsize=9, title_fontsize=9, labelcolor=INK, frameon=False,
        handlelength=2.8 if title else 1.2, loc="outside lower left", ncols=columns,
    )  # fmt: skip
    made.get_title().set_color(INK)
    for text in made.get_texts():
        text.set_parse_math(False)  # a $ in a name is a $


def _short(text: str, most: int) -> str:
    """Return a text without its middle where it is long: the ends of names tell them apart."""
    if len(text) <= most:
        return text
    head = most // 2
    return f"{text[:head]}…{text[head + 1 - most :]}"


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure to `path`, as its suffix .png or .svg says; return the path.

    Raises:
        OutputError: the file cannot be written.
    """
    from matplotlib import rc_context

    _settle(figure)
    # The same scores give the same bytes: no dates, no random ids.
    kind = path.suffix[1:]
    with rc_context({"svg.hashsalt": "pursuit"}), atomic_path(path) as part:
        figure.savefig(
            part, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else None
        )
    return path


def inline_svg(figure: Figure, name: str) -> str:
    """Return a figure as SVG to stand in a page of HTML.

    Its ids begin with `name`, so that several fit on one page; ink, grid and paper are the page's
    colours, --ink, --line and --paper; nothing in it names an address.
    """
    from matplotlib import rc_context

    _settle(figure)
    made = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with rc_context({"svg.hashsalt": "pursuit"}):
        figure.savefig(made, format="svg", metadata=nothing, transparent=True)
    text = made.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)  # names of trackers stand there too
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(href="|url\()#', rf"\1#{name}-", text)
    for colour, variable in ((INK, "--ink"), (FAINT, "--line"), ("#999999", "--line")):
        text = text.replace(colour, f"var({variable})")
    # The seventh tracker's black, and the paper under a legend.
    text = text.replace("#000000", "var(--ink)").replace("#ffffff", "var(--paper)")
    return re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', r"<svg \1>", text, count=1).strip()


def _settle(figure: Figure) -> None:
    """Lay a figure out once: each drawing would move it by a hair, and change the file."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
