"""trackers.ini: where VOT's Python toolkit reads which trackers it can run, and how.

A section a tracker. Sections of others, and their comments, are kept as they are.
"""

from __future__ import annotations

import configparser
import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from collections.abc import Sequence as Several
from pathlib import Path

from pursuit.errors import DataError, SettingsError
from pursuit.files import atomic_path

FILE = "trackers.ini"
CONFIG = "config.yaml"  # the toolkit takes a folder with it, and no other, for a workspace


def check_workspace(folder: Path) -> None:
    """Make sure that a folder is a workspace of the toolkit's.

    Raises:
        DataError: it is none.
    """
    if not folder.is_dir():
        raise DataError(f"no folder {folder}: make the workspace first, vot initialize")
    if not (folder / CONFIG).is_file():
        raise DataError(
            f"{folder} is no workspace of VOT's toolkit: it has no {CONFIG}; name the folder that "
            "`vot initialize` made"
        )


def identifier(label: str) -> str:
    """Return the name of a label's section: the toolkit takes letters, digits, - and _ alone."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", label)


def add(path: Path, commands: Mapping[str, Several[str]]) -> list[str]:
    """Add trackers to a file, which is made if need be; return the names of their sections.

    A section that is there already, the same, stays.

    Args:
        path: the file.
        commands: label -> the words of the command that serves the tracker.

    Raises:
        DataError: the file cannot be read, or is not such a file.
        SettingsError: another tracker has a section of that name in it.
        OutputError: the file cannot be written.
    """
    text = _text(path)
    known = _parsed(text, path)
    names = []
    for label, words in commands.items():
        name = identifier(label)
        section = _section(label, words)
        mine = _parsed(f"[{name}]\n{section}", path)[name]
        if name in names or (known.has_section(name) and dict(known[name]) != dict(mine)):
            raise SettingsError(
                f"{path} would have two trackers [{name}]: remove the other section, or give "
                "another label, LABEL=NAME"
            )
        if not known.has_section(name):
            text += ("\n" if text else "") + f"[{name}]\n{section}"
        names.append(name)
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
    return names


def _section(label: str, words: Several[str]) -> str:
    # As the toolkit takes it apart again.
    command = subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
    settings = {"label": label, "protocol": "trax", "command": command}
    # configparser puts other values in where it finds a %.
    return "".join(f"{key} = {value.replace('%', '%%')}\n" for key, value in settings.items())


def _text(path: Path) -> str:
    """Return what a file holds, with a line end last; "" where there is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}") from None
    return text if text.endswith("\n") or not text else text + "\n"


def _parsed(text: str, path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise DataError(f"{path} is not a file of VOT's trackers: {error.message}") from None
    return parser
