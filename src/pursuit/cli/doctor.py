"""`pursuit doctor`: what this machine has, and whether pursuit works on it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the findings as JSON instead.")
    ] = False,
) -> None:
    """Show what this machine has and check the install; needs no data.

    The last check follows the target of a generated sequence. Exit status 0 if all is well,
    1 if something must be mended.
    """
    from pursuit.bench.doctor import examine

    groups: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    for finding in examine():
        first = finding.group not in groups
        groups.setdefault(finding.group, {})[finding.name] = finding.value
        if not finding.ok:
            problems.append(f"{finding.group}, {finding.name}: {finding.value}")
        if not as_json:
            mark = "" if finding.ok else typer.style("  PROBLEM", fg="red", bold=True)
            group = finding.group if first else ""
            typer.echo(f"{group:<12}{finding.name:<17}{finding.value}{mark}")
    if as_json:
        typer.echo(json.dumps({"ok": not problems, "problems": problems, **groups}, indent=2))
    elif problems:
        typer.echo(typer.style("FAIL", fg="red", bold=True) + f"        {len(problems)} to mend")
    else:
        typer.echo(typer.style("PASS", fg="green", bold=True) + "        pursuit works here")
    if problems:
        raise typer.Exit(1)
