"""Scores of trackers on a data set, from their runs, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pursuit.datasets.otb_list import entries, key
from pursuit.measures import otb as measures
from pursuit.measures.speed import Speed, speed
from pursuit.measures.statistics import ratio
from pursuit.reports import comparison
from pursuit.results.otb import Run

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SequenceScore:
    """How well a tracker did on one sequence.

    Attributes:
        name: of the sequence.
        frames: number of labelled frames: those that count.
        success: (21,) success curve.
        precision: (51,) precision curve.
        speed: the pace, None where the sequence has a single frame, or no times.
        normalised: (51,) precision curve in sides of the labels.
    """

    name: str
    frames: int
    success: Array
    precision: Array
    speed: Speed | None
    normalised: Array


@dataclass(frozen=True)
class TrackerScore:
    """How well a tracker did on a data set; every sequence counts the same.

    Attributes:
        label: what the tracker is called.
        sequences: those it ran on.
        failed: the others, and why.
        speed: the pace over all updates, None where there were none.
    """

    label: str
    sequences: tuple[SequenceScore, ...]
    failed: Mapping[str, str]
    speed: Speed | None

    @property
    def total(self) -> int:
        """Number of sequences it should have run on."""
        return len(self.sequences) + len(self.failed)

    @property
    def success(self) -> Array:
        """(21,) mean success curve of the sequences it ran on; NaN where there are none."""
        return _mean([one.success for one in self.sequences], len(measures.OVERLAP_THRESHOLDS))

    @property
    def precision(self) -> Array:
        """(51,) mean precision curve of the sequences it ran on; NaN where there are none."""
        return _mean([one.precision for one in self.sequences], len(measures.DISTANCE_THRESHOLDS))

    @property
    def auc(self) -> float:
        """Area under the mean success curve."""
        return measures.auc(self.success)

    @property
    def aucs(self) -> dict[str, float]:
        """Sequence -> area under its success curve."""
        return {part.name: measures.auc(part.success) for part in self.sequences}

    @property
    def sums(self) -> dict[str, Array]:
        """What the AUC is the ratio of: sequence -> its AUC and 1; see `measures.statistics`."""
        return {name: np.array([auc, 1.0]) for name, auc in self.aucs.items()}

    @cached_property
    def interval(self) -> tuple[float, ...]:
        """Ends of the 95 % interval of the AUC, sequences drawn again; none without any."""
        return comparison.interval(self.sums, ratio)

    @property
    def precision20(self) -> float:
        """Mean share of frames within 20 px."""
        return measures.precision20(self.precision)

    @property
    def normalised20(self) -> float:
        """Mean share of frames within a fifth of the label's sides."""
        points = len(measures.NORMALISED_THRESHOLDS)
        return measures.normalised20(_mean([one.normalised for one in self.sequences], points))


def sequence_score(name: str, runs: Sequence[tuple[Run, Array]]) -> SequenceScore:
    """Return the score of runs on a sequence, each with the labels (T, 4) of its frames."""
    curves = measures.curves([(run.boxes, truth) for run, truth in runs])
    return SequenceScore(
        name=name,
        frames=curves.frames,
        success=curves.success,
        precision=curves.precision,
        speed=pace([run for run, _ in runs]),
        normalised=curves.normalised,
    )


def pace(runs: Sequence[Run]) -> Speed | None:
    """Return the pace over all updates of runs; the frame that each started in is left out."""
    if not runs:
        return None
    return speed(
        np.concatenate([run.tracker_ms[run.start + 1 :] for run in runs]),
        np.concatenate([run.decode_ms[run.start + 1 :] for run in runs]),
    )


def ranked(scores: Sequence[TrackerScore]) -> list[TrackerScore]:
    """Return scores by AUC, the best first, those without any last."""
    return sorted(scores, key=lambda one: (math.isnan(one.auc), -one.auc))


def attributes(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return sequence -> codes of its attributes, of those that are OTB's."""
    known = {name: entries().get(key(name)) for name in names}
    return {name: entry.attributes for name, entry in known.items() if entry is not None}


def by_attribute(one: TrackerScore, codes: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Return attribute -> mean AUC of the sequences that have it.

    Args:
        one: a tracker's score.
        codes: sequence -> its attributes.
    """
    found: dict[str, list[float]] = {}
    for name, auc in one.aucs.items():
        for code in codes.get(name, ()):
            found.setdefault(code, []).append(auc)
    return {code: float(np.mean(values)) for code, values in sorted(found.items())}


def as_json(scores: Sequence[TrackerScore]) -> dict[str, Any]:
    """Return scores as what JSON can hold: tracker -> measures, `sequences`, and `failed`.

    Means are over the sequences that a tracker ran on; what there is no number for is None.
    """
    return {one.label: _tracker_json(one) for one in scores}


def _tracker_json(one: TrackerScore) -> dict[str, Any]:
    return {
        "auc": _number(one.auc),
        "auc_interval": list(one.interval) or None,
        "precision20": _number(one.precision20),
        "fps": one.speed and _number(one.speed.fps),
        "p95_ms": one.speed and _number(one.speed.p95_ms),
        "decode_ms": one.speed and _number(one.speed.decode_ms),
        "sequences": {
            part.name: {
                "auc": measures.auc(part.success),
                "precision20": measures.precision20(part.precision),
                "frames": part.frames,
                "fps": part.speed and _number(part.speed.fps),
            }
            for part in one.sequences
        },
        "attributes": by_attribute(one, attributes(one.aucs)),
        "failed": dict(one.failed),
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _mean(curves: list[Array], points: int) -> Array:
    return np.mean(curves, axis=0) if curves else np.full(points, math.nan)
