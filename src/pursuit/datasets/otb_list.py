"""What is known of OTB's 100 sequences (otb.yaml): lists, attributes, where runs may start."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml

from pursuit.errors import SettingsError

Item = TypeVar("Item")

LISTS = ("otb2013", "otb50", "otb100")

_DATA = Path(__file__).with_name("otb.yaml")
_ALIASES = {
    "human4": "human4-2",  # its first target has no labels
    "human42": "human4-2",
    **{
        f"{name}{number}": f"{name}-{number}" for name in ("jogging", "skating2") for number in "12"
    },
}


@dataclass(frozen=True)
class Entry:
    """A sequence of OTB.

    Attributes:
        name: as in the list of the authors' site.
        rows: number of labels in its file.
        lists: those of `LISTS` that it is in.
        attributes: such as OCC, the authors' list.
        pictures: number of the first and the last that trackers are run on, from 1; 0, 0 for all.
        omitted: ranges of rows, first and last, from 1, that no run of TRE starts in.
    """

    name: str
    rows: int
    lists: tuple[str, ...]
    attributes: tuple[str, ...]
    pictures: tuple[int, int]
    omitted: tuple[tuple[int, int], ...]

    @property
    def run_rows(self) -> int:
        """Number of rows that the toolbox runs trackers on: fewer than `rows` in Tiger1."""
        first, last = self.pictures
        return last - first + 1 if last else self.rows


def key(name: str) -> str:
    """Return how a sequence is looked up: Jogging.1, jogging_1 and Jogging-1 are the same."""
    plain = re.sub(r"[\s._-]+", "-", name.strip()).lower()
    return _ALIASES.get(plain, plain)


def keys(video: str) -> list[str]:
    """Return how all sequences of a video are looked up: OTB's list knows those of its targets."""
    at = key(video)
    return [one for one in entries() if at in (one, one.rpartition("-")[0])] or [at]


@cache
def entries() -> MappingProxyType[str, Entry]:
    """Return key -> sequence, for all of OTB-100."""
    content: dict[str, dict[str, Any]] = yaml.safe_load(_DATA.read_text(encoding="utf-8"))
    return MappingProxyType(
        {
            key(name): Entry(
                name=name,
                rows=values["rows"],
                lists=tuple(values["lists"]),
                attributes=tuple(values["attributes"]),
                pictures=tuple(values.get("pictures", (0, 0))),
                omitted=tuple((first, last) for first, last in values.get("omit", ())),
            )
            for name, values in content.items()
        }
    )


def listed(known: Mapping[str, Item], name: str | None, whose: str) -> dict[str, Item]:
    """Return what is known of the sequences of one of OTB's lists, by key; of all without one.

    Args:
        known: key of a sequence -> what is known of it.
        name: one of `LISTS`, or None.
        whose: what the error calls that.

    Raises:
        SettingsError: some of the list are not known.
    """
    if name is None:
        return dict(known)
    wanted = {at: one.name for at, one in entries().items() if name in one.lists}
    lacking = [one for at, one in wanted.items() if at not in known]
    if lacking:
        raise SettingsError(
            f"{whose} lacks {len(lacking)} of the {len(wanted)} sequences of {name}: "
            f"{', '.join(lacking[:5])}{', ...' if len(lacking) > 5 else ''}"
        )
    return {at: known[at] for at in wanted}
