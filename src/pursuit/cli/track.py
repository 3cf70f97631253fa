"""`pursuit track VIDEO --box X,Y,W,H`: follow targets through a video."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pursuit.trackers.settings import DEFAULT

if TYPE_CHECKING:
    from pursuit.boxes import Array
    from pursuit.frames import Frame
    from pursuit.results.tracks import TracksWriter
    from pursuit.trackers.base import Result, Tracker
    from pursuit.video import VideoReader

    Taker = Callable[[Frame, Result], object]

_PICTURES_FPS = 25.0  # of videos made from sources without a clock


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("track")(track)


def track(
    video: Annotated[
        str,
        typer.Argument(
            metavar="VIDEO",
            help="Video file, folder or glob of pictures, number of a camera, URL of a stream; "
            "or a list of videos, a .csv with the columns video,x,y,w,h.",
            show_default=False,
        ),
    ],
    box: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y,W,H",
            help="Target in the first frame: left, top, width, height in pixels. "
            "What lies outside the frame is cut off. Repeat it for more targets.",
        ),
    ] = None,
    tracker: Annotated[
        str,
        typer.Option(
            metavar="NAME[:FILE]",
            help="One of `pursuit list`; NAME:FILE takes other weights, "
            "opencv-nano:BACKBONE,HEAD names its networks.",
        ),
    ] = DEFAULT,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="Weights file, or weights of `pursuit list`: as NAME:FILE."
        ),
    ] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="cpu or cuda.")] = "cpu",
    runtime: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What runs the network: eager, tuned, openvino, openvino-f32, "
            "openvino-int8, onnx, or auto, "
            "the fastest of those installed.",
        ),
    ] = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Write the video with boxes drawn: .mp4, .m4v, .mov or .mkv (H.264). "
            "For a list a folder.",
        ),
    ] = None,
    save: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Write the boxes: .csv, .json, .txt, .mot.txt (MOTChallenge) or .coco.json. "
            "Repeat it for more files. For a list a folder.",
        ),
    ] = None,
    redetect: Annotated[
        bool, typer.Option(help="Look for a lost target in the whole frame, if the tracker can.")
    ] = True,
    start: Annotated[
        str,
        typer.Option(
            metavar="FRAME|SECONDS", help="Where to start: 120 is a frame, 4.8 or 4.8s a time."
        ),
    ] = "0",
    max_frames: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Stop after so many frames.", show_default=False),
    ] = None,
    budget_fps: Annotated[
        float | None,
        typer.Option(
            metavar="F",
            help="Take a tracker that follows so many frames a second here: the one named, or "
            "a faster one, and say what it gives up.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Of a list: videos at once; one a core if not given.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Follow targets through a video, from a box each in its first frame.

    Without --out and --save the boxes go to standard output as CSV. Ctrl-C and SIGTERM stop and
    keep what was done.

    Rows of a list that name the same video are its targets; paths are relative to the list. Each
    video gets files of its own name; one that fails is named at the end, and costs no other.
    """
    from pursuit.boxes import start_boxes
    from pursuit.cli._outputs import check_outputs, weights_files
    from pursuit.errors import SettingsError
    from pursuit.following import follow, load_follower
    from pursuit.results.tracks import format_of
    from pursuit.trackers.registry import with_files
    from pursuit.video import read
    from pursuit.video.reading import files_of

    if Path(video).suffix.lower() == ".csv" and Path(video).is_file():
        from pursuit.batches import Task
        from pursuit.cli._track_list import track_list

        task = Task(tracker, weights, device, runtime, redetect, start, max_frames)
        if budget_fps is not None:
            raise SettingsError("--budget-fps is for one video; its line names what to take here")
        track_list(Path(video), task, box or [], out, save or [], workers)
        return
    if workers is not None:
        raise SettingsError("--workers is for a list of videos; one video is one job")
    boxes = parse_boxes(box or [], video)
    files = save or []
    for file in files:
        format_of(file)
    outputs = [*([out] if out else []), *files]
    _, networks = with_files(tracker)
    read_too = weights_files([*networks, *([weights] if weights else [])])
    check_outputs(outputs, [*files_of(video), *read_too])
    tally = Tally()
    with _plain_warnings(), read(video, start=start, max_frames=max_frames, ahead=True) as reader:
        start_boxes(boxes, reader.width, reader.height)
        if budget_fps is None:
            follower = load_follower(tracker, weights, device, runtime, redetect=redetect)
        else:
            follower = _within_budget(
                budget_fps, tracker, weights, device, runtime, boxes, reader, redetect
            )
        with contextlib.ExitStack() as stack:
            takers = _takers(stack, reader, out, files)
            show = stack.enter_context(_progress(quiet=not outputs and sys.stdout.isatty()))
            stopped = stack.enter_context(_stopped_by_signal(reader))
            for frame, result in follow(reader, follower, boxes):
                found = time.perf_counter()
                for take in takers:
                    take(frame, result)
                waited = None if reader.arrived is None else found - reader.arrived
                tally.add(result, time.perf_counter() - found, waited)
                show(tally.frames, reader.frame_count)
    typer.echo(tally.summary(reader.seconds, outputs, getattr(follower, "runtime", "")), err=True)
    if stopped:
        by = "Ctrl-C" if stopped == [signal.SIGINT] else "a signal"
        typer.echo(f"stopped by {by}; what was done until then is kept", err=True)
        raise typer.Exit(128 + stopped[0])


