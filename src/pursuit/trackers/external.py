"""A tracker that is a program on the other side of a pipe, in any language.

It is sent a line for each frame on its standard input, and answers each with a line on its
standard output:

    init X Y W H PATH    start anew with this box in the picture PATH
    frame PATH           the next picture

    X Y W H [SCORE]      where the target is; the answer to `init` too

Pictures are PPM files (P6: RGB, 8 bits), gone when the program has answered. Boxes are pixels;
the frame's top left corner is 0, 0. A box that is not finite or has no area says that the target
is lost. What the program prints on its standard error is kept, and its end shown when it fails.

A program runs on from one sequence to the next. One that prints anything else, gives no answer
in time or ends is ended with all that it started, and the next `init` starts it anew. N targets
are N programs.
"""

from __future__ import annotations

import math
import os
import shlex
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pursuit.boxes import start_boxes
from pursuit.errors import ProgramError, PursuitError, SettingsError
from pursuit.frames import Colour, Frame, as_frame
from pursuit.trackers.base import Result, State
from pursuit.trackers.program import Guard, Program, shown

EXTERNAL = "external"

FRAME_SECONDS = 60.0  # for an answer
START_SECONDS = 120.0  # for the first one: starting may take longer


def command_of(name: str) -> str | None:
    """Return the command of external:COMMAND, None of the name of another tracker."""
    kind, colon, command = name.partition(":")
    return command.strip() if kind == EXTERNAL and colon else None


def words_of(command: str) -> list[str]:
    """Return the words of a command, split as a shell does.

    Raises:
        SettingsError: there are none, or the first is not a program that can be found.
    """
    try:
        words = shlex.split(command, posix=os.name == "posix")
    except ValueError as error:
        raise SettingsError(f"{EXTERNAL}:{command}: {str(error).lower()} in the command") from None
    if not words:
        raise SettingsError(f"name the program to run: {EXTERNAL}:COMMAND")
    if shutil.which(words[0]) is None:
        raise SettingsError(f"{EXTERNAL}:{command}: there is no program {words[0]!r} to run")
    return words


class ExternalTracker:
    """A program that follows targets; `registry.load("external:COMMAND")` makes it.

    Args:
        command: how to start it, split as a shell does; run in the current folder.
        limit: seconds that it may take for a frame. Its first answer may take longer.

    Raises:
        SettingsError: there is no such program.
    """

    def __init__(self, command: str, *, limit: float = FRAME_SECONDS) -> None:
        self.name = f"{EXTERNAL}:{command}"
        self._words = words_of(command)
        self._limit = limit
        self._guard: Guard | None = None  # of the pictures' folder; there while programs are
        self._programs: list[Program] = []
        self._boxes: NDArray[np.float64] = np.empty((0, 4))
        self._count = 0  # frames so far
        self._single = True

    def init(self, frame: object, box: ArrayLike, *, colour: Colour = "rgb") -> Result:
        """Start anew on this frame; the result holds the boxes given, clipped to it.

        Raises:
            FrameError: not a frame.
            BoxError: not a box.
            ProgramError: the program cannot be started, or fails.
        """
        start = time.perf_counter()
        image = as_frame(frame, colour)
        height, width = image.shape[:2]
        boxes = start_boxes(box, width, height)
        self._single = boxes.ndim == 1
        self._boxes = boxes.reshape(-1, 4)
        count = len(self._boxes)
        limit = self._limit
        if len(self._programs) != count:
            self._start(count)
            limit = max(limit, START_SECONDS)
        rows = [" ".join(f"{value:.10g}" for value in row) for row in self._boxes]
        self._ask(image, [f"init {row}" for row in rows], limit)
        return self._result(np.ones(count), np.full(count, State.TRACKED), start)

    def update(self, frame: object, *, colour: Colour = "rgb") -> Result:
        """Return where the targets are in the next frame.

        Raises:
            FrameError: not a frame.
            ProgramError: the program fails.
            PursuitError: before `init`.
        """
        start = time.perf_counter()
        if not self._programs:
            raise PursuitError(f"{self.name} follows nothing yet: call init(frame, box) first")
        image = as_frame(frame, colour)
        found = self._ask(image, ["frame"] * len(self._programs), self._limit)
        boxes, scores = found[:, :4], found[:, 4]
        seen = np.all(np.isfinite(boxes), axis=1) & np.all(boxes[:, 2:] > 0, axis=1)
        self._boxes = np.where(np.expand_dims(seen, 1), boxes, self._boxes)
        states = np.where(seen, State.TRACKED, State.LOST)
        return self._result(np.where(seen, scores, 0.0), states, start)

    def close(self) -> None:
        """End the programs; `init` starts them anew."""
        for program in self._programs:
            program.close()
        self._programs = []
        if self._guard is not None:
            self._guard.close()
        self._guard = None

    def _start(self, count: int) -> None:
        self.close()
        try:
            place = tempfile.gettempdir()
            if len(place.split()) > 1:
                raise SettingsError(f"the folder {place} has a space in its name: set TMPDIR")
            self._guard = Guard()
            for _ in range(count):
                self._programs.append(Program(self._words, self._guard))
        except ProgramError as error:
            self.close()
            raise ProgramError(f"{self.name} {error}") from None
        except OSError as error:
            self.close()
            raise PursuitError(f"{self.name}: {error}") from None

    def _ask(self, image: Frame, requests: list[str], limit: float) -> NDArray[np.float64]:
        """Return what each program answers to its request: (N, 5) box and score."""
        assert self._guard is not None  # there are programs
        path = self._guard.folder / f"{self._count:06d}.ppm"
        self._count += 1
        try:
            write_ppm(path, image)
            for program, request in zip(self._programs, requests, strict=True):
                program.send(f"{request} {path}")
            return np.array([_numbers(program.answer(limit)) for program in self._programs])
        except OSError as error:
            self.close()
            reason = error.strerror or error
            raise PursuitError(f"{self.name}: cannot write {path}: {reason}") from None
        except ProgramError as error:
            self.close()
            raise type(error)(f"{self.name} {error}") from None
        finally:
            path.unlink(missing_ok=True)

    def _result(
        self, scores: NDArray[np.float64], states: NDArray[np.int64], start: float
    ) -> Result:
        seconds, ids = time.perf_counter() - start, np.arange(len(scores))
        return Result.of_rows(self._boxes, scores, states, ids, seconds, single=self._single)


def write_ppm(path: Path, image: Frame) -> None:
    """Write a frame as a PPM file: a line that says so, its size, 255, and its bytes."""
    height, width = image.shape[:2]
    with path.open("wb") as file:
        file.write(b"P6\n%d %d\n255\n" % (width, height))
        file.write(np.ascontiguousarray(image).data)


def _numbers(answer: str) -> list[float]:
    """Return box and score of an answer; without a score it is 1."""
    try:
        numbers = [float(word) for word in answer.split()]
    except ValueError:
        numbers = []
    if len(numbers) not in (4, 5):
        raise ProgramError(f"printed {shown(answer)} where a box X Y W H [SCORE] was awaited")
    box, score = numbers[:4], numbers[4] if len(numbers) == 5 else 1.0
    if not 0 <= score <= 1 and all(map(math.isfinite, box)):
        raise ProgramError(f"printed a score of {score:g}; a score is between 0 and 1")
    return [*box, score]
