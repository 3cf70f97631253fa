"""VOT results wherever they lie: what trackers did with resets, and beside that without.

A result is TRACKER/EXPERIMENT/SEQUENCE/SEQUENCE_001.txt (002, ... where the tracker ran several
times; .csv or .bin), or TRACKER/EXPERIMENT/SEQUENCE_001.txt, or .../SEQUENCE/SEQUENCE.txt. Where
nothing lies in the folder of an experiment, TRACKER/SEQUENCE/SEQUENCE_001.txt is one with resets
if a row after the first is a code, or else one without.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pursuit.archives import Parts, stored
from pursuit.errors import DataError
from pursuit.measures.vot import Code
from pursuit.results.runs import Folder, Runs, Unused, tracker_of
from pursuit.results.vot import (
    BASELINE,
    EXPERIMENTS,
    NOISE,
    READ,
    UNSUPERVISED,
    Trajectory,
    is_run,
    parse,
    run_of,
)

# Others that the toolkits have are named, not scored.
_EXPERIMENTS = (*EXPERIMENTS, "supervised", "longterm", "multistart")


@dataclass(frozen=True)
class StoredResults:
    """Results of several trackers.

    Attributes:
        supervised: runs of the experiment with resets that was asked for.
        unsupervised: of the one without, beside the baseline; none beside another.
        others: other experiments that were met, as TRACKER/EXPERIMENT.
        noise: of the one with resets and noisy starts, beside the baseline; none beside another.
        experiment: what was asked for.
        notes: what must be said beside, a line each.
    """

    supervised: Runs[Trajectory]
    unsupervised: Runs[Trajectory]
    others: tuple[str, ...]
    noise: Runs[Trajectory] = field(default_factory=Runs)
    experiment: str = BASELINE
    notes: tuple[str, ...] = ()


def read_stored(paths: Iterable[Path], wanted: str = BASELINE) -> StoredResults:
    """Return what trackers did with resets, and beside the baseline, out of folders and archives.

    Args:
        paths: of the folders and archives.
        wanted: name of the folder of the experiment with resets.

    Raises:
        DataError: a folder or archive cannot be read or holds no result.
    """
    found: dict[str, Runs[Trajectory]] = {wanted: Runs()}
    if wanted == BASELINE:
        found |= {UNSUPERVISED: Runs(), NOISE: Runs()}
    others: set[str] = set()
    told, notes = Unused(), list[str]()
    for path in paths:
        unused = Unused()
        folders = _folders(path, unused)
        if not folders:
            looked_for = f"TRACKER/{wanted}/SEQUENCE/SEQUENCE_001.txt"
            raise DataError(f"{path} holds no result {looked_for}: {unused.told()}")
        told.odd += unused.odd
        told.kinds += unused.kinds
        told.archives += unused.archives
        bare = [one for one in folders if not one.experiment]
        if len(bare) == len(folders) and wanted == BASELINE:
            kinds = _kinds(bare)
            notes += [_bare_note(*one) for one in kinds.items()]
            for one in bare:
                found[kinds[one.runs.tracker]].put(one.runs)
            continue
        for one in folders:
            if one.experiment in found:
                found[one.experiment].put(one.runs)
            else:
                others.add(one.name)
    supervised = found.pop(wanted)
    unsupervised, noise = (found.get(name, Runs()) for name in (UNSUPERVISED, NOISE))
    return StoredResults(
        supervised, unsupervised, tuple(sorted(others)), noise, wanted, (*notes, *told.lines())
    )


@dataclass(frozen=True)
class _Met:
    """A tracker's runs on a sequence, and the experiment; "" outside a folder of one."""

    name: str
    experiment: str
    runs: Folder[Trajectory]


def _folders(path: Path, unused: Unused) -> list[_Met]:
    """Return what lies in a folder or an archive, in its order."""
    met: dict[tuple[str, ...], _Met] = {}
    odd: dict[Parts, str] = {}  # folder of an experiment -> the first file in it that is no run
    good: set[Parts] = set()  # those with a run
    for file in stored(path, _may_be_run):
        unused.meet(file.parts)
        whole = file.above + file.parts
        within = _experiment_folder(file.parts)
        if file.data is None:
            if within and PurePosixPath(whole[-1]).suffix.lower() in READ:
                odd.setdefault(within, "/".join(file.parts))
            other = (*whole[:-1], f"{PurePosixPath(whole[-1]).stem}.txt")
            unused.take(file.parts, is_run=_place(other) is not None)
            continue
        place = _place(whole)
        if place is None:
            if within:
                odd.setdefault(within, "/".join(file.parts))
            continue
        good.add(within)
        tracker, experiment, sequence = place
        name = f"{tracker}/{experiment}" if experiment else "/".join(whole[-4:-2])
        # SEQUENCE.txt beside SEQUENCE_001.txt is no run of its own.
        at = (*whole[:-1], sequence, "" if run_of(whole[-1]) else "alone")
        one = _Met(name, experiment, Folder(tracker, sequence, file.place))
        met.setdefault(at, one).runs.take(file, parse)
    unused.odd += [name for within, name in odd.items() if within not in good]
    return [one for at, one in met.items() if not at[-1] or (*at[:-1], "") not in met]


def _experiment_folder(parts: Parts) -> Parts:
    """Return the path of the folder of an experiment that a file lies in; nothing of another."""
    ends = [at for at, part in enumerate(parts[:-1], 1) if part.lower() in _EXPERIMENTS]
    return parts[: ends[-1]] if ends else ()


def _may_be_run(parts: Parts) -> bool:
    """Return whether a file is called as a run, or as the folder that it lies in."""
    path = PurePosixPath(parts[-1])
    alone = path.suffix.lower() in READ and path.stem.lower() == "".join(parts[-2:-1]).lower()
    return alone or bool(run_of(path.name))


def _place(whole: Parts) -> tuple[str, str, str] | None:
    """Return tracker, experiment, "" outside a folder of one, and sequence; None of no run."""
    *above, name = whole
    experiments = [part.lower() if part.lower() in _EXPERIMENTS else "" for part in above]
    if len(above) > 1 and experiments[-1]:
        return (above[-2], experiments[-1], run_of(name)) if run_of(name) else None
    if len(above) > 2 and experiments[-2] and _may_be_run(whole) and _is_of(name, above[-1]):
        return above[-3], experiments[-2], above[-1]
    if len(above) > 1 and is_run(whole):
        return tracker_of(tuple(above), above[-1].lower(), str.lower), "", above[-1]
    return None


def _is_of(name: str, sequence: str) -> bool:
    """Return whether SEQUENCE_001.txt or SEQUENCE.txt is of a sequence."""
    return sequence.lower() in (run_of(name).lower(), PurePosixPath(name).stem.lower())


def _kinds(bare: Iterable[_Met]) -> dict[str, str]:
    """Return tracker -> the experiment that its runs outside a folder of one are of."""
    kinds: dict[str, str] = {}
    for one in bare:
        kinds.setdefault(one.runs.tracker, UNSUPERVISED)
        if any((run.codes[1:] != Code.FOLLOWED).any() for run in one.runs.runs.values()):
            kinds[one.runs.tracker] = BASELINE
    return kinds


def _bare_note(tracker: str, experiment: str) -> str:
    why = "some rows after the first are" if experiment == BASELINE else "no row after the first is"
    return f"{tracker} lies in no folder of an experiment: taken as {experiment}, for {why} a code"
