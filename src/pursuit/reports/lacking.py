"""Lines below a table on the sequences that its means lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Lacking(Protocol):
    """A tracker's score that may lack sequences."""

    @property
    def label(self) -> str:
        """What the tracker is called."""

    @property
    def failed(self) -> Mapping[str, str]:
        """The sequences that it could not be run on, and why."""


def mark(each: Sequence[Lacking], left_out: Mapping[str, str], what: str) -> list[str]:
    """Return what a * says, a line; none where no tracker lacks a sequence.

    Args:
        each: the trackers that may have one.
        left_out: sequences that none could be run on -> why.
        what: has one, with a space after it; "" where the table tells.
    """
    if any(one.failed.keys() - left_out for one in each):
        return [f"* {what}of the sequences that it ran on: not to be compared with the others"]
    if each and left_out:
        return [f"* {what}of the sequences that could be run"]
    return []


def failures(each: Sequence[Lacking], left_out: Mapping[str, str]) -> list[str]:
    """Return a line for each sequence that was left out, and each that a tracker failed on."""
    lines = [f"left out: {name}: {why}" for name, why in left_out.items()]
    for one in each:
        own = {name: why for name, why in one.failed.items() if name not in left_out}
        lines += [f"failed: {one.label} on {name}: {why}" for name, why in own.items()]
    return lines
