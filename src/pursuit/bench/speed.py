"""The speed of trackers on the same frames, in turn (A B A B)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import ArrayLike

from pursuit import boxes as box_arithmetic
from pursuit import datasets, video
from pursuit.bench import demo
from pursuit.bench.contenders import Contender
from pursuit.bench.stages import STAGES, Clock
from pursuit.boxes import Array
from pursuit.errors import VideoError
from pursuit.frames import Frame
from pursuit.measures.speed import Speed, speed
from pursuit.trackers.base import State

TARGETS = (1, 8, 32)
ROUNDS = 3
SECONDS = 1.0  # of a turn, in which at least one update is made
FRAMES = 60

_MEMORY = 2**30  # bytes of frames that are held at most


@dataclass(frozen=True)
class Clip:
    """Frames in memory and a target in the first.

    Attributes:
        name: where they come from.
        frames: two or more.
        box: (4,), inside the first frame.
        decode_ms: mean time to decode a frame, milliseconds.
    """

    name: str
    frames: Sequence[Frame]
    box: Array
    decode_ms: float


@dataclass(frozen=True)
class Timing:
    """How long updates of a tracker took.

    Attributes:
        tracker, runtime: which, as in `Contender`.
        targets: how many were followed at once.
        milliseconds: (U,) of each update.
        stages: (U, 4) milliseconds of each of `STAGES`; None of a peer.
        rounds: median milliseconds of an update in each round.
        decode_ms: of the clip.
        lost: share of the answers that were LOST; some peers then do less.
    """

    tracker: str
    runtime: str
    targets: int
    milliseconds: Array
    stages: Array | None
    rounds: tuple[float, ...]
    decode_ms: float
    lost: float = 0.0

    @property
    def pace(self) -> Speed:
        """Frames a second at the median, and the 95th percentile."""
        pace = speed(self.milliseconds, np.array([self.decode_ms]))
        assert pace is not None  # a turn has an update
        return pace

    @property
    def median_ms(self) -> float:
        """Median time of an update, milliseconds."""
        return float(np.median(self.milliseconds))

    @property
    def stage_ms(self) -> dict[str, float]:
        """Median milliseconds of each stage, and of the `rest`; empty of a peer."""
        if self.stages is None:
            return {}
        parts = dict(zip(STAGES, np.median(self.stages, axis=0).tolist(), strict=True))
        return parts | {"rest": float(np.median(self.milliseconds - self.stages.sum(axis=1)))}

    @property
    def unrest(self) -> float:
        """How much longer the slowest round was than the quickest, as a share of it."""
        return max(self.rounds) / min(self.rounds) - 1


def times(one: Timing, other: Timing) -> float:
    """Return how many times as long updates of one took: the median of the rounds' ratios."""
    ratios = [mine / its for mine, its in zip(one.rounds, other.rounds, strict=True)]
    return float(np.median(ratios))


def read_clip(source: str | Path | None = None, box: ArrayLike | None = None) -> Clip:
    """Return the first frames of a video; None is the clip that comes with pursuit.

    Args:
        source: as `video.read` takes it.
        box: (4,) in the first frame; may be None for the clip that comes with pursuit.

    Raises:
        VideoError: the video cannot be read, or has one frame.
        BoxError: no box that a target in it can have.
    """
    if source is None:
        source = demo.clip()
    if box is None:
        (sequence,) = datasets.open_videos(demo.clip().parent)
        box = sequence.boxes[0]
    frames: list[Frame] = []
    with video.read(source, max_frames=FRAMES) as reader:
        where = box_arithmetic.start_boxes(box, reader.width, reader.height)
        for _, frame in reader:
            frames.append(frame)
            if len(frames) > 1 and frame.nbytes * len(frames) >= _MEMORY:
                break
        decode = 1000 * reader.seconds / len(frames)
    if len(frames) < 2:
        raise VideoError(f"{source} has one frame, and a speed needs two: name a longer clip")
    return Clip(Path(str(source)).name, frames, where, decode)


