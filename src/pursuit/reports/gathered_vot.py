"""VOT's scores for a page of results: those of `reports.stored_vot`, with intervals and runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as bx
from pursuit.datasets.vot import Benchmark, rows_of
from pursuit.errors import DataError
from pursuit.measures.statistics import Statistic
from pursuit.measures.vot import Code
from pursuit.measures.vot_ranking import Ranks
from pursuit.measures.vot_rules import Rules
from pursuit.measures.vot_sums import Totals
from pursuit.reports import comparison, stored_vot
from pursuit.reports.gathered_kind import KindScores
from pursuit.reports.labels import Labels
from pursuit.reports.left_out import noted, unscored
from pursuit.reports.places import Place, folder_of, other_names
from pursuit.reports.stored_vot_ranks import ranks_of
from pursuit.reports.vot import benchmark, truth_of
from pursuit.results.vot import BASELINE, NOISE, UNSUPERVISED, Run, Trajectory
from pursuit.results.vot_found import StoredResults, joined

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
    def wrong(self) -> list[str]:
        """What its means lack and why, a line each."""
        return replace(self.score, unsupervised=None).wrong

    @cached_property
    def intervals(self) -> tuple[Ends, Ends]:
        """The 95 % intervals of accuracy and robustness, sequences drawn again 10,000 times."""
        if len(self.score.sequences) < 2:
            return _NO_ENDS, _NO_ENDS
        of = Totals(Rules.MATLAB, None)
        return _ends(self.score.sums, of.accuracy), _ends(self.score.sums, of.robustness)


@dataclass(frozen=True, kw_only=True)
class VotScores(KindScores[VotScore]):
    """Trackers by VOT's supervised experiment.

    Attributes:
        lengths: the interval that EAO is over; None where there is none.
        caption: whose definitions.
        runs: (tracker, sequence) -> its first run, and the labels (T, 4) as upright boxes.
        ranks: of the trackers, None where there are not two with all results.
    """

    kind: ClassVar[str] = "VOT"
    lengths: tuple[int, int] | None
    caption: str
    runs: Mapping[tuple[str, str], tuple[Run, Array]]
    ranks: Ranks | None

    @property
    def has_scores(self) -> bool:
        """Whether a tracker has a right result on a sequence."""
        return any(one.score.sequences for one in self.trackers)


def judged(places: Sequence[Place], labels: Labels) -> VotScores | None:
    """Return the scores of VOT's results in some places; None where there are none with resets.

    Raises:
        DataError: the ground truth cannot be read, or no tracker ran on its sequences.
    """
    pairs = {place.path: place.vot.supervised.places for place in places}
    if not any(pairs.values()):
        return None
    runs = {(tracker, name.lower()) for each in pairs.values() for tracker, name in each}
    met = {name for _, name in runs}
    ran = met - labels.not_to_be_used
    if labels.ground_truth is not None:
        truth = truth_of(labels.ground_truth)
    else:
        truth = benchmark([x for name, x in labels.videos.items() if name.lower() in ran], None)
    seen = {name: one for name, one in truth.sequences.items() if name.lower() in ran}
    if not seen:
        raise labels.nothing(VotScores.kind, (path for path, each in pairs.items() if each), met)
    known = truth.sequences if labels.ground_truth is not None else labels.videos
    left = tuple(name for name in known if name.lower() not in ran)
    names = other_names(pairs)

    def called(at: int, tracker: str, sequence: str) -> tuple[str, str] | None:
        if sequence.lower() in labels.not_to_be_used:
            return None
        return names.get((places[at].path, tracker), tracker), sequence

    results = joined((place.vot for place in places), called)
    given = {new: tracker for (_, tracker), new in names.items()}
    scores = _scores(results, replace(truth, sequences=seen), given, labels, left)
    return replace(scores, notes=(*scores.notes, *unscored(VotScores.kind, labels, runs)))


def beside(places: Sequence[Place]) -> list[str]:
    """Return a line on each of VOT's results that are not with resets, where none are."""
    names = {
        name
        for place in places
        for name in (
            *place.vot.others,
            *(f"{tracker}/{UNSUPERVISED}" for tracker in place.vot.unsupervised.found),
            *(f"{tracker}/{NOISE}" for tracker in place.vot.noise.found),
        )
    }
    return [f"not scored: {name}: only the {BASELINE} is" for name in sorted(names)]


def _scores(
    results: StoredResults,
    truth: Benchmark,
    given: Mapping[str, str],
    labels: Labels,
    unrun: tuple[str, ...],
) -> VotScores:
    """Return scores; `given` has what results call the trackers that are called anew here."""
    found = stored_vot.scores(Rules.MATLAB, results, truth)
    trackers = []
    runs: dict[tuple[str, str], tuple[Run, Array]] = {}
    folders: dict[str, Path] = {}
    for one in found.trackers:
        mine = {name.lower(): x[0] for name, x in results.supervised.found[one.label].items()}
        trackers.append(VotScore(one.label, one, *_pace(mine.values())))
        for name in one.sequences:
            run = mine[name.lower()]
            boxes = bx.around(truth.sequences[name].regions.corners())
            runs[one.label, name] = (Run(run.codes, bx.around(run.regions.corners())), boxes)
        for run in mine.values():
            folder = folder_of(run.place, given.get(one.label, one.label))
            if folder is not None:
                folders[one.label] = folder
    return VotScores(
        trackers=tuple(trackers),
        sequences=tuple(truth.sequences),
        unrun=unrun,
        left_out=noted(labels, truth.sequences, folders),
        folders=folders,
        notes=found.notes,
        lengths=found.interval,
        caption=found.caption,
        runs=runs,
        ranks=ranks_of([one.score for one in trackers]),
    )


def _seconds(run: Trajectory) -> Array | None:
    """Return the seconds (T,) of a run's frames, where the toolkit's file of them is whole."""
    file, count = Path(run.place), len(run.codes)
    times = file.with_name(f"{file.stem}_time.value")
    if not times.is_file():
        return None
    try:
        rows = rows_of(times.read_bytes(), str(times))
    except (OSError, DataError):
        return None
    return np.array(rows)[:, 0] if len(rows) == count and all(map(len, rows)) else None


def _pace(runs: Iterable[Trajectory]) -> tuple[float, float]:
    """Return frames a second at the median of updates, mean ms of frames; NaN without times."""
    both = [(one.codes, _seconds(one)) for one in runs]
    timed = [(codes, seconds) for codes, seconds in both if seconds is not None]
    frames = [seconds[seconds > 0] for _, seconds in timed]
    updates = [seconds[(codes != Code.STARTED) & (seconds > 0)] for codes, seconds in timed]
    some = np.concatenate([np.empty(0), *updates])
    if not len(some):
        return math.nan, math.nan
    return 1 / float(np.median(some)), 1000 * float(np.concatenate(frames).mean())


def _ends(sums: Mapping[str, Array], statistic: Statistic) -> Ends:
    low, high = comparison.interval(sums, statistic) or _NO_ENDS
    return low, high
