"""Measures of a tracker and its pace beside them: what a protocol's own score is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pursuit.measures.speed import Speed


class Named(Protocol):
    """Measures that tell whose they are, and what they lack."""

    @property
    def label(self) -> str:
        """What the tracker is called."""

    @property
    def failed(self) -> Mapping[str, str]:
        """The sequences that it could not be run on, and why."""


S = TypeVar("S", bound=Named)


@dataclass(frozen=True)
class Timed(Generic[S]):
    """How a tracker did on a data set.

    Attributes:
        score: its measures.
        speed: the pace over all updates, None where there were none.
    """

    score: S
    speed: Speed | None

    @property
    def label(self) -> str:
        """What the tracker is called."""
        return self.score.label

    @property
    def failed(self) -> Mapping[str, str]:
        """The sequences that it could not be run on, and why."""
        return self.score.failed
