"""What a page of results is made from: the scores of results on disk, and their boxes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pursuit import datasets
from pursuit.errors import DataError, SettingsError
from pursuit.measures.speed import efo
from pursuit.reports import gathered_got10k, gathered_otb, gathered_vot
from pursuit.reports.gathered_got10k import Got10kScores
from pursuit.reports.gathered_otb import OtbScores
from pursuit.reports.gathered_vot import VotScores
from pursuit.reports.places import Place, look
from pursuit.results.made_with import filter_ms

T = TypeVar("T")
Judge = Callable[[Sequence[Place], Path | None, Mapping[str, datasets.Sequence]], T]


@dataclass(frozen=True)
class Gathered:
    """All that is known of some results.

    Attributes:
        otb, vot, got10k: scores, None where there are no such results.
        videos: name -> sequence, for pictures; none where nobody named them.
        places: of the results.
        efo: tracker -> its speed in equivalent filter operations, of those where it is known.
        unjudged: why results of a kind are not among the scores, a line each.
    """

    otb: OtbScores | None
    vot: VotScores | None
    got10k: Got10kScores | None
    videos: Mapping[str, datasets.Sequence]
    places: Sequence[Place] = ()
    efo: Mapping[str, float] = field(default_factory=dict)
    unjudged: Sequence[str] = ()

    @property
    def parts(self) -> list[OtbScores | VotScores | Got10kScores]:
        """The scores that there are."""
        return [part for part in (self.otb, self.vot, self.got10k) if part]

    @property
    def wrong(self) -> list[str]:
        """What the means lack and why, a line each."""
        nothing = [
            f"{label} has no result at all in {place.path}: run `pursuit evaluate` again, which "
            "tells why"
            for place in self.places
            for label in place.nothing
        ]
        return [*self.unjudged, *(line for part in self.parts for line in part.wrong), *nothing]

    @property
    def notes(self) -> list[str]:
        """What must be said beside, a line each."""
        return list(dict.fromkeys(line for part in self.parts for line in part.notes))

    @property
    def folders(self) -> dict[str, Path]:
        """Tracker -> its folder on disk, of those that have one."""
        return {
            label: path for part in reversed(self.parts) for label, path in part.folders.items()
        }

    @property
    def labels(self) -> list[str]:
        """All trackers, the best first, OTB's before VOT's and these before the others."""
        return list(dict.fromkeys(one.label for part in self.parts for one in part.trackers))

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
        DataError: a place cannot be read, or none holds results of sequences with labels.
    """
    places = [look(path) for path in results]
    if ground_truth is None and videos is None:
        raise SettingsError(
            "to score results their labels are needed: --ground-truth PATH, or --videos ROOT, "
            "which shows the frames too"
        )
    sequences = {one.name: one for one in datasets.open_videos(videos)} if videos else {}
    errors: dict[str, DataError] = {}

    def attempt(kind: str, judged: Judge[T], mine: list[Place]) -> T | None:
        # The ground truth may be one for results of another kind in the same folder.
        try:
            return judged(mine, ground_truth, sequences) if mine else None
        except DataError as error:
            errors[kind] = error
            return None

    passes = attempt("OTB", gathered_otb.judged, [one for one in places if one.otb])
    resets = attempt("VOT", gathered_vot.judged, [one for one in places if one.vot])
    repeats = attempt("GOT-10k", gathered_got10k.judged, [one for one in places if one.got10k])
    if passes is None and resets is None and repeats is None:
        raise next(iter(errors.values()))
    return Gathered(
        passes,
        resets,
        repeats,
        sequences,
        places,
        _efo(resets) if resets else {},
        [f"results of {kind}'s kind are not on this page: {why}" for kind, why in errors.items()],
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
