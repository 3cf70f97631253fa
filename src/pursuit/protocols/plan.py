"""What a protocol is: a short file of plans/, and how it is read."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=-1, le=1)]
Amount = Annotated[float, Field(ge=0, lt=1)]

_PLANS = Path(__file__).with_name("plans")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Spread(_Section):
    """Starts spread evenly over a sequence.

    Attributes:
        starts: how many.
        shortest: frames that the last of them leaves.
    """

    starts: Count
    shortest: Count


class Shift(_Section):
    """Another first box: moved, with one corner moved, or with other sides; one of the three.

    Attributes:
        move: to the right and down, in widths and heights of the box.
        corner: the corner on that side moves as far; the opposite one stays.
        scale: of both sides, about the middle.
    """

    move: tuple[Share, Share] | None = None
    corner: tuple[Share, Share] | None = None
    scale: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if [self.move, self.corner, self.scale].count(None) != 2:
            raise ValueError("a shift is one of move, corner and scale")
        return self


class Noise(_Section):
    """How far a start may be off at most; each amount is drawn evenly from both sides.

    Attributes:
        move: of the middle, in widths and heights.
        scale: of each side, as a share of it.
        rotation: radians.
    """

    move: Amount
    scale: Amount
    rotation: Amount


class Plan(_Section):
    """A protocol: what is run.

    Attributes:
        benchmark: whose rules and layout of results.
        folder: where results lie in a tracker's folder; "" for the folder itself.
        repetitions: how often a tracker is run on each sequence.
        enough: so many that are equal stand for all.
        once_if_deterministic: a tracker that is known to do the same each time runs once.
        restart: frames from a failure to the next start; None: it is never started again.
        spread: it starts in several frames.
        shifts: it starts with several boxes.
        noise: what is added to the boxes that it starts with.
        seed: decides what is left to chance, with the sequence and the number of the run.
    """

    benchmark: Literal["otb", "vot", "got10k"]
    folder: str = ""
    repetitions: Count = 1
    enough: Count | None = None
    once_if_deterministic: bool = False
    restart: Count | None = None
    spread: Spread | None = None
    shifts: tuple[Shift, ...] = ()
    noise: Noise | None = None
    seed: int = 0

    @property
    def runs(self) -> int:
        """Number of runs on a sequence, when none is left out."""
        if self.spread is not None:
            return self.spread.starts
        return len(self.shifts) or self.repetitions


@cache
def plan(name: str) -> Plan:
    """Return the protocol of plans/NAME.yaml."""
    text = (_PLANS / f"{name}.yaml").read_text(encoding="utf-8")
    return Plan.model_validate(yaml.safe_load(text))


def seed_of(*parts: object) -> int:
    """Return a seed (32 bits) that parts decide, the same in all processes."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4], "big")


def generator(*parts: object) -> np.random.Generator:
    """Return a generator of random numbers that parts decide, the same in all processes."""
    return np.random.default_rng(seed_of(*parts))