def _within_budget(
    wanted: float,
    tracker: str,
    weights: Path | None,
    device: str,
    runtime: str,
    boxes: Array,
    reader: VideoReader,
    redetect: bool,
) -> Tracker:
    """Return a tracker that is as fast as is wanted, or the fastest, and say which."""
    from pursuit.budget import choose
    from pursuit.errors import SettingsError

    if not 0 < wanted < 1e6:
        raise SettingsError(f"--budget-fps is a number of frames a second above 0; got {wanted:g}")
    size = (reader.width, reader.height)
    choice = choose(wanted, tracker, weights, device, runtime, boxes, size, redetect=redetect)
    typer.echo(choice.told if choice.holds else f"warning: {choice.told}", err=True)
    return choice.tracker


class Tally:
    """What there is to say of a run at its end."""

    def __init__(self) -> None:
        self.frames = 0
        self._lost = 0
        self._unsure = 0
        self._tracking = 0.0
        self._writing = 0.0
        self._began = self._last = 0.0
        self._delays: list[float] = []
        self._numbers = (0, 0)  # of the first and the last frame

    def add(self, result: Result, writing: float = 0.0, delay: float | None = None) -> None:
        """Count one result, after its outputs.

        Args:
            result: of one frame.
            writing: seconds that the outputs took.
            delay: seconds from a live source's giving the frame to its boxes.
        """
        from pursuit.trackers.base import State

        self._last = time.perf_counter()
        if self.frames:  # the first is the start, another kind of work
            self._tracking += result.seconds
            self._writing += writing
            self._delays += [] if delay is None else [delay]
        else:
            self._began = self._last
        self.frames += 1
        self._numbers = (self._numbers[0] if self.frames > 1 else result.frame, result.frame)
        states = result.rows()[2]
        self._lost += bool((states == State.LOST).any())
        self._unsure += bool((states == State.UNSURE).any())

    def summary(self, reading: float, outputs: list[Path], runtime: str = "") -> str:
        """Return it in words: two lines on a terminal, one elsewhere.

        Args:
            reading: seconds spent on decoding, which goes on beside the rest.
            outputs: files that were written.
            runtime: what ran the network.
        """
        by = f" ({runtime})" if runtime else ""
        unit = "frame" if self.frames == 1 else "frames"
        parts = [f"{self.frames} {unit}"]
        if self._tracking:
            parts.append(f"tracker {_speed(self.frames - 1, self._tracking)} fps{by}")
        if self._delays:
            parts += self._live()
        elif reading:
            parts.append(f"decoding {_speed(self.frames, reading)} fps")
            parts += self._together(reading, outputs)
        parts.append(f"LOST in {self._lost}" if self._lost else "never lost")
        if self._unsure:
            parts.append(f"unsure in {self._unsure}")
        text = ", ".join(parts)
        if not outputs:
            return text
        between = "\n" if sys.stderr.isatty() else "; "
        return text + between + "wrote " + ", ".join(str(path) for path in outputs)

    def _together(self, reading: float, outputs: list[Path]) -> list[str]:
        """Return how fast all went, and what set the pace: decoding, or what waits for it."""
        if not self._tracking:
            return []
        parts = []
        if outputs and self._writing:
            parts.append(f"writing {_speed(self.frames - 1, self._writing)} fps")
        slower = "writing" if self._writing > self._tracking else "the tracker"
        if reading > self._tracking + self._writing:
            slower = "decoding"
        together = _speed(self.frames - 1, self._last - self._began)
        return [*parts, f"together {together} fps (set by {slower})"]

    def _live(self) -> list[str]:
        """Return how long boxes of a live source took, and how many of its frames were missed."""
        ordered = sorted(self._delays)
        middle, late = (ordered[int(part * (len(ordered) - 1))] for part in (0.5, 0.95))
        missed = self._numbers[1] - self._numbers[0] + 1 - self.frames
        return [
            f"capture to box {1000 * middle:.0f} ms (p95 {1000 * late:.0f} ms)",
            f"{missed} {'frame' if missed == 1 else 'frames'} missed",
        ]


