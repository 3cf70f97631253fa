"""Whose results a folder holds, told by a small JSON file in it: what differs is never mixed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pursuit.errors import SettingsError
from pursuit.files import atomic_path


def claim(path: Path, what: dict[str, Any], whose: str) -> None:
    """Make sure that the results beside a file are of the kind that it tells, and write it.

    Args:
        path: the file.
        what: all that decides the results.
        whose: what the error calls them.

    Raises:
        SettingsError: the file tells of others.
        OutputError: it cannot be written.
    """
    mine = json.loads(json.dumps(what))
    try:
        theirs = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        theirs = None
    except (OSError, ValueError):
        theirs = {}
    if theirs is None:
        with atomic_path(path) as part:
            part.write_text(json.dumps(mine, indent=2) + "\n", encoding="utf-8", newline="\n")
    elif theirs != mine:
        differs = next((key for key in mine if theirs.get(key) != mine[key]), "more")
        raise SettingsError(
            f"{path.parent} holds results of another {whose} ({differs} differs): "
            "name another --out, or remove that folder"
        )
