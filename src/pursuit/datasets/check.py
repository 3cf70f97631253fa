"""What is wrong with a data set, and what of it can be used."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as bx
from pursuit.datasets import layouts
from pursuit.datasets.base import LabelledImage, Sequence
from pursuit.datasets.faults import NAN, SMALL, box_faults
from pursuit.datasets.reading import Findings, plural, shown_numbers
from pursuit.datasets.video_with_boxes import count_frames
from pursuit.errors import DataError, PursuitError
from pursuit.frames import Frame
from pursuit.video import VideoWarning

FILLING = 0.66  # of a picture's width or height, GOTURN's limit


@dataclass
class Report:
    """What `check` found.

    Attributes:
        root: the data set.
        layout: name of its layout.
        kind: "videos" or "stills".
        videos: videos or pictures that can be read.
        objects: sequences of the videos; boxes of stills.
        frames: frames that can be read.
        boxes: boxes that are labelled.
        faults: how many of them cannot serve, by reason.
        labelled_once: objects of videos with a single box that serves: no pair to learn from.
        filling: boxes that serve, of stills, wider or higher than `FILLING` of the picture:
            a crop has no room to move in, so GOTURN learns from none of them.
        frame_sizes: how many videos or pictures have each size, as WIDTHxHEIGHT.
        sides: sqrt(w * h) in pixels of the boxes that serve: least, 10 %, median, 90 %, most.
        problems: all that is wrong, a line each.
    """

    root: str
    layout: str
    kind: str
    videos: int = 0
    objects: int = 0
    frames: int = 0
    boxes: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    labelled_once: int = 0
    filling: int = 0
    frame_sizes: Counter[str] = field(default_factory=Counter)
    sides: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def usable(self) -> int:
        """How many boxes can serve."""
        return self.boxes - self.faults.total()

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**vars(self), "usable": self.usable}


# Called with the videos or pictures that are looked through and those there are.
Progress = Callable[[int, int], None]


def check(
    root: Path | str,
    layout: str | None = None,
    *,
    decode: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Look through a data set of videos or stills.

    Args:
        root: folder of the data set, or the .json of COCO.
        layout: its layout; None finds it by looking.
        decode: read every frame; otherwise the first of each video, and of the others
            only that they are there.
        progress: called after each video or picture.

    Raises:
        DataError: it is not a data set that we know.
    """
    root = Path(root)
    every: dict[str, layouts.Layout[Any]] = {**layouts.VIDEOS, **layouts.STILLS}
    name = layouts.find_layout(root, every, layout, "videos or stills")
    findings = Findings(strict=False)
    if name in layouts.VIDEOS:
        report = Report(str(root), name, "videos")
        sequences = layouts.VIDEOS[name].read(root, findings)
        sides = _check_videos(sequences, report, findings, decode, progress)
    else:
        report = Report(str(root), name, "stills")
        pictures = layouts.STILLS[name].read(root, findings)
        sides = _check_stills(pictures, report, findings, progress)
    if sides and len(known := np.concatenate(sides)):
        report.sides = np.percentile(known, [0, 10, 50, 90, 100]).round(1).tolist()
    report.problems = findings.lines
    return report


def _check_videos(
    sequences: list[Sequence],
    report: Report,
    findings: Findings,
    decode: bool,
    progress: Progress | None,
) -> list[NDArray[np.float64]]:
    """Fill a report in; return the sides of the boxes that serve."""
    by_video: dict[str, list[Sequence]] = {}
    for sequence in sequences:
        by_video.setdefault(sequence.video, []).append(sequence)
    sides = []
    for done, mine in enumerate(by_video.values(), start=1):
        size, frames = _look(mine[0], findings, decode)
        if size is not None:
            report.videos += 1
            report.frames += frames
            report.frame_sizes[f"{size[0]}x{size[1]}"] += 1
            for sequence in mine:
                report.objects += 1
                serve = _check_boxes(sequence.boxes, size, sequence.name, report, findings)
                report.labelled_once += len(serve) == 1
                sides.append(_sides(serve))
        if progress:
            progress(done, len(by_video))
    return sides


