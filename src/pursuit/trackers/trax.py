"""A tracker as a TraX server: VOT's toolkits start it as a program and tell it frame by frame.

TraX is the protocol of VOT's toolkits (https://trax.readthedocs.io): text on standard input and
output, spoken here by the vot-trax package. Boxes are counted from 0, as ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as bx
from pursuit.datasets.reading import read_picture
from pursuit.errors import BoxError, FrameError, MissingExtra, PursuitError, WorkerError
from pursuit.frames import Frame, as_frame
from pursuit.trackers.base import Tracker


def serve(tracker: Tracker) -> None:
    """Follow what a TraX client shows, until it says quit.

    Each answer is the box in that frame, with the score as the property `confidence`.

    Raises:
        MissingExtra: vot-trax is not installed.
        PursuitError: as the tracker raises it, of a frame or a region; the client is told.
        WorkerError: the client is gone without a word, or does not speak TraX.
    """
    trax = _trax()
    regions = [trax.Region.RECTANGLE, trax.Region.POLYGON, trax.Region.MASK]
    images = [trax.Image.PATH, trax.Image.MEMORY, trax.Image.BUFFER]
    try:
        server = trax.Server(regions, images, tracker_name=tracker.name, tracker_family="pursuit")
        while (request := server.wait()).type != trax.TraxStatus.QUIT:
            try:
                box, score = _answer(tracker, request)
            except PursuitError as error:
                server.quit(str(error))
                raise
            region = trax.Rectangle.create(*(float(value) for value in box))
            server.status([(region, {"confidence": f"{score:.6f}"})])
    except trax.TraxException as error:
        raise WorkerError(
            f"the TraX client is gone: {error}; let VOT's toolkit start this"
        ) from None


def start_box(region: Any) -> NDArray[np.float64]:
    """Return the box (4,) around a region of vot-trax: a rectangle, a polygon or a mask.

    Raises:
        BoxError: it is none of these, or a mask without a pixel.
    """
    trax = _trax()
    if region.type == trax.Region.RECTANGLE:
        return np.array(region.bounds(), dtype=np.float64)
    if region.type == trax.Region.POLYGON:
        return bx.around(np.array(list(region), dtype=np.float64))
    if region.type != trax.Region.MASK:
        raise BoxError(f"cannot start with a region of the kind {region.type!r}")
    y, x = np.nonzero(region.array())
    if not len(x):
        raise BoxError("cannot start with a mask without a pixel")
    left, top = region.offset()
    return np.array([left + x.min(), top + y.min(), np.ptp(x) + 1, np.ptp(y) + 1], dtype=np.float64)


def frame_of(image: Any) -> Frame:
    """Return the frame (H, W, 3) of an image of vot-trax: a path, pixels, or an encoded picture.

    Raises:
        DataError: a path leads to no picture.
        FrameError: the pixels or the encoded picture cannot be read.
    """
    trax = _trax()
    if image.type() == trax.Image.PATH:
        return read_picture(Path(image.path()))
    if image.type() == trax.Image.MEMORY:
        return as_frame(image.array())
    data = np.frombuffer(image.buffer(), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if picture is None:
        raise FrameError("what the TraX client sent is not a picture")
    return as_frame(picture, "bgr")


def _answer(tracker: Tracker, request: Any) -> tuple[NDArray[np.float64], float]:
    """Return the box (4,) and the score of the frame that a client shows."""
    frame = frame_of(request.image["color"])
    if request.type == "frame":
        result = tracker.update(frame)
    else:
        (told,) = request.objects  # more only if we had said that we take more
        # A box around a polygon may stick out of the frame, and be larger.
        inside = bx.clip(start_box(told[0]), frame.shape[1], frame.shape[0])
        result = tracker.init(frame, inside)
    box, score, _, _ = result.rows()
    return box[0], float(score[0])


def _trax() -> Any:
    try:
        import trax
    except ImportError:
        raise MissingExtra("vot-trax", "vot") from None
    return trax
