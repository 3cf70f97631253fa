"""GOT-10k's scores for a page of results: those of `reports.stored_got10k`, with the boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pursuit.errors import DataError
from pursuit.reports.gathered_kind import KindScores
from pursuit.reports.labels import Labels
from pursuit.reports.left_out import noted, unscored
from pursuit.reports.places import Place, folder_of, other_names
from pursuit.reports.stored_got10k import Score, judge
from pursuit.results.got10k_found import Found, Truth, find, key, read_truth, truth_of

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Got10kScores(KindScores[Score]):
    """Trackers by GOT-10k's protocol.

    Attributes:
        runs: (tracker, sequence) -> its first run (T, 4), and the labels (T, 4), NaN where the
            target is not seen.
    """

    kind: ClassVar[str] = "GOT-10k"
    runs: Mapping[tuple[str, str], tuple[Array, Array]]

    @property
    def has_scores(self) -> bool:
        """Whether a tracker has a right result on a sequence."""
        return any(one.sequences for one in self.trackers)


def judged(places: Sequence[Place], labels: Labels) -> Got10kScores | None:
    """Return the scores of GOT-10k's results in some places, which are theirs then; None of none.

    Raises:
        DataError: the ground truth cannot be read, or no tracker ran on its sequences.
    """
    known, error = _in_files(labels.ground_truth)
    names = {at: one.name for at, one in known.items()}
    if labels.ground_truth is None:
        names = {key(name): name for name in labels.videos}
    found: dict[Path, Found] = {}
    for place in places:
        looked_for = {*names, *labels.not_to_be_used}
        one = find([place.path], looked_for, place.unused, numbered=True, others=place.taken)
        place.taken |= one.files
        found[place.path] = one
    if not any(one.files for one in found.values()):
        return None
    if error is not None:
        raise error
    pairs = {pair for one in found.values() for pair in one.boxes.places}
    met = {at for _, at in pairs}
    ran = met - labels.not_to_be_used
    if labels.ground_truth is None:  # a frame of each is decoded
        known = {key(name): truth_of(x) for name, x in labels.videos.items() if key(name) in ran}
    truths = {at: one for at, one in known.items() if at in ran}
    if not truths:
        where = (path for path, one in found.items() if one.files)
        raise labels.nothing(Got10kScores.kind, where, met)
    scores = _scores(found, truths, labels, tuple(x for at, x in names.items() if at not in ran))
    notes = (*scores.notes, *unscored(Got10kScores.kind, labels, pairs))
    return replace(scores, notes=notes)


def _in_files(path: Path | None) -> tuple[Mapping[str, Truth], DataError | None]:
    """Return the labels in files by key, or what is wrong with them; nothing of no files."""
    try:
        return read_truth(path) if path else {}, None
    except DataError as error:
        return {}, error


def _scores(
    each: Mapping[Path, Found], truths: Mapping[str, Truth], labels: Labels, unrun: tuple[str, ...]
) -> Got10kScores:
    names = other_names({path: one.boxes.places for path, one in each.items()})
    found = Found()
    folders: dict[str, Path] = {}
    for path, one in each.items():
        called = {tracker: names.get((path, tracker), tracker) for tracker in one.boxes.found}
        found.boxes.take(one.boxes, partial(_called, called, truths))
        found.notes += one.notes
        for tracker, seconds in one.seconds.items():
            found.seconds.setdefault(called.get(tracker, tracker), {}).update(seconds)
        at = {
            tracker: folder_of(place, tracker) for (tracker, _), place in one.boxes.places.items()
        }
        folders |= {called[tracker]: folder for tracker, folder in at.items() if folder}
    trackers, said = judge(found, truths)
    runs = {
        (one.label, name): pair
        for one in trackers
        for name, pair in _first_runs(one, found, truths).items()
    }
    run_on = tuple(one.name for one in truths.values())
    return Got10kScores(
        trackers=tuple(trackers),
        sequences=run_on,
        unrun=unrun,
        left_out=noted(labels, run_on, folders),
        folders=folders,
        notes=tuple(said),
        runs=runs,
    )


def _called(
    names: Mapping[str, str], truths: Mapping[str, Truth], tracker: str, sequence: str
) -> tuple[str, str] | None:
    """Return what a tracker is called, and the sequence; None of one that is left out."""
    return (names[tracker], sequence) if sequence in truths else None


def _first_runs(
    one: Score, found: Found, truths: Mapping[str, Truth]
) -> dict[str, tuple[Array, Array]]:
    """Return sequence -> the first run and the labels, of the sequences of a score."""
    pairs = {}
    for part in one.sequences:
        truth = truths[key(part.name)]
        labels = np.where(truth.seen[:, None], truth.boxes, np.nan)
        pairs[part.name] = found.boxes.found[one.label][key(part.name)][0], labels
    return pairs
