"""Tracks on disk: a tracker's results as CSV, JSON, text, MOTChallenge text or COCO JSON.

| name       | what it holds                                                                  |
|------------|--------------------------------------------------------------------------------|
| .csv       | frame,id,x,y,w,h,score,state: a row for each frame and target, LOST ones too    |
| .json      | the video's name, size and rate, and the same values, a line for each frame     |
| .txt       | x,y,w,h of the only target, a line for each frame                               |
| .mot.txt   | frame,id,left,top,w,h,score,-1,-1,-1, all counted from 1; LOST ones left out     |
| .coco.json | images, and annotations with track_id and score; LOST ones left out             |

Frames, ids and pixels count from 0 as everywhere in pursuit, but from 1 in MOTChallenge text
(the image_id of COCO too). Files grow as results come: memory stays constant.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pursuit.errors import DataError, SettingsError
from pursuit.files import atomic_path, cannot_write
from pursuit.trackers.base import Result, State

_HEADER = "frame,id,x,y,w,h,score,state"


@dataclass(frozen=True)
class Film:
    """What JSON files say of the video: its name, size in pixels and frames a second."""

    name: str = ""
    width: int | None = None
    height: int | None = None
    fps: float | None = None


class Format(ABC):
    """The text of a file of tracks, piece by piece: begin, a piece for each result, end."""

    def begin(self) -> str:
        """Return what stands before the first result."""
        return ""

    @abstractmethod
    def piece(self, result: Result) -> str:
        """Return the text of one frame's result; its `frame` is the number of the frame."""

    def end(self) -> str:
        """Return what stands after the last result."""
        return ""


class Csv(Format):
    """A header and a row for each frame and target."""

    def begin(self) -> str:
        """Return the header."""
        return _HEADER + "\n"

    def piece(self, result: Result) -> str:
        """Return a row for each target."""
        return "".join(
            f"{result.frame},{number},{_joined(box)},{score},{state}\n"
            for number, box, score, state in _targets(result)
        )


class Text(Format):
    """A line x,y,w,h for each frame, of one target."""

    def __init__(self, path: PurePath) -> None:
        self._path = path

    def piece(self, result: Result) -> str:
        """Return the line of the only target."""
        targets = list(_targets(result))
        if len(targets) != 1:
            base = self._path.with_suffix("")
            raise SettingsError(
                f"{self._path} can hold one target, and there are {len(targets)}: "
                f"save {base}.csv, {base}.json or {base}.mot.txt"
            )
        return _joined(targets[0][1]) + "\n"


class Mot(Format):
    """MOTChallenge's text: everything counts from 1, lost targets have no row."""

    def piece(self, result: Result) -> str:
        """Return a row for each target that is not lost."""
        return "".join(
            f"{result.frame + 1},{number + 1},{_joined([box[0] + 1, box[1] + 1, *box[2:]])},"
            f"{score},-1,-1,-1\n"
            for number, box, score, state in _targets(result)
            if state != State.LOST.name
        )


class Json(Format):
    """The video, and a list of frames, each with its targets."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._comma = ""

    def begin(self) -> str:
        """Return what is known of the video."""
        video = {
            "name": self._film.name,
            "width": self._film.width,
            "height": self._film.height,
            "fps": self._film.fps,
        }
        return f'{{"video": {_json(video)},\n"frames": ['

    def piece(self, result: Result) -> str:
        """Return one frame and its targets."""
        targets = [
            {"id": number, "box": box, "score": score, "state": state}
            for number, box, score, state in _targets(result)
        ]
        text = self._comma + "\n" + _json({"frame": result.frame, "targets": targets})
        self._comma = ","
        return text

    def end(self) -> str:
        """Return the closing brackets."""
        return "\n]}\n"


class Coco(Format):
    """COCO's annotations; images come after them, since they are only then all known."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._frames = array("q")
        self._count = 0

    def begin(self) -> str:
        """Return the category."""
        return '{"categories": [{"id": 1, "name": "target"}],\n"annotations": ['

    def piece(self, result: Result) -> str:
        """Return an annotation for each target that is not lost."""
        self._frames.append(result.frame)
        text = ""
        for number, box, score, state in _targets(result):
            if state == State.LOST.name:
                continue
            text += "," if self._count else ""
            self._count += 1
            annotation = {
                "id": self._count,
                "image_id": result.frame + 1,
                "category_id": 1,
                "bbox": box,
                "area": round(box[2] * box[3], 3),
                "iscrowd": 0,
                "track_id": number,
                "score": score,
            }
            text += "\n" + _json(annotation)
        return text

    def end(self) -> str:
        """Return the images."""
        stem = re.sub(r"[^\w.-]+", "-", PurePath(self._film.name).stem).strip("-.") or "frame"
        size = {"width": self._film.width, "height": self._film.height}
        images = [
            _json({"id": frame + 1, "file_name": f"{stem}-{frame:06d}.jpg", **size, "frame": frame})
            for frame in self._frames
        ]
        return '\n],\n"images": [\n' + ",\n".join(images) + "\n]}\n"


