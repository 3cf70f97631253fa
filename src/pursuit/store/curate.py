"""Curation: data sets in, a crop store out. Plan, run the jobs anywhere, join the parts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Many
from concurrent.futures import as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

from pursuit.datasets import LabelledImage, Sequence, open_stills, open_videos
from pursuit.errors import DataError, SettingsError, StoreError
from pursuit.executors import open_executor
from pursuit.files import atomic_path, cannot_write
from pursuit.store.crops import CropSettings
from pursuit.store.join import join
from pursuit.store.layout import INDEX
from pursuit.store.parts import STILLS_A_PART, Job, write_part
from pursuit.store.reader import open_store

Item = TypeVar("Item", Sequence, LabelledImage)

PARTS = "parts"
SUMMARY = "summary.json"
MB = 1_000_000

# Called with the frames that are done and the frames there are.
Progress = Callable[[int, int], None]


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
    """

    objects: int
    crops: int
    frames: int
    left_out: dict[str, int]
    shards: int
    bytes: int


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
) -> Summary:
    """Cut each labelled box out of its frame once, into a new store at `out`.

    A run that was stopped, however hard, goes on where it was; the store has the same
    bytes for any number of workers. A store that stands already, of the same data and
    settings, is left as it is.

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

    Raises:
        DataError, VideoError: a data set cannot be read.
        StoreError: `out` holds a store of other data, or no box can serve.
        OutputError: `out` cannot be written, or the disk is full.
        SettingsError, MissingExtra: a setting that cannot be; dask is not installed.
    """
    out = Path(out)
    settings = CropSettings(room, quality)
    if shard_mb <= 0 or (workers is not None and workers < 1):
        raise SettingsError("shard_mb must be positive and workers at least 1")
    jobs = plan(videos, stills)
    names = [job.file_name(settings) for job in jobs]
    made_of = {"shard_mb": shard_mb, "parts": names}
    done = _finished(out, made_of)
    if done is not None:
        if progress:
            progress(done.frames, done.frames)
        return done
    parts = [out / PARTS / name for name in names]
    try:
        (out / PARTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(out, error) from error
    try:
        _run(jobs, parts, settings, (workers, cluster), progress)
    except BaseException:
        _remove_half_written(out / PARTS)
        raise
    left_out = join(parts, out, settings, int(shard_mb * MB))
    summary = _summary(out, sum(job.frames for job in jobs), left_out)
    with atomic_path(out / SUMMARY) as path:
        text = json.dumps({**asdict(summary), **made_of}, indent=1)
        path.write_text(text + "\n", encoding="utf-8", newline="\n")
    _remove(out / PARTS)
    return summary


def plan(videos: Iterable[Path | str], stills: Iterable[Path | str]) -> list[Job]:
    """Return the jobs of a curation: the videos by name, then the stills in their order.

    Raises:
        DataError: a data set cannot be read, there is none, or a name comes twice.
    """
    sequences = _distinct([(Path(root), open_videos(root)) for root in videos])
    pictures = _distinct([(Path(path), open_stills(path)) for path in stills])
    if not sequences and not pictures:
        raise DataError("no data to curate: give a data set with --videos or --stills")
    by_video: dict[str, list[Sequence]] = {}
    for sequence in sequences:
        by_video.setdefault(sequence.video, []).append(sequence)
    jobs = [Job(name, video=tuple(by_video[name])) for name in sorted(by_video)]
    for first in range(0, len(pictures), STILLS_A_PART):
        batch = tuple(pictures[first : first + STILLS_A_PART])
        jobs.append(Job(f"stills-{first // STILLS_A_PART:06d}", stills=batch))
    return jobs


def _distinct(sets: Many[tuple[Path, list[Item]]]) -> list[Item]:
    """Return the items of all data sets; `FOLDER/NAME` where a name is in more than one."""
    uses = Counter(name for _, items in sets for name in {_group(item) for item in items})
    found: list[Item] = []
    taken: set[str] = set()
    for root, items in sets:
        prefix = f"{root.resolve().name}/"
        mine = [_renamed(item, prefix) if uses[_group(item)] > 1 else item for item in items]
        names = {item.name for item in mine}
        twice = sorted(names & taken)
        if twice or len(names) < len(mine):
            raise DataError(f"{root}: {twice[0] if twice else 'a name'} comes twice in the data")
        taken |= names
        found += mine
    return found


def _group(item: Sequence | LabelledImage) -> str:
    return item.video if isinstance(item, Sequence) else item.name


def _renamed(item: Item, prefix: str) -> Item:
    names = {"name": prefix + item.name}
    if isinstance(item, Sequence):
        names["video"] = prefix + item.video
    return replace(item, **names)  # type: ignore[arg-type]


def _finished(out: Path, made_of: dict[str, object]) -> Summary | None:
    """Return the summary of a store that stands already, None if there is work to do.

    Raises:
        StoreError: what stands there was made of other data or with other settings.
    """
    if not (out / INDEX).exists() or (out / PARTS).is_dir():
        return None  # nothing there, or stopped before its parts were joined and removed
    try:
        known = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
        if {key: known.pop(key) for key in made_of} == made_of:
            open_store(out)
            return Summary(**known)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no summary of ours: then it is a store of we do not know what
    raise StoreError(
        f"{out} holds a store of other data or settings, or of an earlier pursuit: choose another "
        "folder or delete it"
    )


def _run(
    jobs: list[Job],
    parts: list[Path],
    settings: CropSettings,
    where: tuple[int | None, str | None],
    progress: Progress | None,
) -> None:
    """Write all parts that do not stand yet, in any order."""
    total = sum(job.frames for job in jobs)
    left = [(job, part) for job, part in zip(jobs, parts, strict=True) if not part.exists()]
    done = total - sum(job.frames for job, _ in left)
    if progress:
        progress(done, total)
    if not left:
        return
    # The longest first, so that no worker is left with one at the end.
    left.sort(key=lambda pair: -pair[0].frames)
    with open_executor(*where) as executor:
        futures = {executor.submit(write_part, job, part, settings): job for job, part in left}
        for future in as_completed(futures):
            future.result()
            done += futures[future].frames
            if progress:
                progress(done, total)


def _summary(out: Path, frames: int, left_out: Counter[str]) -> Summary:
    store = open_store(out)
    files = [*out.glob("shard-*.arrow"), out / INDEX]
    return Summary(
        objects=len(store.objects),
        crops=len(store),
        frames=frames,
        left_out=dict(sorted(left_out.items())),
        shards=len(files) - 1,
        bytes=sum(file.stat().st_size for file in files),
    )


def _remove(parts: Path) -> None:
    """Remove the parts, those of other settings and of killed runs too."""
    _remove_half_written(parts)
    for path in parts.glob("*.arrow"):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # somebody else's file in there: leave it
        parts.rmdir()


def _remove_half_written(parts: Path) -> None:
    """Remove what workers were writing when they were stopped."""
    for path in parts.glob(".part-*"):
        path.unlink(missing_ok=True)
