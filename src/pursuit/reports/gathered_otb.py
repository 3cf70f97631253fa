"""OTB's scores for a page of results: those of `reports.stored_otb`, with boxes and speeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pursuit import datasets
from pursuit.datasets.otb_list import entries, key
from pursuit.errors import DataError
from pursuit.measures import otb as otb_measures
from pursuit.reports import stored_otb
from pursuit.reports.gathered_kind import KindScores
from pursuit.reports.labels import Labels
from pursuit.reports.left_out import noted, unscored
from pursuit.reports.places import Pair, Place, folder_of, other_names
from pursuit.reports.scores import TrackerScore, pace
from pursuit.reports.stored_otb import OPE, TRE, Stored
from pursuit.results import otb as otb_results
from pursuit.results.otb_found import Found, find
from pursuit.results.otb_labels import Truth, read_truth

_OPE_OF = (1, 20)  # numbers of runs of which the first is one from the start to the end


@dataclass(frozen=True, kw_only=True)
class OtbScores(KindScores[Stored]):
    """Trackers by OTB's protocols; those with times have a speed.

    Attributes:
        truths: the labels, by key.
        boxes: (tracker, sequence) -> (T, 4) of the one-pass run, where rows and labels are as many.
    """

    kind: ClassVar[str] = "OTB"
    truths: Mapping[str, Truth]
    boxes: Mapping[tuple[str, str], NDArray[np.float64]]

    @property
    def has_scores(self) -> bool:
        """Whether a tracker has a right result on a sequence."""
        return any(score.sequences for one in self.trackers for score in one.kinds.values())


def judged(places: Sequence[Place], labels: Labels) -> OtbScores | None:
    """Return the scores of results in some places that no other kind has taken; None of none.

    Beside results of another kind, files that are called as results and of which none can be
    read are no results.

    Raises:
        DataError: a place cannot be read; or the ground truth cannot, and there may be results;
            or all of them are on sequences that are left out.
    """
    known, error = _known(labels)
    names = {*known, *labels.not_to_be_used}
    each: dict[Path, list[Found]] = {}
    beside: dict[Path, set[Pair]] = {}  # left out
    for place in places:
        ones = list(find([place.path], names, names, place.unused, others=place.taken))
        place.otb = bool(ones)
        each[place.path] = [one for one in ones if one.sequence in known]
        left_out = [one for one in ones if one.sequence not in known and not one.wrong]
        if left_out:
            beside[place.path] = {(one.tracker, one.sequence) for one in left_out}
    if error is not None and any(place.unused.names for place in places):
        raise error
    ones = [one for found in each.values() for one in found]
    pairs = set[Pair]().union(*beside.values())
    if not ones and pairs:
        raise labels.nothing(OtbScores.kind, beside, {at for _, at in pairs})
    if all(one.wrong for one in ones) and any(place.taken for place in places):
        for place in places:
            place.unused.wrong += [one.place for one in each[place.path]]
        return None
    if not ones:
        return None
    folders: dict[str, Path] = {}
    found = _renamed(each, folders)
    seen = {one.sequence for one in found}
    truths = {at: truth for at, truth in known.items() if at in seen}
    trackers, notes = stored_otb.judge(found, truths, otb_measures.MATLAB)
    run_on = tuple(truth.name for truth in truths.values())
    # SEQUENCE-1.txt may be of the first target of a video, where nothing tells these any more.
    pairs = {pair for pair in pairs if not pair[0].isdecimal()}
    pairs |= {(one.tracker, one.sequence) for one in ones}
    return OtbScores(
        trackers=_with_speeds(trackers, found, truths),
        sequences=run_on,
        unrun=tuple(truth.name for at, truth in known.items() if at not in seen),
        left_out=noted(labels, run_on, folders),
        folders=folders,
        notes=(*notes, *unscored(OtbScores.kind, labels, pairs)),
        truths=truths,
        boxes={
            (one.tracker, truths[one.sequence].name): one.runs[0].boxes
            for one in found
            if len(one.runs) in _OPE_OF
            and len(one.runs[0].boxes) == len(truths[one.sequence].boxes)
        },
    )


def _known(labels: Labels) -> tuple[dict[str, Truth], DataError | None]:
    """Return the labels by key, or what is wrong with them."""
    if labels.ground_truth is None:
        return _of_videos(labels.videos), None
    try:
        return read_truth(labels.ground_truth), None
    except DataError as error:
        return {}, error


def _of_videos(videos: Mapping[str, datasets.Sequence]) -> dict[str, Truth]:
    found = {}
    for name, sequence in videos.items():
        entry = entries().get(key(name))
        found[key(name)] = Truth(entry.name if entry else name, sequence.boxes, entry)
    return found


def _renamed(each: Mapping[Path, Sequence[Found]], folders: dict[str, Path]) -> list[Found]:
    """Return all results, trackers named with their place where two places have the same ones.

    `folders` is told of the trackers' folders on disk.
    """
    names = other_names(
        {path: [(x.tracker, x.sequence) for x in ones] for path, ones in each.items()}
    )
    found = []
    for path, one in ((path, one) for path, ones in each.items() for one in ones):
        tracker = names.get((path, one.tracker), one.tracker)
        folder = folder_of(one.place, one.tracker)
        if folder is not None:
            folders[tracker] = folder
        found.append(replace(one, tracker=tracker))
    return found


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
    if not stems or not all(otb_results.times_path(*at).is_file() for at in stems):
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
