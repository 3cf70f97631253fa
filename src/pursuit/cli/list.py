"""`pursuit list`: trackers, weights and recipes."""

from __future__ import annotations

from collections.abc import Iterator

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list")(show)


def show() -> None:
    """Show the trackers, the weights inside, and the training recipes."""
    sections = {"trackers": _trackers(), "weights": _weights(), "recipes": _recipes()}
    for number, (title, rows) in enumerate(sections.items()):
        if number:
            typer.echo()
        typer.echo(typer.style(title, bold=True))
        for name, text in list(rows) or [("none", "")]:
            typer.echo(f"  {name:<20}{text}".rstrip())


def _trackers() -> Iterator[tuple[str, str]]:
    import inspect

    from pursuit.trackers import registry
    from pursuit.trackers.opencv import NANO
    from pursuit.trackers.settings import PRESETS, WEIGHTS_OF, SiamFCSettings
    from pursuit.weights import shipped

    default = inspect.signature(registry.load).parameters["name"].default
    inside = shipped()
    for name in registry.names():
        if name in PRESETS:
            settings = PRESETS[name]
            text = settings.network
            if isinstance(settings, SiamFCSettings):
                text += f", {settings.scales} scales"
            own = WEIGHTS_OF.get(name)
            text += f", weights {own}" if own else ", weights"
            if own not in inside:
                text += f" (not inside: {name}:PATH takes a file)"
        else:
            text = "OpenCV's, to compare with"
            if name == NANO:
                text += f": {name}:BACKBONE.onnx,HEAD.onnx (not inside)"
        yield name, text + (" [default]" if name == default else "")


def _weights() -> Iterator[tuple[str, str]]:
    from pursuit.weights import read_card, shipped
    from pursuit.weights.card import card_path

    for name, path in shipped().items():
        card = read_card(card_path(path))
        aucs = {what: value for what, value in sorted(card.scores.items()) if what.endswith("auc")}
        scores = ", ".join(f"{what} {value:.3f}" for what, value in aucs.items())
        size = path.stat().st_size / 1e6
        yield name, f"{size:.1f} MB  sha256 {card.sha256[:12]}  {scores}"


def _recipes() -> Iterator[tuple[str, str]]:
    from pursuit.learning import recipe

    for name in recipe.shipped():
        yield name, recipe.read(name).about
