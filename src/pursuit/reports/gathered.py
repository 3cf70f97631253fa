"""What a page of results is made from: the scores of results on disk, and their boxes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit import datasets
from pursuit.datasets.otb_list import entries, key
from pursuit.datasets.reading import plural
from pursuit.errors import DataError, SettingsError
from pursuit.measures import otb as otb_measures
from pursuit.measures.speed import efo
from pursuit.reports import stored_otb
from pursuit.reports.gathered_vot import VotScores, judged
from pursuit.reports.places import Place, look, other_names, without
from pursuit.reports.scores import TrackerScore, pace
from pursuit.reports.stored_otb import OPE, Stored
from pursuit.results import otb as otb_results
from pursuit.results.made_with import filter_ms
from pursuit.results.otb_found import Found, Truth, Unused, find, read_truth

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


@dataclass(frozen=True)
class Gathered:
    """All that is known of some results.

    Attributes:
        otb, vot: scores, None where there are no such results.
        videos: name -> sequence, for pictures; none where nobody named them.
        places: of the results.
        efo: tracker -> its speed in equivalent filter operations, of those where it is known.
    """

    otb: OtbScores | None
    vot: VotScores | None
    videos: Mapping[str, datasets.Sequence]
    places: Sequence[Place] = ()
    efo: Mapping[str, float] = field(default_factory=dict)

    @property
    def wrong(self) -> list[str]:
        """What the means lack and why, a line each."""
        nothing = [
            f"{label} has no result at all in {place.path}: run `pursuit evaluate` again, which "
            "tells why"
            for place in self.places
            for label in place.nothing
        ]
        return [line for part in (self.otb, self.vot) if part for line in part.wrong] + nothing

    @property
    def notes(self) -> list[str]:
        """What must be said beside, a line each."""
        lines = [line for part in (self.otb, self.vot) if part for line in part.notes]
        lines += [
            f"{place.path}: results of GOT-10k's kind are not on this page: `pursuit score got10k` "
            "has their measures"
            for place in self.places
            if place.got10k
        ]
        return list(dict.fromkeys(lines))

    @property
    def folders(self) -> dict[str, Path]:
        """Tracker -> its folder on disk, of those that have one."""
        return {
            label: path
            for part in (self.vot, self.otb)
            if part
            for label, path in part.folders.items()
        }

    @property
    def labels(self) -> list[str]:
        """All trackers, the best first, OTB's before the others."""
        otb = [one.label for one in self.otb.trackers] if self.otb else []
        vot = [one.label for one in self.vot.trackers] if self.vot else []
        return list(dict.fromkeys([*otb, *vot]))

    @property
    def fps(self) -> dict[str, float]:
        """Tracker -> frames a second, of those with times; of one-pass runs where there are."""
        otb = self.otb.trackers if self.otb else ()
        vot = self.vot.trackers if self.vot else ()
        found = {one.label: one.fps for one in vot if not math.isnan(one.fps)}
        return found | {one.label: one.ope.speed.fps for one in otb if one.ope.speed}


def gather(results: Sequence[Path], ground_truth: Path | None, videos: Path | None) -> Gathered:
    """Return the scores of results in folders and archives.

    Args:
        results: as `pursuit evaluate` writes them, and `pursuit score` reads them.
        ground_truth: labels in files; None takes those of the videos.
        videos: a data set, for the pictures.

    Raises:
        SettingsError: neither labels nor videos.
        DataError: a place cannot be read, or holds no results of sequences with labels.
    """
    if ground_truth is None and videos is None:
        raise SettingsError(
            "to score results their labels are needed: --ground-truth PATH, or --videos ROOT, "
            "which shows the frames too"
        )
    places = [look(path) for path in results]
    sequences = {one.name: one for one in datasets.open_videos(videos)} if videos else {}
    otb = [place.path for place in places if place.otb]
    vot = [place for place in places if place.vot]
    resets = judged(vot, ground_truth, sequences) if vot else None
    return Gathered(
        _otb(otb, ground_truth, sequences) if otb else None,
        resets,
        sequences,
        places,
        _efo(resets) if resets else {},
    )


def _efo(scores: VotScores) -> dict[str, float]:
    """Return tracker -> its EFO, of those timed on one machine whose filter was timed too."""
    found = {}
    for one in scores.trackers:
        folder = scores.folders.get(one.label)
        there = filter_ms(folder) if folder else None
        if there is not None and one.frame_ms > 0:
            found[one.label] = efo(one.frame_ms, there)
    return found


def _otb(
    paths: Sequence[Path], ground_truth: Path | None, videos: Mapping[str, datasets.Sequence]
) -> OtbScores:
    known = read_truth(ground_truth) if ground_truth else _labels(videos)
    unused = Unused()
    found = _renamed({path: list(find([path], known, known, unused)) for path in paths})
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
    runs: dict[str, dict[str, otb_results.Run]] = {}
    for one in found:
        place = Path(one.place)
        if one.runs and otb_results.times_path(place.parent, place.stem).is_file():
            run = otb_results.read(place.parent, place.stem)
            runs.setdefault(one.tracker, {})[truths[one.sequence].name] = run
    return tuple(
        replace(one, kinds={**one.kinds, OPE: _timed(one.ope, runs[one.label])})
        if one.label in runs and OPE in one.kinds
        else one
        for one in trackers
    )


def _timed(one: TrackerScore, runs: Mapping[str, otb_results.Run]) -> TrackerScore:
    parts = tuple(
        replace(part, speed=pace([runs[part.name]])) if part.name in runs else part
        for part in one.sequences
    )
    return replace(one, sequences=parts, speed=pace(list(runs.values())))
