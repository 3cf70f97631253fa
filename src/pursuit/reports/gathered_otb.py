"""OTB's scores for a page of results: those of `reports.stored_otb`, with boxes and speeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit import datasets
from pursuit.datasets.otb_list import entries, key
from pursuit.datasets.reading import plural
from pursuit.errors import DataError
from pursuit.measures import otb as otb_measures
from pursuit.reports import stored_otb
from pursuit.reports.places import Place, other_names, without
from pursuit.reports.scores import TrackerScore, pace
from pursuit.reports.stored_otb import OPE, TRE, Stored
from pursuit.results import otb as otb_results
from pursuit.results.otb_found import Found, find
from pursuit.results.otb_labels import Truth, read_truth
from pursuit.results.runs import Unused

_OPE_OF = (1, 20)  # numbers of runs of which the first is one from the start to the end


@dataclass(frozen=True)
class OtbScores:
    """Trackers by OTB's protocols.

    Attributes:
        trackers: the best first; those with times have a speed.
        truths: the labels, by key.
        boxes: (tracker, sequence) -> (T, 4) of the one-pass run, where rows and labels are as many.
        folders: tracker -> its folder on disk, where it has one.
        notes: what must be said beside, a line each.
    """

    trackers: tuple[Stored, ...]
    truths: Mapping[str, Truth]
    boxes: Mapping[tuple[str, str], NDArray[np.float64]]
    folders: Mapping[str, Path]
    notes: tuple[str, ...]

    @property
    def wrong(self) -> list[str]:
        """What the trackers' means lack and why, a line each."""
        return [line for one in self.trackers for line in one.wrong]


def judged(
    places: Sequence[Place], ground_truth: Path | None, videos: Mapping[str, datasets.Sequence]
) -> OtbScores:
    """Return the scores of results by a ground truth in files, or else by the labels of videos.

    Raises:
        DataError: a place cannot be read, or holds no results of sequences with labels.
    """
    known = read_truth(ground_truth) if ground_truth else _labels(videos)
    unused = Unused()
    paths = [place.path for place in places]
    found = _renamed({path: _of_otb(find([path], known, known, unused)) for path in paths})
    if not found:
        where = ", ".join(map(str, paths))
        raise DataError(f"{where}: no results of the {plural(len(known), 'sequence')} with labels")
    seen = {one.sequence for one in found}
    truths = {at: truth for at, truth in known.items() if at in seen}
    trackers, notes = stored_otb.judge(found, truths, otb_measures.MATLAB)
    left = [truth.name for at, truth in known.items() if at not in seen]
    return OtbScores(
        _with_speeds(trackers, found, truths),
        truths,
        {
            (one.tracker, truths[one.sequence].name): one.runs[0].boxes
            for one in found
            if len(one.runs) in _OPE_OF
            and len(one.runs[0].boxes) == len(truths[one.sequence].boxes)
        },
        {one.tracker: _folder(one) for one in found if Path(one.place).exists()},
        (*notes, *unused.lines(), *without(left)),
    )


def _of_otb(found: Iterable[Found]) -> list[Found]:
    """Return results without those that lie as GOT-10k's do, which another part tells of."""
    return [one for one in found if not one.numbered]


def _labels(videos: Mapping[str, datasets.Sequence]) -> dict[str, Truth]:
    found = {}
    for name, sequence in videos.items():
        entry = entries().get(key(name))
        if sequence.labelled.any():
            found[key(name)] = Truth(entry.name if entry else name, sequence.boxes, entry)
    return found


def _folder(one: Found) -> Path:
    """Return the folder of a tracker; runs of TRE and SRE lie in TRACKER/tre/SEQUENCE."""
    return Path(one.place).parents[1 if one.kind else 0]


def _renamed(found: Mapping[Path, Sequence[Found]]) -> list[Found]:
    """Return all results, trackers named with their place where two places have the same ones."""
    names = other_names(
        {path: [(x.tracker, x.sequence) for x in ones] for path, ones in found.items()}
    )
    return [
        replace(one, tracker=names.get((path, one.tracker), one.tracker))
        for path, ones in found.items()
        for one in ones
    ]


def _with_speeds(
    trackers: Iterable[Stored], found: Sequence[Found], truths: Mapping[str, Truth]
) -> tuple[Stored, ...]:
    """Return scores with the pace of those whose times lie beside their boxes."""
    runs: dict[tuple[str, str], dict[str, list[otb_results.Run]]] = {}
    for one in sorted(found, key=lambda one: not one.kind):  # its own OPE comes last, and stays
        timed, name = _timed_runs(one), truths[one.sequence].name
        if timed:
            runs.setdefault((one.tracker, one.kind or OPE), {})[name] = timed
        if timed and one.kind == TRE:
            runs.setdefault((one.tracker, OPE), {})[name] = timed[:1]
    return tuple(
        replace(
            one,
            kinds={
                kind: _timed(score, runs.get((one.label, kind), {}))
                for kind, score in one.kinds.items()
            },
        )
        for one in trackers
    )


def _timed_runs(one: Found) -> list[otb_results.Run]:
    """Return the runs of a result whose times lie beside them; none where one's do not."""
    place = Path(one.place)
    if one.kind:
        stems = [
            otb_results.numbered(place.parent, place.name, number)
            for number in range(1, len(one.runs) + 1)
        ]
    else:
        stems = [(place.parent, place.stem)] if len(one.runs) == 1 else []
    if not all(otb_results.times_path(*at).is_file() for at in stems):
        return []
    return [otb_results.with_times(run.boxes, *at) for run, at in zip(one.runs, stems, strict=True)]


def _timed(one: TrackerScore, runs: Mapping[str, list[otb_results.Run]]) -> TrackerScore:
    parts = tuple(
        replace(part, speed=pace(runs[part.name])) if part.name in runs else part
        for part in one.sequences
    )
    return replace(
        one, sequences=parts, speed=pace([run for each in runs.values() for run in each])
    )
