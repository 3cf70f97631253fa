"""VOT's scores for a page of results: those of `reports.stored_vot`, with intervals and runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as bx
from pursuit import datasets
from pursuit.archives import Parts, stored
from pursuit.datasets.vot import Benchmark, rows_of
from pursuit.errors import DataError
from pursuit.measures.statistics import Statistic
from pursuit.measures.vot import Code
from pursuit.measures.vot_ranking import Ranks
from pursuit.measures.vot_rules import Rules
from pursuit.measures.vot_sums import Totals
from pursuit.reports import comparison, stored_vot
from pursuit.reports.places import Place, other_names, without
from pursuit.reports.stored_vot_ranks import ranks_of
from pursuit.reports.vot import benchmark, truth_of
from pursuit.results.vot import BASELINE, EXPERIMENTS, Run, parse
from pursuit.results.vot_found import StoredResults, read_stored

Array = NDArray[np.float64]
Ends = tuple[float, float]

_NO_ENDS = (math.nan, math.nan)


@dataclass(frozen=True)
class VotScore:
    """How a tracker did.

    Attributes:
        label: what it is called.
        score: its measures.
        fps: frames a second at the median time of an update; NaN where nobody measured.
        frame_ms: mean time of a frame, those of starts too; NaN likewise.
    """

    label: str
    score: stored_vot.Score
    fps: float
    frame_ms: float = math.nan

    @property
    def total(self) -> int:
        """Number of sequences it should have run on."""
        return len(self.score.sequences) + len(self.score.failed)

    @cached_property
    def intervals(self) -> tuple[Ends, Ends]:
        """The 95 % intervals of accuracy and robustness, sequences drawn again 10,000 times."""
        if len(self.score.sequences) < 2:
            return _NO_ENDS, _NO_ENDS
        of = Totals(Rules.MATLAB, None)
        return _ends(self.score.sums, of.accuracy), _ends(self.score.sums, of.robustness)


@dataclass(frozen=True)
class VotScores:
    """Trackers by VOT's supervised experiment.

    Attributes:
        trackers: the best first.
        lengths: the interval that EAO is over; None where there is none.
        caption: whose definitions.
        runs: (tracker, sequence) -> its first run, and the labels (T, 4) as upright boxes.
        folders: tracker -> its folder on disk, where it has one.
        notes: what must be said beside, a line each.
        ranks: of the trackers, None where there are not two with all results.
    """

    trackers: tuple[VotScore, ...]
    lengths: tuple[int, int] | None
    caption: str
    runs: Mapping[tuple[str, str], tuple[Run, Array]]
    folders: Mapping[str, Path]
    notes: tuple[str, ...]
    ranks: Ranks | None

    @property
    def wrong(self) -> list[str]:
        """What the trackers' means lack and why, a line each."""
        shown = (replace(one.score, unsupervised=None) for one in self.trackers)
        return [line for one in shown for line in one.wrong]


@dataclass(frozen=True)
class _Stored:
    """The first run of a tracker on a sequence, the file's path on disk, and times (T,) if any."""

    tracker: str
    sequence: str
    run: Run
    file: Path | None
    seconds: Array | None


def judged(
    places: Sequence[Place],
    ground_truth: Path | None,
    videos: Mapping[str, datasets.Sequence],
) -> VotScores:
    """Return the scores of results by a ground truth in files, or else by the labels of videos.

    Raises:
        DataError: the ground truth cannot be read, or no tracker ran on its sequences.
    """
    ran = {name for place in places for _, name in place.vot}
    if ground_truth is not None:
        truth = truth_of(ground_truth)
    else:
        truth = benchmark([one for name, one in videos.items() if name in ran], None)
    seen = {name: one for name, one in truth.sequences.items() if name in ran}
    if not seen:
        where = ", ".join(str(place.path) for place in places)
        raise DataError(f"{where}: no VOT result is of a sequence with labels")
    left = [name for name in truth.sequences if name not in ran]
    left += [name for name in videos if ground_truth is None and name not in ran]
    return _scores(places, replace(truth, sequences=seen), without(left))