def _look(
    sequence: Sequence, findings: Findings, decode: bool
) -> tuple[tuple[int, int] | None, int]:
    """Return width and height of a video, None if it cannot be read, and its frames."""
    frames = sequence.frames()
    size, count = None, 0
    try:
        for frame in _watched(frames, findings):
            count += 1
            if size is None:
                size = (frame.shape[1], frame.shape[0])
            elif size != (frame.shape[1], frame.shape[0]):
                findings.wrong(f"{sequence.path}: frame {count - 1} has another size")
            if not decode:
                break
        if not decode:
            count = _count(sequence, findings)
    except (PursuitError, OSError) as error:
        findings.wrong(str(error))
    finally:
        _close(frames)
    if size is None:
        findings.wrong(f"{sequence.path}: no frame can be read")
    elif count != len(sequence):
        findings.wrong(f"{sequence.path}: {plural(count, 'frame')}, {len(sequence)} expected")
    return size, count


def _count(sequence: Sequence, findings: Findings) -> int:
    """Return how many frames are there, without decoding them."""
    path = sequence.path
    if path is None:
        return len(sequence)
    if path.is_file():
        return count_frames(path, read_all=True)
    empty = [file.name for file in path.iterdir() if file.is_file() and not file.stat().st_size]
    if empty:
        findings.wrong(f"{path}: {plural(len(empty), 'file')} without content: {empty[0]}")
    return len(sequence)


def _watched(frames: Iterator[Frame], findings: Findings) -> Iterator[Frame]:
    """Yield the frames of a video; warnings on the way are findings."""
    while True:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", VideoWarning)
            frame = next(frames, None)
        for warning in caught:
            findings.wrong(str(warning.message))
        if frame is None:
            return
        yield frame


def _close(frames: Iterator[Frame]) -> None:
    """Let go of a video that was not read to its end."""
    close = getattr(frames, "close", None)
    if close is not None:
        close()


def _check_stills(
    pictures: list[LabelledImage],
    report: Report,
    findings: Findings,
    progress: Progress | None,
) -> list[NDArray[np.float64]]:
    """Fill a report in; return the sides of the boxes that serve."""
    sides = []
    for done, picture in enumerate(pictures, start=1):
        try:
            frame = picture.frame()
        except DataError as error:
            findings.wrong(str(error))
        else:
            size = (frame.shape[1], frame.shape[0])
            report.videos += 1
            report.frames += 1
            report.frame_sizes[f"{size[0]}x{size[1]}"] += 1
            report.objects += len(picture.boxes)
            serve = _check_boxes(picture.boxes, size, picture.name, report, findings)
            report.filling += int(bx.fills(serve, np.array(size), FILLING).sum())
            sides.append(_sides(serve))
        if progress:
            progress(done, len(pictures))
    return sides


def _check_boxes(
    boxes: NDArray[np.float64], size: tuple[int, int], name: str, report: Report, findings: Findings
) -> NDArray[np.float64]:
    """Add the boxes (N, 4) of one object or picture to a report; return those (M, 4) that serve."""
    faults = box_faults(boxes, *size)
    # Of a video, NaN says that the frame has no label.
    labelled = faults != NAN
    report.boxes += int(labelled.sum())
    for fault in sorted(set(faults[labelled].tolist()) - {""}):
        numbers = np.flatnonzero(faults == fault).tolist()
        report.faults[fault] += len(numbers)
        if fault != SMALL:  # small boxes are right, they only do not serve
            what = "frame" if report.kind == "videos" else "number"
            boxes_ = plural(len(numbers), "box")
            findings.wrong(f"{name}: {boxes_} {fault}: {what} {shown_numbers(numbers)}")
    return boxes[faults == ""]


def _sides(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(boxes[:, 2:].prod(axis=1)))
