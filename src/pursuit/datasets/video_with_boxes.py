"""Our layout of videos: NAME.mp4 beside NAME.csv with the columns frame,object,x,y,w,h.

Frames count from 0, boxes are pixels of the decoded frame, 0-based. More columns are left
alone. A frame without a row for an object has no label for it. What stands before `--` in
NAME is the data set that the video comes from.
"""

from __future__ import annotations

import csv
import math
from functools import partial
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from pursuit.datasets.base import Sequence
from pursuit.datasets.reading import Findings, box_of, note_nan, numbered, plural, read_text, shown
from pursuit.video import decode_frames

LOOKS_FOR = "NAME.mp4 beside NAME.csv"
COLUMNS = ("frame", "object", "x", "y", "w", "h")

Rows = dict[str, dict[int, list[float]]]


def fits(root: Path) -> bool:
    """Return whether a folder holds a video with its labels."""
    return any(path.with_suffix(".mp4").is_file() for path in root.glob("*.csv"))


def read(root: Path, findings: Findings) -> list[Sequence]:
    """Return the sequences of a folder, by name, `NAME-OBJECT` where a video has several."""
    names = {path.stem for path in root.glob("*.mp4")} | {path.stem for path in root.glob("*.csv")}
    found = []
    for name in sorted(names):
        # Not with_suffix: names may hold dots.
        video, labels = root / f"{name}.mp4", root / f"{name}.csv"
        mine = findings.about(name)
        if not labels.is_file():
            mine.note(f"{video}: no labels, {labels.name} is missing beside it")
        elif not video.is_file():
            mine.wrong(f"{labels}: {video.name} is missing beside it")
        else:
            found += _video(video, labels, mine)
    return found


def _video(video: Path, labels: Path, findings: Findings) -> list[Sequence]:
    rows = _rows(labels, findings)
    if not rows:
        return []
    try:
        length = count_frames(video)
    except (OSError, av.FFmpegError) as error:
        findings.wrong(f"{video}: not a video that can be read ({error.strerror})")
        return []
    if length == 0:
        findings.wrong(f"{video}: no video stream with frames in it")
        return []
    source, dashes, _ = video.stem.partition("--")
    found = []
    for key in sorted(rows, key=numbered):
        name = video.stem if len(rows) == 1 else f"{video.stem}-{key}"
        boxes = _boxes(rows[key], length, f"{labels}: object {key}", findings)
        found.append(
            Sequence(
                name=name,
                video=video.stem,
                boxes=boxes,
                open_frames=partial(decode_frames, video),
                source=source if dashes else video.parent.name,
                path=video,
            )
        )
    return found


def _boxes(
    rows: dict[int, list[float]], length: int, place: str, findings: Findings
) -> NDArray[np.float64]:
    boxes = np.full((length, 4), math.nan)
    beyond = [frame for frame in rows if frame >= length]
    if beyond:
        count = plural(len(beyond), "box")
        last = max(beyond)
        findings.wrong(f"{place}: {count} beyond the video's {length} frames, up to frame {last}")
    for frame, box in rows.items():
        if frame < length:
            boxes[frame] = box
    return boxes


def _rows(path: Path, findings: Findings) -> Rows:
    """Return object -> frame -> box of a file of labels."""
    text = read_text(path, findings)
    if text is None:
        return {}
    reader = csv.reader(text.splitlines())
    header = [name.strip().lower() for name in next(reader, [])]
    if not set(COLUMNS) <= set(header):
        findings.wrong(f"{path}: the first line must name the columns {','.join(COLUMNS)}")
        return {}
    at = [header.index(name) for name in COLUMNS]
    rows: Rows = {}
    without: list[int] = []
    for fields in reader:
        if not fields:
            continue
        place = f"{path}:{reader.line_num}"
        if len(fields) <= max(at):
            findings.wrong(f"{place}: {len(fields)} columns where the header has {len(header)}")
            continue
        frame, key, *numbers = (fields[index].strip() for index in at)
        if not frame.isdecimal():
            findings.wrong(f"{place}: a frame number counts from 0; got {shown(frame)}")
            continue
        of_object = rows.setdefault(key, {})
        if int(frame) in of_object:
            findings.wrong(f"{place}: object {key} has two boxes in frame {frame}")
            continue
        box = box_of(numbers, place, findings)
        if box is None:
            continue
        of_object[int(frame)] = box
        if any(math.isnan(value) for value in box):
            without.append(reader.line_num)
    note_nan(without, path, findings)
    if not rows:
        findings.wrong(f"{path}: no boxes in it")
    return rows


def count_frames(path: Path, *, read_all: bool = False) -> int:
    """Return the number of frames of a video, from its header where that says it.

    Args:
        path: the video.
        read_all: count the packets that are really there; nothing is decoded.
    """
    with av.open(str(path)) as container:
        if not container.streams.video:
            return 0
        stream = container.streams.video[0]
        if stream.frames and not read_all:
            return int(stream.frames)
        return sum(1 for packet in container.demux(stream) if packet.size)
