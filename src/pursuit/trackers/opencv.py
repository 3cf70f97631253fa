"""OpenCV's trackers as peers: the same door as ours, N targets are N of theirs in a loop.

OpenCV's own start takes whole pixels, so start boxes are rounded. Where it says that the
target is lost, or fails inside on a frame (a target that left it), the result is LOST with
the last box; it is asked again on the next frame. They run on OpenCV's threads: as many as
`cv2.setNumThreads` allows, whatever torch has. MIL draws at random, and two runs differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pursuit.boxes import from_xyxy, start_boxes, xyxy
from pursuit.errors import BoxError, PursuitError, SettingsError, WeightsError, nearest
from pursuit.frames import Colour, Frame, as_frame
from pursuit.trackers.base import Result, State

# Where a tracker lives in cv2, and the least side of a box with which it starts: below it
# OpenCV fails (CSRT, MOSSE) or searches for ever (MIL).
_PLAIN: dict[str, tuple[str, int]] = {
    "opencv-csrt": ("TrackerCSRT", 2),
    "opencv-kcf": ("TrackerKCF", 1),
    "opencv-mil": ("TrackerMIL", 5),
    "opencv-mosse": ("legacy.TrackerMOSSE", 2),
    "opencv-medianflow": ("legacy.TrackerMedianFlow", 1),
}
NANO = "opencv-nano"

OPENCV_NAMES = (*_PLAIN, NANO)


def load_opencv(name: str, **paths: Path | str) -> OpenCVTracker:
    """Return one of OpenCV's trackers, ready for `init`.

    Args:
        name: one of `OPENCV_NAMES`.
        paths: the networks of opencv-nano, ONNX files: `backbone` and `head`.

    Raises:
        SettingsError: no such tracker, a path too many or too few, or this OpenCV has none.
        WeightsError: a network cannot be read.
    """
    if name not in OPENCV_NAMES:
        close, known = nearest(name, OPENCV_NAMES), ", ".join(OPENCV_NAMES)
        raise SettingsError(f"no tracker {name!r}{close}; OpenCV's are {known}")
    wanted = ("backbone", "head") if name == NANO else ()
    if set(paths) != set(wanted):
        takes = " and ".join(f"{key}=FILE.onnx" for key in wanted) or "nothing"
        raise SettingsError(f"{name} takes {takes}; got {', '.join(sorted(paths)) or 'nothing'}")
    if name == NANO:
        return OpenCVTracker(name, _nano_maker(Path(paths["backbone"]), Path(paths["head"])), 1)
    place, least = _PLAIN[name]
    return OpenCVTracker(name, _maker(name, place), least)


def draws_at_random(name: str) -> bool:
    """Return whether two runs of one of these trackers differ."""
    return name == "opencv-mil"


class OpenCVTracker:
    """One of OpenCV's trackers; `load_opencv` makes it."""

    def __init__(self, name: str, make: Callable[[], Any], least_side: int) -> None:
        self.name = name
        self._make = make
        self._least_side = least_side
        self._peers: list[Any] = []
        self._boxes: NDArray[np.float64] = np.empty((0, 4))
        self._single = True

    def init(self, frame: object, box: ArrayLike, *, colour: Colour = "rgb") -> Result:
        """Start anew on this frame; the result holds the boxes given, clipped to it.

        Raises:
            FrameError: not a frame.
            BoxError: not a box, or one that OpenCV cannot start with.
        """
        start = time.perf_counter()
        image = _bgr(frame, colour)
        height, width = image.shape[:2]
        boxes = start_boxes(box, width, height)
        self._single = boxes.ndim == 1
        self._boxes = boxes.reshape(-1, 4)
        self._peers = [self._start(image, row) for row in self._boxes]
        count = len(self._peers)
        return self._result(np.ones(count), np.full(count, State.TRACKED), start)

    def update(self, frame: object, *, colour: Colour = "rgb") -> Result:
        """Return where the targets are in the next frame.

        Raises:
            FrameError: not a frame.
            PursuitError: before `init`.
        """
        start = time.perf_counter()
        if not self._peers:
            raise PursuitError(f"{self.name} follows nothing yet: call init(frame, box) first")
        image = _bgr(frame, colour)
        scores = np.zeros(len(self._peers))
        states = np.full(len(self._peers), int(State.LOST))
        boxes = self._boxes.copy()
        for row, peer in enumerate(self._peers):
            found = _find(peer, image)
            if found is not None:
                boxes[row], scores[row] = found
                states[row] = State.TRACKED
        self._boxes = boxes
        return self._result(scores, states, start)

    def _start(self, image: Frame, box: NDArray[np.float64]) -> Any:
        # Edges are rounded, not sizes: the box stays inside the frame.
        x, y, w, h = (int(value) for value in from_xyxy(np.rint(xyxy(box))))
        text = ",".join(f"{value:g}" for value in box)
        if min(w, h) < self._least_side:
            side = self._least_side
            raise BoxError(f"{self.name} needs a target of {side} x {side} pixels; got box {text}")
        peer = self._make()
        try:
            refused = peer.init(image, (x, y, w, h)) is False
        except cv2.error:
            refused = True
        if refused:
            raise BoxError(f"{self.name} cannot start with box {text} in this frame")
        return peer

    def _result(
        self, scores: NDArray[np.float64], states: NDArray[np.int64], start: float
    ) -> Result:
        seconds, ids = time.perf_counter() - start, np.arange(len(scores))
        return Result.of_rows(self._boxes, scores, states, ids, seconds, single=self._single)


def _find(peer: Any, image: Frame) -> tuple[NDArray[np.float64], float] | None:
    """Return the box (4,) and score of OpenCV's tracker in a frame, None where it is lost."""
    try:
        found, box = peer.update(image)
    except cv2.error:
        return None
    values = np.array(box, dtype=np.float64)
    if not found or not np.isfinite(values).all() or (values[2:] <= 0).any():
        return None
    # -1 says that the tracker has no score; the legacy ones lack the question.
    score = float(peer.getTrackingScore()) if hasattr(peer, "getTrackingScore") else -1.0
    return values, min(score, 1.0) if score >= 0 else 1.0


def _bgr(frame: object, colour: Colour) -> Frame:
    """Return a frame as OpenCV wants it: contiguous, BGR."""
    image = as_frame(frame, colour)
    if colour == "bgr":
        return np.ascontiguousarray(image[:, :, ::-1])
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), dtype=np.uint8)


def _maker(name: str, place: str) -> Callable[[], Any]:
    module, _, kind = place.rpartition(".")
    home = getattr(cv2, module, None) if module else cv2
    if not hasattr(home, kind):
        raise SettingsError(
            f"this OpenCV ({cv2.__version__}) lacks {name}: "
            "pip install --force-reinstall opencv-contrib-python-headless"
        )
    make: Callable[[], Any] = getattr(home, kind).create
    return make


def _nano_maker(backbone: Path, head: Path) -> Callable[[], Any]:
    for path in (backbone, head):
        if not path.is_file():
            raise WeightsError(f"cannot read the network {path} of {NANO}: there is no such file")
    parameters = cv2.TrackerNano.Params()
    parameters.backbone, parameters.neckhead = str(backbone), str(head)

    def make() -> Any:
        # OpenCV 5 warns on each network that its new engine knows no targets.
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        try:
            return cv2.TrackerNano.create(parameters)
        except cv2.error:
            raise WeightsError(
                f"OpenCV cannot read {backbone} or {head}: {NANO} wants NanoTrack's ONNX networks"
            ) from None
        finally:
            cv2.utils.logging.setLogLevel(level)

    make()  # an unreadable file shows now, not at the first frame
    return make