def format_of(path: str | Path, film: Film | None = None) -> Format:
    """Return the format that a file's name asks for.

    Raises:
        SettingsError: it asks for none that we know.
    """
    name = Path(path).name.lower()
    film = film or Film()
    if name.endswith(".mot.txt"):
        return Mot()
    if name.endswith(".coco.json"):
        return Coco(film)
    if name.endswith(".csv"):
        return Csv()
    if name.endswith(".json"):
        return Json(film)
    if name.endswith(".txt"):
        return Text(Path(path))
    known = ".csv, .json, .txt, .mot.txt or .coco.json"
    raise SettingsError(f"cannot save boxes as {path}: name the file with {known}")


class TracksWriter:
    """Writes results to a file as they come; made by `write`."""

    def __init__(self, file: IO[str], path: Path, form: Format) -> None:
        self._file, self.path, self._form = file, path, form
        self._put(form.begin())

    def write(self, result: Result) -> None:
        """Append one frame's result; its `frame` is the number of the frame.

        Raises:
            OutputError: it cannot be written.
            SettingsError: the format cannot hold so many targets.
        """
        self._put(self._form.piece(result))

    def finish(self) -> None:
        """Write what stands at the end."""
        self._put(self._form.end())

    def _put(self, text: str) -> None:
        try:
            self._file.write(text)
        except OSError as error:
            raise cannot_write(self.path, error) from error


@contextmanager
def write(path: str | Path, film: Film | None = None) -> Iterator[TracksWriter]:
    """Give a writer of a file of tracks, in the format of its name.

    The file appears at the end of the block, whole: after Ctrl-C too, with the results until
    then. After any other error nothing is left of it.

    Raises:
        SettingsError: the name asks for no format that we know.
        OutputError: the file cannot be written.
    """
    form = format_of(path, film)
    interrupt: KeyboardInterrupt | None = None
    with atomic_path(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        writer = TracksWriter(file, Path(path), form)
        try:
            yield writer
        except KeyboardInterrupt as caught:
            interrupt = caught
        writer.finish()
    if interrupt is not None:
        raise interrupt


@dataclass(frozen=True)
class Tracks:
    """Tracks read from a file: a row for each target and frame, in the file's order.

    Attributes:
        frames: (R,) frame numbers, from 0.
        ids: (R,) target numbers, from 0.
        boxes: (R, 4) x, y, w, h, from 0.
        scores: (R,) in [0, 1].
        states: (R,) values of State; all TRACKED from MOTChallenge text, which has none.
    """

    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    states: NDArray[np.int64]


def read(path: str | Path) -> Tracks:
    """Return the tracks of a .csv or .mot.txt file.

    Raises:
        DataError: it cannot be read; the message names the line.
    """
    path = Path(path)
    is_mot = path.name.lower().endswith(".mot.txt")
    if not is_mot and path.suffix.lower() != ".csv":
        raise DataError(f"cannot read tracks from {path}: only .csv and .mot.txt are read")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read tracks from {path}: {error}") from None
    if not is_mot and (not lines or lines[0] != _HEADER):
        raise DataError(f"{path} is not a file of tracks: its first line is not {_HEADER}")
    rows = []
    for at, line in enumerate(lines if is_mot else lines[1:], 1 if is_mot else 2):
        try:
            rows.append(_mot_row(line) if is_mot else _csv_row(line))
        except (ValueError, KeyError):
            raise DataError(f"{path}, line {at}: cannot read {line!r}") from None
    table = np.array(rows, dtype=np.float64).reshape(-1, 8)
    whole = table[:, [0, 1, 7]].astype(np.int64)
    return Tracks(whole[:, 0], whole[:, 1], table[:, 2:6], table[:, 6], whole[:, 2])


def _csv_row(line: str) -> list[float]:
    frame, number, x, y, w, h, score, state = line.split(",")
    box = [float(value) for value in (x, y, w, h, score)]
    return [int(frame), int(number), *box, State[state]]


def _mot_row(line: str) -> list[float]:
    frame, number, left, top, *rest = line.split(",")
    w, h, score = (float(value) for value in rest[:3])
    place = [float(left) - 1, float(top) - 1]
    return [int(frame) - 1, int(number) - 1, *place, w, h, score, State.TRACKED]


def _targets(result: Result) -> Iterator[tuple[int, list[float], float, str]]:
    """Yield id, box, score and the name of the state of each target, rounded."""
    for box, score, state, number in zip(*result.rows(), strict=True):
        yield int(number), [_rounded(value) for value in box], _rounded(score), State(state).name


def _rounded(value: float) -> float:
    # A thousandth of a pixel; + 0.0 makes -0.0 into 0.0.
    return round(float(value), 3) + 0.0


def _joined(values: list[float]) -> str:
    return ",".join(f"{_rounded(value)}" for value in values)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
