"""`pursuit evaluate`: trackers in, numbers and pictures out."""

from __future__ import annotations

import typer

from pursuit.cli._evaluate_got10k import got10k
from pursuit.cli._evaluate_held_out import held_out
from pursuit.cli._evaluate_otb import otb
from pursuit.cli._evaluate_vot import vot


def register(app: typer.Typer) -> None:
    """Add the command."""
    evaluate = typer.Typer(help="Judge trackers on a benchmark.", rich_markup_mode=None)
    evaluate.callback(no_args_is_help=True)(_evaluate)
    evaluate.command("otb")(otb)
    evaluate.command("vot")(vot)
    evaluate.command("got10k")(got10k)
    evaluate.command("held-out")(held_out)
    app.add_typer(evaluate, name="evaluate")


def _evaluate() -> None:
    """Judge trackers on a benchmark."""
