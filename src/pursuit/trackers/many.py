"""Following many targets at once: what is the same whatever network follows them."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, Self, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from pursuit import boxes as box_arithmetic
from pursuit.boxes import Array
from pursuit.errors import BoxError, PursuitError
from pursuit.frames import Colour, Frame, as_frame
from pursuit.runtimes.failures import told
from pursuit.trackers.base import Result

LEAST = 2.0  # pixels: no side of a box shrinks below this


@dataclass(frozen=True)
class Targets(ABC):
    """The state of N targets: a row a target, in every field.

    Attributes:
        ids: (N,) numbers given out by the tracker.
        centre: (N, 2) x, y in the frame.
        first: (N, 2) w, h at the start.
        state: (N,) of `State`.
    """

    ids: NDArray[np.int64]
    centre: Array
    first: Array
    state: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    @abstractmethod
    def size(self) -> Array:
        """(N, 2) w, h now."""

    def boxes(self) -> Array:
        """Return the boxes (N, 4) now."""
        return box_arithmetic.from_centres(self.centre, self.size)

    def scaled(self, factor: Array) -> Self:
        """Return the targets in a frame that is (2,) times as wide and high."""
        return replace(self, centre=self.centre * factor, first=self.first * factor)

    def take(self, rows: NDArray[np.int64]) -> Self:
        """Return the targets of these rows."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def put(self, rows: NDArray[np.int64], others: Self) -> Self:
        """Return the targets with others in the place of these rows."""
        changed: dict[str, Any] = {}
        for name in (field.name for field in fields(self)):
            mine = getattr(self, name)
            mine = mine.clone() if isinstance(mine, Tensor) else mine.copy()
            mine[rows] = getattr(others, name)
            changed[name] = mine
        return type(self)(**changed)

    def join(self, other: Self) -> Self:
        """Return these targets and others after them."""
        joined: dict[str, Any] = {}
        for name in (field.name for field in fields(self)):
            mine, others = getattr(self, name), getattr(other, name)
            both = torch.cat if isinstance(mine, Tensor) else np.concatenate
            joined[name] = both([mine, others])
        return type(self)(**joined)


T = TypeVar("T", bound=Targets)


