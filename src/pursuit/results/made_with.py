"""On which machines, and with which versions, a tracker's results were made: made-with.json.

Boxes move with versions and times with the machine, so a report that is made elsewhere must not
take its own for theirs. `tracker.json` beside it holds what may not differ within a folder.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from collections.abc import Sequence as Several
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pursuit.errors import SettingsError
from pursuit.files import atomic_path

NAME = "made-with.json"


@dataclass(frozen=True)
class Made:
    """Where some runs of a tracker were made.

    Attributes:
        versions: name -> version or kind of all that scores and times move with.
        filter_ms: time of VOT's filter operation there, milliseconds; None where nobody measured.
        left_out: sequences that could not be used when the tracker was judged last -> why.
    """

    versions: Mapping[str, str]
    filter_ms: float | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)


def add(folder: Path, made: Made) -> None:
    """Note in a tracker's folder that runs were made so.

    Raises:
        SettingsError: as `check` does.
        OutputError: it cannot be written.
    """
    known = list(_stored(folder))
    at = next((at for at, one in enumerate(known) if one.versions == made.versions), None)
    if at is None:
        known.append(made)
    elif known[at].filter_ms is None and made.filter_ms is not None:
        known[at] = replace(known[at], filter_ms=made.filter_ms)
    else:
        return
    _write(folder, known)


def leave_out(folder: Path, why: Mapping[str, str], used: Collection[str]) -> None:
    """Note in a tracker's folder which sequences it was not judged on: in the last entry.

    Args:
        folder: nothing is noted where there are no results.
        why: name of such a sequence -> why.
        used: sequences that are good now.

    Raises:
        SettingsError: as `check` does.
        OutputError: it cannot be written.
    """
    known = _stored(folder)
    before = {name: told for one in known for name, told in one.left_out.items()}
    now = {name: told for name, told in before.items() if name not in used} | dict(why)
    if known and now != before:
        *others, last = (replace(one, left_out={}) for one in known)
        _write(folder, [*others, replace(last, left_out=now)])


def _write(folder: Path, known: Several[Made]) -> None:
    told = [asdict(one) for one in known]
    for one in told:
        if not one["left_out"]:
            del one["left_out"]
    with atomic_path(folder / NAME) as part:
        text = json.dumps(told, indent=2, ensure_ascii=False)
        part.write_text(text + "\n", encoding="utf-8", newline="\n")


def check(folder: Path) -> None:
    """Make sure that it can be noted in a tracker's folder where runs are made.

    A damaged note is not written over: the results beside it would from then on count as made
    here, and their times as this machine's.

    Raises:
        SettingsError: what stands there cannot be read.
    """
    _stored(folder)


def read(folder: Path) -> tuple[Made, ...]:
    """Return where the results in a tracker's folder were made; nothing where it does not tell."""
    try:
        return _stored(folder)
    except SettingsError:
        return ()


def _stored(folder: Path) -> tuple[Made, ...]:
    path = folder / NAME
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(told, list):
            raise TypeError("an entry for each machine is needed")
        return tuple(
            _made(one["versions"], one["filter_ms"], one.get("left_out", {})) for one in told
        )
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise SettingsError(
            f"{path} is damaged, so nothing tells on which machine the results beside it were "
            "made: put a copy of it back, remove it if all were made on this one, or name "
            "another --out"
        ) from None


def filter_ms(folder: Path) -> float | None:
    """Return the time of the filter operation where all of the results were made, if known."""
    machines = read(folder)
    return machines[0].filter_ms if len(machines) == 1 else None


def _made(
    versions: Mapping[str, str], milliseconds: float | None, left_out: Mapping[str, str]
) -> Made:
    known = None if milliseconds is None else float(milliseconds)
    if known is not None and not known > 0:
        raise ValueError("a time above 0 is needed")
    return Made(_texts(versions), known, _texts(left_out))


def _texts(told: Mapping[str, str]) -> dict[str, str]:
    return {str(name): str(value) for name, value in told.items()}