def spread(box: Array, count: int, width: int, height: int) -> Array:
    """Return boxes (count, 4) of one size, the first the one given, others over the frame."""
    across = int(np.ceil(np.sqrt(count * width / height)))
    down = int(np.ceil(count / across))
    y, x = np.mgrid[:down, :across].reshape(2, -1)[:, :count] + 0.5
    centre = np.stack([x * width / across, y * height / down], axis=1)
    left_top = np.clip(centre - box[2:] / 2, 0, np.array([width, height]) - box[2:])
    boxes = np.concatenate([left_top, np.tile(box[2:], (count, 1))], axis=1)
    boxes[0] = box
    return boxes


def measure(
    contenders: Sequence[Contender],
    clip: Clip,
    *,
    targets: Sequence[int] = TARGETS,
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
    tell: Callable[[int, int], None] = lambda *_: None,
) -> list[Timing]:
    """Return the timings of contenders, for each number of targets, in that order.

    Each is warmed up first. Then they have turns on the same frames, one after the other, so
    that what slows the machine for a while slows all of them. OpenCV has as many threads as
    PyTorch.

    Args:
        contenders: which.
        clip: on what.
        targets: numbers of targets.
        rounds: how many turns each has.
        seconds: how long a turn is.
        tell: called with the turns done and the turns there are.

    Raises:
        BoxError: a peer cannot start with so small a box.
    """
    clock = Clock()
    with _threads_of_torch(), clock.watching():
        runs = [_Run(one, number, clip, clock) for number in targets for one in contenders]
        total = len(runs) * (rounds + 1)
        for done, run in enumerate(runs):
            tell(done, total)
            run.warm_up()
        done = len(runs)
        for number in targets:  # what is compared stands close together in time
            for _ in range(rounds):
                for run in runs:
                    if run.number == number:
                        tell(done, total)
                        run.turn(seconds)
                        done += 1
        tell(total, total)
    return [run.timing() for run in runs]


@dataclass
class _Run:
    """A tracker that follows so many targets through the clip, again and again."""

    contender: Contender
    number: int
    clip: Clip
    clock: Clock
    _next: int = 0
    _totals: list[list[float]] = field(default_factory=list)
    _stages: list[list[float]] = field(default_factory=list)
    _lost: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tracker = self.clock.watched(self.contender.tracker)
        height, width = self.clip.frames[0].shape[:2]
        boxes = spread(self.clip.box, self.number, width, height)
        self._boxes = boxes[0] if self.number == 1 else boxes

    def warm_up(self) -> None:
        """Start, and do what the first updates alone have to do."""
        for _ in range(min(2, len(self.clip.frames) - 1)):
            self._update()

    def turn(self, seconds: float) -> None:
        """Time updates until they took so long, but no more than the clip has."""
        totals: list[float] = []
        while len(totals) < len(self.clip.frames) - 1 and sum(totals) < 1000 * seconds:
            totals.append(self._update())
            self._stages.append([1000 * value for value in self.clock.seconds.values()])
        self._totals.append(totals)

    def timing(self) -> Timing:
        """Return what was measured."""
        ours = self.contender.is_ours
        return Timing(
            self.contender.name,
            self.contender.runtime,
            self.number,
            np.concatenate(self._totals),
            np.array(self._stages) if ours else None,
            tuple(float(np.median(totals)) for totals in self._totals),
            self.clip.decode_ms,
            float(np.mean(self._lost)),
        )

    def _update(self) -> float:
        """Return the milliseconds of the next update; at the clip's end it starts anew."""
        if self._next % len(self.clip.frames) == 0:
            self._tracker.init(self.clip.frames[0], self._boxes)
            self._next = 1
        frame = self.clip.frames[self._next]
        self._next += 1
        self.clock.restart()
        started = time.perf_counter()
        result = self._tracker.update(frame)
        milliseconds = 1000 * (time.perf_counter() - started)
        self._lost.append(float((result.rows()[2] == State.LOST).mean()))
        return milliseconds


@contextmanager
def _threads_of_torch() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(torch.get_num_threads())
    try:
        yield
    finally:
        cv2.setNumThreads(before)
