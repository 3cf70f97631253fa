"""What `pursuit train --report` and `pursuit evaluate held-out` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pursuit.cli._outputs import show, tell_left_out, while_read
from pursuit.cli._progress import progress_bar

if TYPE_CHECKING:
    from pursuit.datasets import Usable
    from pursuit.learning.recipe import Recipe
    from pursuit.protocols.held_out import Followed, Found
    from pursuit.reports.held_out import HeldOutReport
    from pursuit.store import Store


REPORT = "report.json"


def judge(
    path: Path,
    recipe: Recipe,
    held: Usable,
    crops: Store | None,
    out: Path,
    *,
    to_card: bool,
) -> bool:
    """Judge the weights at `path` on what is held out, print the report and write it to `out`.

    Held-out targets are followed in the sequences, held-out stills looked at in the crops.
    The card is written last: an interrupt leaves it as it was. What is printed comes after.
    Sequences that are not good are named and left out; the card then stays as it is, for its
    figures are those of all that the recipe holds out.

    Returns:
        Whether all sequences were judged.
    """
    from pursuit.reports import held_out as reports
    from pursuit.reports.reliability import save_reliability

    followed, left_out = _follow(path, recipe, held)
    stills = _find(path, recipe, crops) if followed and crops is not None else []
    judged = reports.report(followed, stills, left_out)
    _write_json(out / REPORT, judged)
    found = judged.calibration
    if found.curve is not None and found.error is not None:
        save_reliability(found.curve, found.error, f"Score of {path.stem}, held-out videos", out)
    card = _to_card(path, judged) if to_card and not left_out else None
    with while_read():
        show([reports.table(judged)], reports.notes(judged))
        typer.echo(f"report: {out}")
        if card is not None:
            typer.echo(f"card: {card}")
    return not left_out


def _follow(path: Path, recipe: Recipe, held: Usable) -> tuple[list[Followed], dict[str, str]]:
    """Return what was followed, and name of each other sequence -> why it was not."""
    from pursuit.protocols.held_out import run

    left_out = dict(held.faults)
    for name, why in left_out.items():
        tell_left_out(name, why)
    total, done, followed = sum(map(len, held.sequences)), 0, []
    with progress_bar("held-out videos", "frames") as show:
        show(0, total)
        for one in run(path, recipe, held.sequences, left_out=left_out):
            followed.append(one)
            done += len(one.boxes)
            show(done, total)
    for name, why in left_out.items():
        if name not in held.faults:
            tell_left_out(name, why)
    return followed, left_out


def _find(path: Path, recipe: Recipe, crops: Store) -> list[Found]:
    from pursuit.learning.examples import held_out_stills
    from pursuit.protocols.held_out import find_stills

    total, found = len(held_out_stills(crops, recipe.data)), []
    with progress_bar("held-out stills", "targets") as show:
        for one in find_stills(path, recipe, crops):
            found.append(one)
            show(sum(len(each.errors) for each in found), total)
    return found


def _write_json(path: Path, judged: HeldOutReport) -> None:
    from json import dumps

    from pursuit.files import atomic_path
    from pursuit.reports.held_out import as_json

    with atomic_path(path) as part:
        text = dumps(as_json(judged), indent=2, ensure_ascii=False, allow_nan=False)
        part.write_text(text + "\n", encoding="utf-8", newline="\n")


def _to_card(path: Path, judged: HeldOutReport) -> Path:
    from pursuit import weights
    from pursuit.reports.held_out import card_values

    place = weights.card_path(path)
    card = weights.read_card(place)
    weights.write_card(place, card.with_values(**card_values(judged, card.scores)))
    return place
