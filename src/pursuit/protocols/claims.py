"""Whose results a folder holds, told by a small JSON file in it: what differs is never mixed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pursuit.errors import SettingsError
from pursuit.files import atomic_path

_ABSENT = object()


def claim(path: Path, what: dict[str, Any], whose: str) -> None:
    """Make sure that the results beside a file are of the kind that it tells, and write it.

    Args:
        path: the file.
        what: all that decides the results.
        whose: what the error calls them.

    Raises:
        SettingsError: the file tells of others, or is damaged.
        OutputError: it cannot be written.
    """
    mine = json.loads(json.dumps(what))
    theirs = _told(path)
    if theirs is None:
        with atomic_path(path) as part:
            part.write_text(json.dumps(mine, indent=2) + "\n", encoding="utf-8", newline="\n")
    elif theirs != mine:
        raise SettingsError(
            f"{path.parent} holds results of another {whose} ({difference(theirs, mine)}): "
            "name another --out, or remove that folder"
        )


def difference(theirs: Any, mine: Any) -> str:
    """Return what differs first between two contents of JSON that are not equal, by its name."""
    name, there, here = _first(theirs, mine, "")
    plain = all(isinstance(one, (str, int, float)) for one in (there, here))
    if plain and len(f"{there}{here}") <= 60:  # no hashes
        return f"{name} differs: {there} there, {here} now"
    if _ABSENT in (there, here):
        only, value = ("there", there) if here is _ABSENT else ("now", here)
        if isinstance(value, (str, int, float)):
            return f"{name} differs: {value} {only}"
    return f"{name} differs"


def _told(path: Path) -> dict[str, Any] | None:
    """Return what a file tells, None where there is none."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise SettingsError(
            f"{path} is damaged, so nothing tells what the results beside it are: name another "
            "--out, or remove that folder"
        )
    return told


def _first(theirs: Any, mine: Any, name: str) -> tuple[str, Any, Any]:
    """Return the name of the first part that differs, as `settings.scales`, and both."""
    if isinstance(theirs, dict) and isinstance(mine, dict):
        for key in (*mine, *theirs):
            there, here = theirs.get(key, _ABSENT), mine.get(key, _ABSENT)
            if there != here:
                return _first(there, here, f"{name}.{key}" if name else key)
    return name, theirs, mine
