"""`pursuit track LIST.csv`: follow targets through many videos."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pursuit.batches import Outcome, Task

_FILES = (".csv", ".json", ".txt", ".mp4", ".m4v", ".mov", ".mkv")


def track_list(
    path: Path,
    task: Task,
    boxes: list[str],
    out: Path | None,
    save: list[Path],
    workers: int | None,
) -> None:
    """Follow the targets of a list of videos; say at the end which failed, and exit with 2.

    Raises:
        DataError: the file is no list of videos.
        SettingsError: options that a list cannot have, or outputs that would replace inputs.
    """
    from pursuit.batches import Outcome, read_list, run
    from pursuit.cli._outputs import WRONG, check_outputs, weights_files
    from pursuit.cli._progress import progress_bar
    from pursuit.errors import SettingsError
    from pursuit.files import check_writable
    from pursuit.trackers.registry import with_files

    if boxes:
        raise SettingsError(
            f"the boxes of a list stand in it: leave out --box, or add rows to {path}"
        )
    if len(save) > 1 or not (save or out):
        raise SettingsError(
            "say where the results of a list go: --save FOLDER, --out FOLDER or both"
        )
    for folder in [*save, *([out] if out else [])]:
        if folder.suffix.lower() in _FILES and not folder.is_dir():
            raise SettingsError(
                f"of a list the results go to a folder; {folder} is named as a file"
            )
    clips = read_list(path)
    task = replace(task, save=save[0] if save else None, out=out)
    files = [file for clip in clips for file in task.files(clip)]
    networks = weights_files(
        [*with_files(task.tracker)[1], *([task.weights] if task.weights else [])]
    )
    check_outputs(files, [path, *(Path(clip.source) for clip in clips), *networks])
    for file in files:
        check_writable(file)
    began, outcomes = time.perf_counter(), list[Outcome]()
    with (
        warnings.catch_warnings(action="always", category=UserWarning),
        progress_bar("tracking", "videos") as show,
    ):
        show(0, len(clips))
        for outcome in run(clips, task, workers):
            outcomes.append(outcome)
            for one in outcome.warnings:
                warnings.warn(one, stacklevel=2)
            show(len(outcomes), len(clips))
    seconds = time.perf_counter() - began
    folders = [folder for folder in (task.save, task.out) if folder is not None]
    typer.echo(summary(outcomes, seconds, folders), err=True)
    wrong = [outcome for outcome in outcomes if outcome.error]
    for outcome in wrong:
        typer.echo(f"error: {outcome.name}: {outcome.error}", err=True)
    if wrong:
        raise typer.Exit(WRONG)


def summary(outcomes: Sequence[Outcome], seconds: float, folders: Sequence[Path]) -> str:
    """Return how a list went, in words: two lines on a terminal, one elsewhere."""
    from pursuit.cli._track_tally import pace

    good = sum(not one.error for one in outcomes)
    frames = sum(one.frames for one in outcomes)
    ran = "".join(f", {runtime}" for runtime in sorted({one.runtime for one in outcomes} - {""}))
    speed = (
        f"{good} of {len(outcomes)} videos, {frames} frames in {seconds:.1f} s "
        f"({frames / seconds:.0f} fps{ran})"
    )
    told = f"LOST in {sum(one.lost for one in outcomes)}"
    if frames:
        reading, tracking, writing = (
            sum(part) for part in zip(*(one.spent for one in outcomes), strict=True)
        )
        told += f", pace set by {pace(reading, tracking, writing)}"
    between = "\n" if sys.stderr.isatty() else ", "
    return f"{speed}{between}{told}; wrote {', '.join(map(str, folders))}"
