"""VOT results wherever they lie: what trackers did with resets, and beside that without.

A result is TRACKER/EXPERIMENT/SEQUENCE/SEQUENCE_001.txt (002, ... where the tracker ran several
times; .csv or .bin), or TRACKER/EXPERIMENT/SEQUENCE_001.txt, or .../SEQUENCE/SEQUENCE.txt. Where
nothing lies in the folder of an experiment, TRACKER/SEQUENCE/SEQUENCE_001.txt is one with resets
if a row after the first is a code, or else one without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath

from pursuit.archives import Parts, stored
from pursuit.errors import DataError
from pursuit.measures.vot import Code
from pursuit.results.otb_names import SEVERAL
from pursuit.results.runs import Folder, Runs, Unused
from pursuit.results.vot import BASELINE, NOISE, UNSUPERVISED, Trajectory, parse
from pursuit.results.vot_names import READ, experiment_folder, may_be_run, place, run_of


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
        files: those that are of VOT's experiments, by their parts, where all lie in one place.
    """

    supervised: Runs[Trajectory]
    unsupervised: Runs[Trajectory]
    others: tuple[str, ...]
    noise: Runs[Trajectory] = field(default_factory=Runs)
    experiment: str = BASELINE
    notes: tuple[str, ...] = ()
    files: frozenset[Parts] = frozenset()


def read_stored(paths: Iterable[Path], wanted: str = BASELINE) -> StoredResults:
    """Return what trackers did with resets, and beside the baseline, out of folders and archives.

    Args:
        paths: of the folders and archives.
        wanted: name of the folder of the experiment with resets.

    Raises:
        DataError: a folder or archive cannot be read or holds no result.
    """
    told, each = Unused(), list[StoredResults]()
    for path in paths:
        unused = Unused()
        found = find(path, unused, wanted)
        if not found.files:
            looked_for = f"TRACKER/{wanted}/SEQUENCE/SEQUENCE_001.txt"
            raise DataError(f"{path} holds no result {looked_for}: {unused.told()}")
        told.odd += unused.odd
        told.kinds += unused.kinds
        told.archives += unused.archives
        each.append(found)
    found = joined(each)
    return replace(found, experiment=wanted, notes=(*found.notes, *told.lines()))


def find(
    path: Path, unused: Unused, wanted: str = BASELINE, *, coded: bool = False
) -> StoredResults:
    """Return what trackers did with resets in a folder or an archive; nothing where none did.

    Args:
        path: of the folder or archive.
        unused: is told of files that are no results though they lie where such are.
        wanted: name of the folder of the experiment with resets.
        coded: whether results outside the folder of an experiment are VOT's only of a tracker
            that has a code in some, and GOT-10k's else.

    Raises:
        DataError: it cannot be read.
    """
    met, files = _folders(path, unused)
    if coded:
        mine = {one.runs.tracker for one in met if not one.experiment and one.is_coded}
        met = [one for one in met if one.experiment or one.runs.tracker in mine]
    files |= {parts for one in met for parts in one.files}
    bare = [one for one in met if not one.experiment]
    found: dict[str, Runs[Trajectory]] = {wanted: Runs()}
    if wanted == BASELINE:
        found |= {UNSUPERVISED: Runs(), NOISE: Runs()}
    others, notes = set[str](), list[str]()
    alone = len(bare) == len(met) and wanted == BASELINE
    kinds = _kinds(bare) if alone else {}
    notes += [_bare_note(*one) for one in kinds.items()]
    for one in met:
        experiment = kinds.get(one.runs.tracker, one.experiment)
        if experiment in found:
            found[experiment].put(one.runs)
        else:
            others.add(one.name)
    supervised = found.pop(wanted)
    unsupervised, noise = (found.get(name, Runs()) for name in (UNSUPERVISED, NOISE))
    return StoredResults(
        supervised, unsupervised, tuple(sorted(others)), noise, wanted, tuple(notes),
        frozenset(files) if met else frozenset(),
    )  # fmt: skip


def joined(
    each: Iterable[StoredResults],
    called: Callable[[int, str, str], tuple[str, str] | None] | None = None,
) -> StoredResults:
    """Return the results of several places as those of one.

    Args:
        each: the places' results.
        called: number of a place, tracker and sequence -> what tracker and sequence are called,
            None for those to leave out; None for as they are.
    """
    all_of = StoredResults(Runs(), Runs(), ())
    others, notes = set[str](), dict[str, None]()
    for at, one in enumerate(each):
        names = partial(called, at) if called else _as_they_are
        all_of.supervised.take(one.supervised, names)
        all_of.unsupervised.take(one.unsupervised, names)
        all_of.noise.take(one.noise, names)
        others |= set(one.others)
        notes |= dict.fromkeys(one.notes)
    return replace(all_of, others=tuple(sorted(others)), notes=tuple(notes))


def _as_they_are(tracker: str, sequence: str) -> tuple[str, str]:
    return tracker, sequence


@dataclass(frozen=True)
class _Met:
    """A tracker's runs on a sequence, and the experiment; "" outside a folder of one."""

    name: str
    experiment: str
    runs: Folder[Trajectory]
    files: list[Parts]

    @property
    def is_coded(self) -> bool:
        """Whether a row is a code, or a file is of a form that only VOT has."""
        packed = any(parts[-1].lower().endswith(".bin") for parts in self.files)
        return packed or any(
            bool((run.codes != Code.FOLLOWED).any()) for run in self.runs.runs.values()
        )


def _folders(path: Path, unused: Unused) -> tuple[list[_Met], set[Parts]]:
    """Return what lies in a folder or an archive, in its order, and files beside of experiments."""
    met: dict[tuple[str, ...], _Met] = {}
    files: set[Parts] = set()
    odd: dict[Parts, str] = {}  # folder of an experiment -> the first file in it that is no run
    good: set[Parts] = set()  # those with a run
    for file in stored(path, may_be_run):
        unused.meet(file.parts)
        whole = file.above + file.parts
        within = experiment_folder(file.parts)
        if len(within) > 1:  # the first folder was named to us, and may be called anything
            files.add(file.parts)
        if file.data is None:
            if within and PurePosixPath(whole[-1]).suffix.lower() in READ:
                odd.setdefault(within, "/".join(file.parts))
            other = (*whole[:-1], f"{PurePosixPath(whole[-1]).stem}.txt")
            unused.take(file.parts, is_run=place(other) is not None)
            continue
        at = place(whole)
        if at is None:
            if within:
                odd.setdefault(within, "/".join(file.parts))
            continue
        tracker, experiment, sequence = at
        if not experiment and whole[-3].lower() in SEVERAL:
            continue  # OTB's
        good.add(within)
        name = f"{tracker}/{experiment}" if experiment else "/".join(whole[-4:-2])
        # SEQUENCE.txt beside SEQUENCE_001.txt is no run of its own.
        key = (*whole[:-1], sequence, "" if run_of(whole[-1]) else "alone")
        one = met.setdefault(key, _Met(name, experiment, Folder(tracker, sequence, file.place), []))
        one.files.append(file.parts)
        one.runs.take(file, parse)
    unused.odd += [name for within, name in odd.items() if within not in good]
    return [one for key, one in met.items() if not key[-1] or (*key[:-1], "") not in met], files


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