class ManyTargets(ABC, Generic[T]):
    """Keeps N targets, their numbers and their frame's size; a network's tracker moves them.

    `init` with one box (4,) makes results of one target; after `add` results have a row a
    target, and keep it whatever is dropped. When the frame's size changes midway, centres and
    sizes are scaled with it, each axis for itself.
    """

    _looks_every = 1  # the network looks at one of so many frames

    def __init__(self, name: str, device: torch.device) -> None:
        self.name = name
        self._device = device  # of the network
        self._targets: T | None = None
        self._frame_size = (0, 0)  # width, height of the last frame
        self._single = False
        self._next_id = 0

    @abstractmethod
    def _started(self, frame: Frame, where: Array, ids: NDArray[np.int64]) -> T:
        """Return new targets at boxes (N, 4) of a frame, with these numbers (N,)."""

    @abstractmethod
    def _followed(self, frame: Frame, targets: T) -> tuple[T, Array]:
        """Return the targets in the next frame, within bounds, and their scores (N,); N > 0."""

    @abstractmethod
    def _bounded(self, targets: T) -> T:
        """Return targets brought within the bounds that the frame's size sets."""

    @property
    def targets(self) -> T:
        """The state of all targets; read it, do not change it.

        Raises:
            PursuitError: before `init`.
        """
        if self._targets is None:
            raise PursuitError("the tracker has no targets yet: call init(frame, box) first")
        return self._targets

    def warm_up(self) -> None:
        """Follow a target through empty frames, until the network has looked, and forget it.

        A network's first call on a machine takes longer than others; so does nobody's first frame.
        """
        frame = np.full((240, 320, 3), 128, np.uint8)
        self.init(frame, (130.0, 90.0, 60.0, 60.0))
        for _ in range(self._looks_every):
            self.update(frame)
        self._targets, self._frame_size = None, (0, 0)
        self._single, self._next_id = False, 0

    def init(self, frame: object, box: ArrayLike, *, colour: Colour = "rgb") -> Result:
        """Start anew with the targets at a box (4,) or boxes (N, 4); numbers count from 0.

        Boxes are clipped to the frame.

        Raises:
            FrameError: not a frame.
            BoxError: not a box, outside the frame or larger than it.
            EngineError: the network's device has too little memory, or fails.
        """
        started = time.perf_counter()
        picture = as_frame(frame, colour)
        where = _start_boxes(picture, box)
        self._next_id = 0
        self._targets = self._numbered(picture, where)
        self._single = where.ndim == 1
        self._frame_size = (picture.shape[1], picture.shape[0])
        return self._result(np.ones(len(self._targets)), time.perf_counter() - started)

    def add(self, frame: object, boxes: ArrayLike, *, colour: Colour = "rgb") -> NDArray[np.int64]:
        """Follow more targets, from their boxes (4,) or (N, 4) in the frame seen last.

        Returns:
            Their numbers (N,). From now on results have a row a target.

        Raises:
            FrameError, BoxError, EngineError: as `init`.
        """
        before = self.targets
        picture = as_frame(frame, colour)
        where = _start_boxes(picture, boxes)
        self._fit(picture.shape[1], picture.shape[0])
        more = self._numbered(picture, where)
        self._targets = self.targets.join(more) if len(before) else more
        self._single = False
        return more.ids.copy()

    def drop(self, ids: ArrayLike) -> None:
        """Stop following the targets of these numbers; others keep theirs.

        Raises:
            PursuitError: no target has such a number.
        """
        gone = np.atleast_1d(np.asarray(ids))
        unknown = np.setdiff1d(gone, self.targets.ids)
        if len(unknown):
            raise PursuitError(f"there is no target {unknown[0]} to drop")
        self._targets = self.targets.take(np.flatnonzero(~np.isin(self.targets.ids, gone)))
        self._single = False

    def update(self, frame: object, *, colour: Colour = "rgb") -> Result:
        """Return where the targets are in the next frame.

        Raises:
            PursuitError: before `init`.
            FrameError, EngineError: as `init`.
        """
        started = time.perf_counter()
        picture = as_frame(frame, colour)
        score = np.empty(0)
        if len(self.targets):
            self._fit(picture.shape[1], picture.shape[0])
            with self._told(len(self.targets)):
                self._targets, score = self._followed(picture, self.targets)
        return self._result(score, time.perf_counter() - started)

    def _numbered(self, frame: Frame, where: Array) -> T:
        """Return new targets at a box (4,) or boxes (N, 4), with the next numbers."""
        where = where.reshape(-1, 4)
        ids = np.arange(self._next_id, self._next_id + len(where), dtype=np.int64)
        self._next_id += len(where)
        with self._told(len(where)):
            return self._started(frame, where, ids)

    def _told(self, number: int) -> AbstractContextManager[None]:
        """Return a context that says in a line where a device cannot follow so many targets."""
        task = f"to follow {number} target{'s' * (number != 1)}"
        return told(self._device, task, "follow fewer at once")

    def _fit(self, width: int, height: int) -> None:
        """Scale the targets with a frame whose size has changed."""
        if (width, height) == self._frame_size:
            return
        factor = np.array([width, height]) / np.array(self._frame_size)
        self._frame_size = (width, height)
        self._targets = self._bounded(self.targets.scaled(factor))

    def _result(self, score: Array, seconds: float) -> Result:
        targets = self.targets
        return Result.of_rows(
            targets.boxes(), score, targets.state, targets.ids, seconds, single=self._single
        )


def confidence(signal: Array, scale: float, offset: float) -> Array:
    """Return the calibrated confidence in [0, 1] of a network's signal (...): a logistic curve.

    Args:
        signal: what the card of the weights was fitted to, higher where the target is surer.
        scale, offset: `score_scale` and `score_offset` of that card.
    """
    return np.asarray(1 / (1 + np.exp(-np.clip(scale * (signal - offset), -60, 60))))


def _start_boxes(frame: Frame, boxes: ArrayLike) -> Array:
    where = box_arithmetic.start_boxes(boxes, frame.shape[1], frame.shape[0])
    if where.ndim > 2:
        raise BoxError(f"boxes are (4,) or (N, 4); got shape {where.shape}")
    return where
