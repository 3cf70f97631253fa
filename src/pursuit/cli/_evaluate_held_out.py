"""`pursuit evaluate held-out`: weights on what their recipe held out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pursuit.learning.recipe import Recipe
    from pursuit.store import Store


def held_out(
    videos: Annotated[Path, typer.Argument(help="Data set that holds the held-out videos.")],
    weights: Annotated[str, typer.Argument(help="Weights of `pursuit list`, or a file.")],
    out: Annotated[
        Path, typer.Option(help="Folder for report.json and the reliability curve.")
    ] = Path("results"),
    crops: Annotated[
        Path | None,
        typer.Option(help="Store of crops that has the stills the recipe held out, if it did."),
    ] = None,
) -> None:
    """Judge weights on the videos that their recipe held out: tracking, and what `score` is worth.

    With `--crops`, also on held-out stills.

    The card of a weights file is given the figures and, unless it is in doubt, the score's
    fit; the cards of the weights that come with pursuit stay as they are. Videos that cannot be
    used are named and left out; the card stays as it is, and the exit status is 2.

    pursuit evaluate held-out VIDEOS runs/slim/siamfc-slim.safetensors
    """
    from pursuit import weights as store
    from pursuit.cli._held_out import REPORT, judge
    from pursuit.cli._outputs import WRONG, check_outputs, weights_files
    from pursuit.files import check_writable
    from pursuit.protocols.held_out import recipe_of, usable_targets
    from pursuit.reports.drawing import check_matplotlib

    check_matplotlib()
    path = store.find(weights)
    recipe = recipe_of(path)
    held = usable_targets(recipe, videos)
    stills = _stills(recipe, path, crops) if crops is not None else None
    check_outputs([out / REPORT], weights_files([path]))
    check_writable(out / REPORT)
    whole = judge(path, recipe, held, stills, out, to_card=weights not in store.shipped())
    if recipe.data.held_out_stills and stills is None:
        typer.echo("its held-out stills were not judged: add --crops STORE")
    if not whole:
        raise typer.Exit(WRONG)


def _stills(recipe: Recipe, path: Path, crops: Path) -> Store:
    from pursuit import store
    from pursuit.errors import RecipeError
    from pursuit.learning.examples import held_out_stills

    if not recipe.data.held_out_stills:
        raise RecipeError(f"the recipe of {path} held no stills out: leave --crops out")
    found = store.open(crops)
    held_out_stills(found, recipe.data)  # raises where it has none
    return found