def parse_boxes(texts: list[str], video: str) -> Array:
    """Return one box (4,), or boxes (N, 4), from their texts X,Y,W,H.

    Raises:
        BoxError: there is none, or one is not four numbers.
    """
    import numpy as np

    from pursuit.boxes import as_boxes
    from pursuit.errors import BoxError

    if not texts:
        raise BoxError(
            "say what to follow: --box X,Y,W,H, its left, top, width and height in pixels; "
            f"`pursuit frame {video}` writes the frame with a ruler to read them off"
        )
    rows = []
    for text in texts:
        parts = text.split(",")
        try:
            numbers = [float(part) for part in parts]
        except ValueError:
            numbers = []
        if len(numbers) != 4:
            raise BoxError(f"--box takes four numbers X,Y,W,H such as 120,80,60,40; got {text!r}")
        try:
            rows.append(as_boxes(numbers))
        except BoxError as error:
            raise BoxError(f"--box {text}: {error}") from None
    return rows[0] if len(rows) == 1 else np.stack(rows)


def _takers(
    stack: contextlib.ExitStack, reader: VideoReader, out: Path | None, files: list[Path]
) -> list[Taker]:
    """Open the outputs; return what to call with each frame and its result."""
    from pursuit.results import tracks
    from pursuit.video import Trails, draw, write

    film = tracks.Film(reader.name, reader.width, reader.height, reader.fps)
    takers: list[Taker] = []
    for file in files:
        saver = stack.enter_context(tracks.write(file, film))
        takers.append(_saving(saver))
    if out is not None:
        sound = None if reader.is_live else reader.name
        writer = stack.enter_context(write(out, reader.fps or _PICTURES_FPS, source=sound))
        trails = Trails()
        takers.append(lambda frame, result: writer.write(draw(frame, result, trails), reader.time))
    if not takers:
        takers.append(_printer(reader))
    return takers


def _saving(saver: TracksWriter) -> Taker:
    return lambda frame, result: saver.write(result)


def _printer(reader: VideoReader) -> Taker:
    """Return what prints results to standard output as CSV, at once.

    Where nobody reads them any more (`| head`), the video ends.
    """
    from pursuit.cli import silence_output
    from pursuit.files import cannot_write
    from pursuit.results.tracks import Csv

    form = Csv()
    header = form.begin()

    def take(frame: Frame, result: Result) -> None:
        nonlocal header
        try:
            typer.echo(header + form.piece(result), nl=False)
        except BrokenPipeError:
            reader.stop()
            silence_output()
        except OSError as error:
            raise cannot_write("standard output", error) from error
        header = ""

    return take


def _progress(
    *, quiet: bool
) -> contextlib.AbstractContextManager[Callable[[int, int | None], None]]:
    """Give a progress bar, or none where rows are printed to the same terminal."""
    from pursuit.cli._progress import progress_bar

    if quiet:
        return contextlib.nullcontext(lambda done, total: None)
    return progress_bar("tracking", "frames")


@contextlib.contextmanager
def _stopped_by_signal(reader: VideoReader) -> Iterator[list[int]]:
    """Let the first Ctrl-C or SIGTERM end the video, so that all files are finished.

    The list tells which it was. A second one interrupts as usual.
    """
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        stopped.append(number)
        restore()
        reader.stop()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        restore()


@contextlib.contextmanager
def _plain_warnings() -> Iterator[None]:
    """Print warnings of videos as one line on stderr."""
    from pursuit.video import VideoWarning

    def show(message: Warning | str, *_: object, **__: object) -> None:
        typer.echo(f"warning: {message}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", VideoWarning)
        warnings.showwarning = show
        yield


def _speed(count: int, seconds: float) -> str:
    speed = count / seconds
    return f"{speed:.1f}" if speed < 20 else f"{speed:.0f}"
