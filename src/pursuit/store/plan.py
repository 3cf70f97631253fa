"""What a curation has to do: the jobs of its data sets, and which videos are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from pursuit.datasets import LabelledImage, Sequence, open_stills, open_usable
from pursuit.errors import DataError
from pursuit.store.parts import STILLS_A_PART, Job

Item = TypeVar("Item", Sequence, LabelledImage)


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        jobs: the videos by name, then the stills in their order.
        left_out: name of each video that is not good -> what is wrong with it, one line.
    """

    jobs: list[Job]
    left_out: dict[str, str]


@dataclass(frozen=True)
class _Set(Generic[Item]):
    """A data set: the good items, and name of each video that is not good -> why."""

    root: Path
    items: list[Item]
    left_out: Mapping[str, str]

    @property
    def names(self) -> set[str]:
        return {_group(item) for item in self.items} | self.left_out.keys()


def plan(videos: Iterable[Path | str], stills: Iterable[Path | str]) -> Plan:
    """Return what a curation of these data sets has to do.

    A video is cut whole or not at all: where the labels of one of its targets are not good, so
    are those of none.

    Raises:
        DataError: a data set cannot be read as a whole, there is none, or a name comes twice.
    """
    sequences, left_out = _distinct([_videos(Path(root)) for root in videos])
    pictures, _ = _distinct([_Set(Path(path), open_stills(path), {}) for path in stills])
    if not sequences and not pictures and not left_out:
        raise DataError("no data to curate: give a data set with --videos or --stills")
    by_video: dict[str, list[Sequence]] = {}
    for sequence in sequences:
        by_video.setdefault(sequence.video, []).append(sequence)
    jobs = [Job(name, video=tuple(by_video[name])) for name in sorted(by_video)]
    for first in range(0, len(pictures), STILLS_A_PART):
        batch = tuple(pictures[first : first + STILLS_A_PART])
        jobs.append(Job(f"stills-{first // STILLS_A_PART:06d}", stills=batch))
    return Plan(jobs, left_out)


def _videos(root: Path) -> _Set[Sequence]:
    found = open_usable(root)
    left_out = found.by_video()
    return _Set(root, [one for one in found.sequences if one.video not in left_out], left_out)


def _distinct(sets: list[_Set[Item]]) -> tuple[list[Item], dict[str, str]]:
    """Return the items of all data sets, and what is left out; `FOLDER/NAME` where a name is twice.

    What is left out counts: mending it must not give another video a new name.
    """
    uses = Counter(name for one in sets for name in one.names)
    found: list[Item] = []
    left_out: dict[str, str] = {}
    taken: set[str] = set()
    for one in sets:
        prefix = f"{one.root.resolve().name}/"
        mine = [_renamed(item, prefix) if uses[_group(item)] > 1 else item for item in one.items]
        names = {item.name for item in mine}
        bad = {prefix + name if uses[name] > 1 else name: why for name, why in one.left_out.items()}
        # By video: a bad one has no targets that could be named.
        twice = sorted((names | {_group(item) for item in mine} | set(bad)) & taken)
        if twice or len(names) < len(mine):
            raise DataError(
                f"{one.root}: {twice[0] if twice else 'a name'} comes twice in the data"
            )
        taken |= names | {_group(item) for item in mine} | set(bad)
        found += mine
        left_out |= bad
    return found, left_out


def _group(item: Sequence | LabelledImage) -> str:
    return item.video if isinstance(item, Sequence) else item.name


def _renamed(item: Item, prefix: str) -> Item:
    names = {"name": prefix + item.name}
    if isinstance(item, Sequence):
        names["video"] = prefix + item.video
    return replace(item, **names)  # type: ignore[arg-type]
