"""What is known of results of one kind on a page, whichever it is: OTB's, VOT's or GOT-10k's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, Protocol, TypeVar


class Judged(Protocol):
    """A tracker's score."""

    @property
    def label(self) -> str:
        """What the tracker is called."""

    @property
    def wrong(self) -> Sequence[str]:
        """What its means lack and why, a line each."""


T_co = TypeVar("T_co", bound=Judged, covariant=True)


@dataclass(frozen=True, kw_only=True)
class KindScores(ABC, Generic[T_co]):
    """Trackers by their results of one kind.

    Attributes:
        kind: what it is called.
        trackers: the best first.
        sequences: those with labels that a tracker has a result on, right or wrong.
        unrun: those that no tracker has a result on.
        left_out: those that no result is compared on -> why.
        folders: tracker -> its folder on disk, where it has one.
        notes: what must be said beside, a line each.
    """

    kind: ClassVar[str]
    trackers: tuple[T_co, ...]
    sequences: tuple[str, ...]
    unrun: tuple[str, ...]
    left_out: Mapping[str, str]
    folders: Mapping[str, Path]
    notes: tuple[str, ...]

    @property
    @abstractmethod
    def has_scores(self) -> bool:
        """Whether a tracker has a right result on a sequence."""

    @property
    def wrong(self) -> list[str]:
        """What the trackers' means lack and why, a line each."""
        return [line for one in self.trackers for line in one.wrong]
