"""`pursuit score`: measures of results that are stored already; nothing is run."""

from __future__ import annotations

import typer

from pursuit.cli._score_got10k import got10k
from pursuit.cli._score_otb import otb
from pursuit.cli._score_vot import vot


def register(app: typer.Typer) -> None:
    """Add the command."""
    score = typer.Typer(help="Score stored results.", rich_markup_mode=None)
    score.callback(no_args_is_help=True)(_score)
    score.command("otb")(otb)
    score.command("vot")(vot)
    score.command("got10k")(got10k)
    app.add_typer(score, name="score")


def _score() -> None:
    """Score stored results, yours or others', without running anything."""