def _scores(places: Sequence[Place], truth: Benchmark, notes: Sequence[str]) -> VotScores:
    names = other_names({place.path: place.vot for place in places})
    paths = [place.path for place in places]
    # Two runs of one tracker are judged apart; else results may be spread over places.
    groups = [[path] for path in paths] if names else [paths]
    trackers, runs, folders, said = [], {}, {}, list(notes)
    for group in groups:
        found = stored_vot.scores(Rules.MATLAB, _of_vot(read_stored(group)), truth)
        said += found.notes
        stored_runs = [one for path in group for one in _first_runs(path)]
        for one in found.trackers:
            label = names.get((group[0], one.label), one.label)
            mine = [run for run in stored_runs if run.tracker == one.label]
            trackers.append(VotScore(label, replace(one, label=label), *_pace(mine)))
            for run in mine:
                if run.sequence in one.sequences:
                    regions = truth.sequences[run.sequence].regions
                    runs[label, run.sequence] = (run.run, bx.around(regions.corners()))
                if run.file is not None:
                    folders[label] = run.file.parents[2]
    trackers.sort(key=lambda one: (math.isnan(one.score.eao), -one.score.eao, one.label))
    return VotScores(
        tuple(trackers), found.interval, found.caption, runs, folders,
        tuple(dict.fromkeys(said)), ranks_of([one.score for one in trackers]),
    )  # fmt: skip


def _of_vot(results: StoredResults) -> StoredResults:
    """Return results without those of other benchmarks, which other parts of the page tell of."""
    others = [one for one in results.others if one.split("/")[-1].lower() in EXPERIMENTS]
    return replace(results, others=tuple(others))


def _first_runs(path: Path) -> Iterator[_Stored]:
    """Yield the first run of each tracker on each sequence that can be read."""

    def is_first(parts: Parts) -> bool:
        return parts[-1].endswith("_001.txt") and parts[-3:-2] in ((BASELINE,), ())

    for file in stored(path, is_first):
        whole = file.above + file.parts
        if file.data is None or len(whole) < 4 or whole[-3] != BASELINE:
            continue
        try:
            found = parse(file.data, file.place)
        except DataError:
            continue  # the scores tell
        run = Run(found.codes, bx.around(found.regions.corners()))
        disk = Path(file.place) if Path(file.place).is_file() else None
        yield _Stored(whole[-4], whole[-2], run, disk, _seconds(disk, len(found.codes)))


def _seconds(file: Path | None, count: int) -> Array | None:
    """Return the seconds (T,) of a run's frames, where the toolkit's file of them is whole."""
    times = file.with_name(f"{file.stem}_time.value") if file else None
    if times is None or not times.is_file():
        return None
    try:
        rows = rows_of(times.read_bytes(), str(times))
    except (OSError, DataError):
        return None
    return np.array(rows)[:, 0] if len(rows) == count and all(map(len, rows)) else None


def _pace(runs: Sequence[_Stored]) -> tuple[float, float]:
    """Return frames a second at the median of updates, mean ms of frames; NaN without times."""
    timed = [(one.run.codes, one.seconds) for one in runs if one.seconds is not None]
    frames = [seconds[seconds > 0] for _, seconds in timed]
    updates = [seconds[(codes != Code.STARTED) & (seconds > 0)] for codes, seconds in timed]
    some = np.concatenate([np.empty(0), *updates])
    if not len(some):
        return math.nan, math.nan
    return 1 / float(np.median(some)), 1000 * float(np.concatenate(frames).mean())


def _ends(sums: Mapping[str, Array], statistic: Statistic) -> Ends:
    low, high = comparison.interval(sums, statistic) or _NO_ENDS
    return low, high
