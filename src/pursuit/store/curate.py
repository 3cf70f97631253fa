"""Curation: data sets in, a crop store out. Plan, run the jobs anywhere, join the parts.

A video that cannot be used is left out, and costs no other. When it is mended, the same command
cuts that one alone: the parts of the others are taken back out of the store, and all are joined.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pursuit.errors import DataError, SettingsError, StoreError, VideoError
from pursuit.executors import open_executor
from pursuit.files import atomic_path, cannot_write
from pursuit.store.crops import CropSettings
from pursuit.store.join import Joined, all_left_out, join
from pursuit.store.layout import INDEX
from pursuit.store.parts import Job, write_part
from pursuit.store.plan import plan
from pursuit.store.reader import open_store
from pursuit.store.restore import restore

PARTS = "parts"
SUMMARY = "summary.json"
MB = 1_000_000

# Called with the frames that are done and the frames there are.
Progress = Callable[[int, int], None]
# Called with the name of a video that is left out, and why.
LeaveOut = Callable[[str, str], None]


@dataclass(frozen=True)
class Summary:
    """What a curation made.

    Attributes:
        objects: objects in the store.
        crops: crops of them.
        frames: frames and pictures read.
        left_out: how many boxes could not serve, by reason.
        shards: files that hold the crops.
        bytes: size of the store.
        videos_left_out: videos that could not be used -> why.
    """

    objects: int
    crops: int
    frames: int
    left_out: dict[str, int]
    shards: int
    bytes: int
    videos_left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Standing:
    """A store that stands: its summary, and what it was made of."""

    summary: Summary
    shard_mb: float
    parts: Mapping[str, Joined]


def curate(
    out: Path | str,
    videos: Iterable[Path | str] = (),
    stills: Iterable[Path | str] = (),
    *,
    workers: int | None = None,
    cluster: str | None = None,
    room: int = 48,
    quality: int = 90,
    shard_mb: float = 55,
    progress: Progress | None = None,
    leave_out: LeaveOut | None = None,
) -> Summary:
    """Cut each labelled box out of its frame once, into a new store at `out`.

    A run that was stopped, however hard, goes on where it was; the store has the same
    bytes for any number of workers. A store that stands already, of the same data and
    settings, is left as it is. Videos whose labels or frames are not good are left out of it; one
    that was made without them takes those that are mended since.

    Args:
        out: folder of the store; made if need be.
        videos: folders of data sets of videos, see `pursuit.datasets.open_videos`.
        stills: data sets of pictures, see `pursuit.datasets.open_stills`.
        workers: processes; None means one for each core.
        cluster: address of a dask.distributed scheduler, whose workers see the same files;
            None works on this machine.
        room: pixels of a crop around SiamFC's 255, on each side, for augmentation.
        quality: of the JPEGs, 1 to 100.
        shard_mb: largest size of a file of crops, in MB.
        progress: called with the frames done and the frames there are.
        leave_out: called with each video that is left out, and why, when that is known.

    Raises:
        DataError: a data set cannot be read as a whole, a still cannot be read, or no video is
            good and there are no stills.
        StoreError: `out` holds a store of other data, no box can serve, or what a stopped run left
            is damaged.
        OutputError: `out` cannot be written, or the disk is full.
        SettingsError, MissingExtra: a setting that cannot be; dask is not installed.
    """
    out = Path(out)
    settings = CropSettings(room, quality)
    if shard_mb <= 0 or (workers is not None and workers < 1):
        raise SettingsError("shard_mb must be positive and workers at least 1")
    todo = plan(videos, stills)
    left_out = dict(todo.left_out)
    for name, why in left_out.items():
        if leave_out:
            leave_out(name, why)
    _check_jobs(todo.jobs)
    names = [job.file_name(settings) for job in todo.jobs]
    standing = _standing(out)
    in_store = {} if standing is None else standing.parts
    if standing is not None:
        _check_same(out, standing, dict(zip(names, todo.jobs, strict=True)), shard_mb)
        if list(in_store) == names:
            if progress:
                progress(standing.summary.frames, standing.summary.frames)
            return _kept(out, standing, left_out)
    parts = {out / PARTS / name: job for name, job in zip(names, todo.jobs, strict=True)}
    try:
        (out / PARTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(out, error) from error
    try:
        left_out |= _run(parts, in_store, settings, (workers, cluster), progress, leave_out)
        whole = {path: job for path, job in parts.items() if job.name not in left_out}
        _check_jobs(list(whole.values()))
        if standing is not None:
            if list(in_store) == [path.name for path in whole]:
                return _kept(out, standing, left_out)
            restore(out, in_store, out / PARTS)
    except BaseException:
        _remove_half_written(out / PARTS)
        raise
    _remove_store(out)  # until it is whole again nobody may take it for one
    joined = join(whole, out, settings, int(shard_mb * MB))
    summary = _summary(out, sum(job.frames for job in whole.values()), joined)
    return _kept(out, _Standing(summary, shard_mb, joined), left_out)


def _check_jobs(jobs: list[Job]) -> None:
    if not jobs:
        raise DataError("nothing to curate: no video is good")


def _standing(out: Path) -> _Standing | None:
    """Return the store that stands already, None if there is none.

    Raises:
        StoreError: nothing tells what it was made of.
    """
    if not (out / INDEX).exists():
        return None
    if (out / PARTS).is_dir() and not (out / SUMMARY).exists():
        return None  # stopped before it was told what it was made of
    try:
        known = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
        shard_mb, parts = known.pop("shard_mb"), known.pop("parts")
        joined = {name: Joined(**part) for name, part in parts.items()}
        left_out = dict(known.pop("videos_left_out"))
        return _Standing(Summary(**known, videos_left_out=left_out), shard_mb, joined)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise _of_other_data(out) from None


def _check_same(out: Path, standing: _Standing, jobs: dict[str, Job], shard_mb: float) -> None:
    """Make sure that a store lacks nothing of the jobs, by their parts, but what it left out.

    Raises:
        StoreError: it was made of other data or with other settings, or is damaged, or its
            summary is another's.
    """
    lacking = {job.name for part, job in jobs.items() if part not in standing.parts}
    if (
        standing.shard_mb != shard_mb
        or not standing.parts.keys() <= jobs.keys()
        or not lacking <= standing.summary.videos_left_out.keys()
    ):
        raise _of_other_data(out)
    if len(open_store(out).objects) != sum(part.objects for part in standing.parts.values()):
        raise _of_other_data(out)


def _of_other_data(out: Path) -> StoreError:
    return StoreError(
        f"{out} holds a store of other data or settings, or of an earlier pursuit: choose another "
        "folder or delete it"
    )


def _kept(out: Path, standing: _Standing, left_out: dict[str, str]) -> Summary:
    """Write beside a store that stands what it is; remove its parts, and what was half-written."""
    summary = replace(standing.summary, videos_left_out=left_out)
    parts = {name: asdict(part) for name, part in standing.parts.items()}
    content = {**asdict(summary), "shard_mb": standing.shard_mb, "parts": parts}
    text = json.dumps(content, indent=1) + "\n"
    path = out / SUMMARY
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with atomic_path(path) as part:
            part.write_text(text, encoding="utf-8", newline="\n")
    _remove_half_written(out)
    _remove(out / PARTS)
    return summary


def _run(
    parts: dict[Path, Job],
    in_store: Collection[str],
    settings: CropSettings,
    where: tuple[int | None, str | None],
    progress: Progress | None,
    leave_out: LeaveOut | None,
) -> dict[str, str]:
    """Write all parts that are not in the store and do not stand yet, in any order.

    Returns which videos fail, and why.
    """
    total = sum(job.frames for job in parts.values())
    left = [
        (job, part)
        for part, job in parts.items()
        if part.name not in in_store and not part.exists()
    ]
    done = total - sum(job.frames for job, _ in left)
    if progress:
        progress(done, total)
    failed: dict[str, str] = {}
    if not left:
        return failed
    # The longest first, so that no worker is left with one at the end.
    left.sort(key=lambda pair: -pair[0].frames)
    with open_executor(*where) as executor:
        futures = {executor.submit(write_part, job, part, settings): job for job, part in left}
        for future in as_completed(futures):
            job = futures[future]
            try:
                future.result()
            except (DataError, VideoError) as error:
                if not job.video:
                    raise
                failed[job.name] = " ".join(str(error).split())
                if leave_out:
                    leave_out(job.name, failed[job.name])
            done += job.frames
            if progress:
                progress(done, total)
    return failed


def _summary(out: Path, frames: int, joined: Mapping[str, Joined]) -> Summary:
    store = open_store(out)
    files = [*out.glob("shard-*.arrow"), out / INDEX]
    return Summary(
        objects=len(store.objects),
        crops=len(store),
        frames=frames,
        left_out=all_left_out(joined),
        shards=len(files) - 1,
        bytes=sum(file.stat().st_size for file in files),
    )


def _remove_store(out: Path) -> None:
    """Remove what tells of a store that stands; its crops are written over."""
    try:
        for name in (SUMMARY, INDEX):
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(out, error) from error


def _remove(parts: Path) -> None:
    """Remove the parts, those of other settings and of killed runs too."""
    _remove_half_written(parts)
    for path in parts.glob("*.arrow"):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # somebody else's file in there: leave it
        parts.rmdir()


def _remove_half_written(folder: Path) -> None:
    """Remove what was being written when a run was stopped."""
    for path in folder.glob(".part-*"):
        path.unlink(missing_ok=True)
