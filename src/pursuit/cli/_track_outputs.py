"""Where `pursuit track` puts the boxes: files, a video, standard output, a progress bar."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pursuit.frames import Frame
    from pursuit.results.tracks import TracksWriter
    from pursuit.trackers.base import Result
    from pursuit.video import VideoReader

    Taker = Callable[[Frame, Result], object]

_PICTURES_FPS = 25.0  # of videos made from sources without a clock


def takers(
    stack: contextlib.ExitStack, reader: VideoReader, out: Path | None, files: list[Path]
) -> list[Taker]:
    """Open the outputs; return what to call with each frame and its result."""
    from pursuit.results import tracks
    from pursuit.video import Trails, draw, write

    film = tracks.Film(reader.name, reader.width, reader.height, reader.fps)
    found: list[Taker] = []
    for file in files:
        saver = stack.enter_context(tracks.write(file, film))
        found.append(_saving(saver))
    if out is not None:
        sound = None if reader.is_live else reader.name
        writer = stack.enter_context(write(out, reader.fps or _PICTURES_FPS, source=sound))
        trails = Trails()
        found.append(lambda frame, result: writer.write(draw(frame, result, trails), reader.time))
    if not found:
        found.append(_printer(reader))
    return found


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


def progress(
    *, quiet: bool
) -> contextlib.AbstractContextManager[Callable[[int, int | None], None]]:
    """Give a progress bar, or none where rows are printed to the same terminal."""
    from pursuit.cli._progress import progress_bar

    if quiet:
        return contextlib.nullcontext(lambda done, total: None)
    return progress_bar("tracking", "frames")
