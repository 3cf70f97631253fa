"""What a page of results is made from: the scores of results on disk, and their boxes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pursuit import datasets
from pursuit.errors import DataError
from pursuit.measures.speed import efo
from pursuit.reports import gathered_got10k, gathered_otb, gathered_vot
from pursuit.reports.gathered_got10k import Got10kScores
from pursuit.reports.gathered_otb import OtbScores
from pursuit.reports.gathered_vot import VotScores
from pursuit.reports.labels import Labels, read
from pursuit.reports.lacking import failures
from pursuit.reports.left_out import together, without
from pursuit.reports.places import Place, look
from pursuit.results.made_with import filter_ms
from pursuit.results.vot import BASELINE

T = TypeVar("T")
Part = OtbScores | VotScores | Got10kScores

_LOOKED_FOR = (
    "TRACKER/SEQUENCE.txt or SEQUENCE_TRACKER.mat, as OTB has them, "
    f"TRACKER/{BASELINE}/SEQUENCE/SEQUENCE_001.txt, as VOT has them, or "
    "TRACKER/SEQUENCE/SEQUENCE_001.txt, as GOT-10k has them"
)


@dataclass(frozen=True)
class Gathered:
    """All that is known of some results.

    Attributes:
        otb, vot, got10k: scores, None where there are no such results.
        videos: name -> sequence, for pictures; none where nobody named them.
        wrong: what the means lack and why, a line each.
        notes: what must be said beside, a line each.
        efo: tracker -> its speed in equivalent filter operations, of those where it is known.
    """

    otb: OtbScores | None
    vot: VotScores | None
    got10k: Got10kScores | None
    videos: Mapping[str, datasets.Sequence]
    wrong: Sequence[str]
    notes: Sequence[str]
    efo: Mapping[str, float]

    @property
    def parts(self) -> list[Part]:
        """The scores that there are."""
        return [part for part in (self.otb, self.vot, self.got10k) if part]

    @property
    def left_out(self) -> dict[str, str]:
        """Sequences that no result is compared on, or none of some kinds -> why."""
        return together(self.parts)

    @property
    def folders(self) -> dict[str, Path]:
        """Tracker -> its folder on disk, the first part's where several have one."""
        return {label: at for part in reversed(self.parts) for label, at in part.folders.items()}

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
        DataError: a place cannot be read, holds no results, or none is right.
    """
    labels = read(ground_truth, videos)
    places = [look(path) for path in results]
    errors: dict[str, DataError] = {}

    def attempt(kind: str, judged: Callable[[Sequence[Place], Labels], T | None]) -> T | None:
        # The ground truth may be one for results of another kind in the same folder.
        try:
            return judged(places, labels)
        except DataError as error:
            errors[kind] = error
            return None

    # Each takes what is its own, and leaves the rest to the next.
    resets = attempt(VotScores.kind, gathered_vot.judged)
    repeats = attempt(Got10kScores.kind, gathered_got10k.judged)
    passes = attempt(OtbScores.kind, gathered_otb.judged)
    found = [part for part in (passes, resets, repeats) if part]
    if not found and errors:
        raise next(iter(errors.values()))
    _check(places, found, labels, errors)
    beside = [] if resets else gathered_vot.beside(places)
    return Gathered(
        passes,
        resets,
        repeats,
        labels.videos,
        _wrong(places, found, labels, errors),
        _notes(places, found, beside),
        _efo(resets) if resets else {},
    )


def _check(
    places: Sequence[Place], found: Sequence[Part], labels: Labels, errors: Mapping[str, DataError]
) -> None:
    """Make sure that there are results in each place, and a right one in some.

    Raises:
        DataError: there are none.
    """
    for place in places:
        if not place.taken and not place.otb and not errors:
            raise DataError(
                f"{place.path} holds no results that a report shows, of sequences with labels: "
                f"looked for {_LOOKED_FOR}; {place.unused.told()}"
            )
    if not found:
        where = ", ".join(str(place.path) for place in places)
        why = [*gathered_vot.beside(places), *failures([], labels.left_out)]
        raise DataError(f"{where}: nothing that a report shows; {'; '.join(why)}")
    if not any(part.has_scores for part in found):
        first, *more = [line for part in found for line in part.wrong]
        others = f"; and {len(more)} more" if more else ""
        raise DataError(f"no result is right: {first}{others}")


def _wrong(
    places: Sequence[Place], found: Sequence[Part], labels: Labels, errors: Mapping[str, DataError]
) -> list[str]:
    """Return what the means lack and why, a line each."""
    nothing = [
        f"{label} has no result at all in {place.path}: run `pursuit evaluate` again, which "
        "tells why"
        for place in places
        for label in place.nothing
    ]
    return [
        *(f"results of {kind}'s kind are not on this page: {why}" for kind, why in errors.items()),
        *labels.unseen,
        *(line for part in found for line in part.wrong),
        *nothing,
    ]


def _notes(places: Sequence[Place], found: Sequence[Part], beside: Sequence[str]) -> list[str]:
    """Return what must be said beside, each line once."""
    lines = [
        *(line for part in found for line in part.notes),
        *(line for part in found for line in without(part)),
        *beside,
        *(line for place in places for line in place.unused.lines()),
    ]
    return list(dict.fromkeys(lines))


def _efo(scores: VotScores) -> dict[str, float]:
    """Return tracker -> its EFO, of those timed on one machine whose filter was timed too."""
    found = {}
    for one in scores.trackers:
        folder = scores.folders.get(one.label)
        there = filter_ms(folder) if folder else None
        if there is not None and one.frame_ms > 0:
            found[one.label] = efo(one.frame_ms, there)
    return found
