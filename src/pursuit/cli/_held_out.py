"""What `pursuit train --report` and `pursuit evaluate held-out` share."""

from __future__ import annotations

from collections.abc import Sequence as Several
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pursuit.cli._outputs import show, while_read
from pursuit.cli._progress import progress_bar

if TYPE_CHECKING:
    from pursuit.datasets import Sequence
    from pursuit.learning.recipe import Recipe
    from pursuit.protocols.held_out import Followed, Found
    from pursuit.reports.held_out import HeldOutReport
    from pursuit.store import Store


REPORT = "report.json"


def judge(
    path: Path,
    recipe: Recipe,
    sequences: Several[Sequence],
    crops: Store | None,
    out: Path,
    *,
    to_card: bool,
) -> None:
    """Judge the weights at `path` on what is held out, print the report and write it to `out`.

    Held-out targets are followed in the sequences, held-out stills looked at in the crops.
    The card is written last: an interrupt leaves it as it was. What is printed comes after.
    """
    from pursuit.reports import held_out as reports
    from pursuit.reports.reliability import save_reliability

    followed = _follow(path, recipe, sequences)
    judged = reports.report(followed, _find(path, recipe, crops) if crops is not None else [])
    _write_json(out / REPORT, judged)
    found = judged.calibration
    if found.curve is not None and found.error is not None:
        save_reliability(found.curve, found.error, f"Score of {path.stem}, held-out videos", out)
    card = _to_card(path, judged) if to_card else None
    with while_read():
        show([reports.table(judged)], reports.notes(judged))
        typer.echo(f"report: {out}")
        if card is not None:
            typer.echo(f"card: {card}")


def _follow(path: Path, recipe: Recipe, sequences: Several[Sequence]) -> list[Followed]:
    from pursuit.protocols.held_out import run

    total, done, followed = sum(map(len, sequences)), 0, []
    with progress_bar("held-out videos", "frames") as show:
        show(0, total)
        for one in run(path, recipe, sequences):
            followed.append(one)
            done += len(one.boxes)
            show(done, total)
    return followed


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
