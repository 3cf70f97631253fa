"""GOT-10k's scores for a page of results: those of `reports.stored_got10k`, with the boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pursuit import datasets
from pursuit.errors import DataError
from pursuit.reports.places import Place, other_names, without
from pursuit.reports.stored_got10k import Score, judge
from pursuit.results.got10k_found import Found, Truth, find, key, read_truth, truth_of
from pursuit.results.runs import Unused

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Got10kScores:
    """Trackers by GOT-10k's protocol.

    Attributes:
        trackers: the best first.
        runs: (tracker, sequence) -> its first run (T, 4), and the labels (T, 4), NaN where the
            target is not seen.
        folders: tracker -> its folder on disk, where it has one.
        notes: what must be said beside, a line each.
    """

    trackers: tuple[Score, ...]
    runs: Mapping[tuple[str, str], tuple[Array, Array]]
    folders: Mapping[str, Path]
    notes: tuple[str, ...]

    @property
    def wrong(self) -> list[str]:
        """What the trackers' means lack and why, a line each."""
        return [line for one in self.trackers for line in one.wrong]


def judged(
    places: Sequence[Place],
    ground_truth: Path | None,
    videos: Mapping[str, datasets.Sequence],
) -> Got10kScores:
    """Return the scores of results by a ground truth in files, or else by the labels of videos.

    Raises:
        DataError: the ground truth cannot be read, or no tracker ran on its sequences.
    """
    ran = {key(name) for place in places for _, name in place.got10k}
    if ground_truth is not None:
        known = read_truth(ground_truth)
        names = {at: truth.name for at, truth in known.items()}
    else:
        known = {key(name): truth_of(one) for name, one in videos.items() if key(name) in ran}
        names = {key(name): name for name in videos}
    truths = {at: truth for at, truth in known.items() if at in ran}
    if not truths:
        where = ", ".join(str(place.path) for place in places)
        raise DataError(f"{where}: no result of GOT-10k's kind is of a sequence with labels")
    return _scores(places, truths, without([name for at, name in names.items() if at not in ran]))


def _scores(
    places: Sequence[Place], truths: Mapping[str, Truth], notes: Sequence[str]
) -> Got10kScores:
    others = other_names({place.path: place.got10k for place in places})
    paths = [place.path for place in places]
    # Two runs of one tracker are judged apart; else results may be spread over places.
    groups = [[path] for path in paths] if others else [paths]
    trackers: list[Score] = []
    runs: dict[tuple[str, str], tuple[Array, Array]] = {}
    folders: dict[str, Path] = {}
    said = list(notes)
    for group in groups:
        unused = Unused()
        found = find(group, truths, unused, numbered=True)
        scores, lines = judge(replace(found, others=[]), truths)  # other sections tell of those
        said += [*lines, *unused.lines()]
        for one in scores:
            label = others.get((group[0], one.label), one.label)
            trackers.append(replace(one, label=label))
            runs |= {(label, name): pair for name, pair in _first_runs(one, found, truths).items()}
            folder = _folder(one.label, found)
            if folder is not None:
                folders[label] = folder
    trackers.sort(key=lambda one: (math.isnan(one.figures.ao), -one.figures.ao, one.label))
    return Got10kScores(tuple(trackers), runs, folders, tuple(dict.fromkeys(said)))


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


def _folder(label: str, found: Found) -> Path | None:
    """Return the folder of a tracker on disk; None in an archive."""
    places = [Path(at) for (tracker, _), at in found.boxes.places.items() if tracker == label]
    return next((place.parents[1] for place in places if place.is_file()), None)
