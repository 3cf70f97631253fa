"""VOT's measures as three programs have them: its MATLAB and Python toolkits, and pysot.

They differ; docs/parity.md says in what. A tracker's runs on a sequence are told by `Sample`s;
arrays in, numbers out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as bx
from pursuit import rasters
from pursuit.boxes import Regions
from pursuit.measures import eao, vot
from pursuit.measures.vot import Codes
from pursuit.rasters import Raster

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

LAST_UNBOUNDED = 2015  # until then the MATLAB toolkit counted pixels outside the picture
_PYSOT_RUNS = 15  # pysot reads all runs where there are so many, and else the first


class Rules(StrEnum):
    """Whose definitions are followed."""

    MATLAB = "matlab"
    TOOLKIT = "toolkit"
    PYSOT = "pysot"

    def bounded(self, year: int | None) -> bool:
        """Return whether only pixels in the picture count."""
        return self is not Rules.MATLAB or year is None or year > LAST_UNBOUNDED


@dataclass(frozen=True)
class Sample:
    """One run on one sequence of T frames.

    Attributes:
        codes: (T,) of `vot.Code`.
        overlaps: (T,) for accuracy; NaN where there is no region.
        tight: (T,) for EAO, which two of the programs bound by a pixel less.
    """

    codes: Codes
    overlaps: Array
    tight: Array


@dataclass(frozen=True)
class SequenceRuns:
    """What a tracker did on one sequence of T frames.

    Attributes:
        name: of the sequence.
        samples: its runs.
        tags: where (T,) a frame has a tag, by name.
        practical: (T,) the least difference of overlaps that matters, NaN or None where unknown.
    """

    name: str
    samples: tuple[Sample, ...]
    tags: dict[str, Mask]
    practical: Array | None = None

    def __len__(self) -> int:
        return len(self.samples[0].codes)


@dataclass(frozen=True)
class Figures:
    """What is measured; NaN where there is nothing to measure.

    Attributes:
        accuracy: mean overlap of the frames that count.
        robustness: exp(-30 F / N); of pysot the failures in a hundred frames.
        failures: F, over all sequences, the mean of the runs.
        frames: N.
        counted: number of frames that count for accuracy in some run.
    """

    accuracy: float
    robustness: float
    failures: float
    frames: int
    counted: int


def sample(
    rules: Rules, codes: Codes, found: Regions, truth: Regions, size: tuple[int, int] | None
) -> Sample:
    """Return what counts of a run: overlaps of regions of T frames with the ground truth's.

    Args:
        rules: how they are drawn.
        codes: (T,) of the run.
        found: the run's regions.
        truth: the ground truth's.
        size: width and height of the pictures; None where pixels outside count too.
    """
    if rules is Rules.TOOLKIT:
        overlaps = _toolkit_overlaps(found, truth, size)
        return Sample(codes, overlaps, overlaps)
    if rules is Rules.PYSOT:
        raster, last = Raster.PYSOT, 0
    elif size is None:
        raster, last = Raster.LEGACY, 0
    else:
        raster, last = Raster.TRAX, 1
    mine, theirs = found.corners(last=last), truth.corners(last=last)
    overlaps = rasters.overlap(mine, theirs, raster, size)
    if size is None:
        return Sample(codes, overlaps, overlaps)
    limit = np.array(size, dtype=np.float64) - 1
    with np.errstate(invalid="ignore"):  # nothing is nowhere
        near = [(bx.xyxy(bx.around(one))[:, 2:] > limit).any(axis=1) for one in (mine, theirs)]
    edge = near[0] | near[1]  # elsewhere the bounds change nothing
    tight = overlaps.copy()
    tight[edge] = rasters.overlap(mine[edge], theirs[edge], raster, (size[0] - 1, size[1] - 1))
    return Sample(codes, overlaps, tight)


def used(rules: Rules, runs: int) -> int:
    """Return how many of a tracker's runs on a sequence are looked at, from the first on."""
    return 1 if rules is Rules.PYSOT and runs != _PYSOT_RUNS else runs


def sequence_figures(rules: Rules, runs: SequenceRuns) -> Figures:
    """Return what is measured on one sequence."""
    failures = _failures(runs)
    frames = mean_over_runs(runs.samples)
    accuracy = _mean(frames)
    if rules is Rules.TOOLKIT:
        accuracy = float(np.mean([_run_accuracy(one) for one in runs.samples]))
    return Figures(
        accuracy,
        _robustness(rules, failures, len(runs)),
        failures,
        len(runs),
        int(np.isfinite(frames).sum()),
    )


def figures(rules: Rules, sequences: Sequence[SequenceRuns]) -> Figures:
    """Return what is measured on all sequences together.

    The MATLAB toolkit and pysot pool the frames; the Python toolkit averages sequences by length.
    """
    each = [sequence_figures(rules, one) for one in sequences]
    lengths = np.array([one.frames for one in each], dtype=np.float64)
    failures = sum(one.failures for one in each)
    counted = sum(one.counted for one in each)
    total = int(lengths.sum())
    if rules is Rules.TOOLKIT:
        accuracy = float(np.average([one.accuracy for one in each], weights=lengths))
        robustness = _robustness(rules, weighted_failures(each), float(lengths.mean()))
        return Figures(accuracy, robustness, failures, total, counted)
    pooled = np.concatenate([mean_over_runs(one.samples) for one in sequences])
    return Figures(_mean(pooled), _robustness(rules, failures, total), failures, total, counted)


def weighted_failures(each: Sequence[Figures]) -> float:
    """Return the mean failures in a sequence, long ones counting more: what VP calls robustness."""
    return float(np.average([one.failures for one in each], weights=[one.frames for one in each]))


def tag_figures(sequences: Sequence[SequenceRuns], tag: str) -> Figures:
    """Return what is measured on the frames with a tag, as the MATLAB toolkit has it."""
    return figures(Rules.MATLAB, with_tag(sequences, tag))


def with_tag(sequences: Sequence[SequenceRuns], tag: str) -> list[SequenceRuns]:
    """Return runs cut down to the frames with a tag, as the MATLAB toolkit does it.

    A start among them leaves out the next frames with the tag, one elsewhere none; a failure
    counts where its own frame has the tag.
    """
    cut = []
    for one in sequences:
        mask = one.tags.get(tag, np.zeros(len(one), dtype=bool))
        parts = (Sample(s.codes[mask], s.overlaps[mask], s.tight[mask]) for s in one.samples)
        practical = None if one.practical is None else one.practical[mask]
        cut.append(SequenceRuns(one.name, tuple(parts), {}, practical))
    return cut


def expected_overlap(
    rules: Rules, sequences: Sequence[SequenceRuns], tag: str | None = None
) -> Array:
    """Return the expected average overlap (N,) at lengths 1 to N (see `eao.curve`).

    Args:
        rules: whose pieces and weights.
        sequences: what a tracker did.
        tag: pieces weigh as many frames of theirs have it; None for all alike.
    """
    runs = runs_that_weigh(rules, sequences)
    longest = max(map(len, sequences))
    total = sum(overlap_sums(rules, one, runs, longest, tag) for one in sequences)
    return eao.of_sums(np.asarray(total))


def overlap_sums(
    rules: Rules, one: SequenceRuns, runs: int | None, longest: int, tag: str | None = None
) -> Array:
    """Return what a sequence adds to the curve of `expected_overlap`, (2, longest).

    Args:
        rules: whose pieces and weights.
        one: what a tracker did on it.
        runs: see `runs_that_weigh`.
        longest: number of points of the curve.
        tag: pieces weigh as many frames of theirs have it; None for all alike.
    """
    overlaps, failed, weights = [], [], []
    count = len(one.samples) if runs is None else runs
    mask = np.ones(len(one)) if tag is None else one.tags.get(tag, np.zeros(len(one)))
    for run in one.samples:
        for piece in _pieces(rules, run.codes):
            span = slice(piece.start, piece.stop)
            share = float(np.mean(mask[span])) if piece.stop > piece.start else 0.0
            overlaps.append(run.tight[span])
            failed.append(piece.failed)
            weights.append(share if rules is Rules.TOOLKIT else share / count)
    return eao.sums(overlaps, failed, weights, longest)


def runs_that_weigh(rules: Rules, sequences: Sequence[SequenceRuns]) -> int | None:
    """Return the number of runs that a run weighs one by; None where it is its own sequence's.

    pysot takes the number of runs on the last sequence for all.
    """
    return len(sequences[-1].samples) if rules is Rules.PYSOT else None


def eao_score(rules: Rules, curve: Array, interval: tuple[int, int]) -> float:
    """Return the score of a curve (N,) over an interval of a year."""
    return eao.score(curve, *lengths_of(rules, interval))


def lengths_of(rules: Rules, interval: tuple[int, int]) -> tuple[int, int]:
    """Return the lengths that are meant by an interval; the Python toolkit counts from 0."""
    shift = 1 if rules is Rules.TOOLKIT else 0
    return interval[0] + shift, interval[1] + shift


def _pieces(rules: Rules, codes: Codes) -> list[eao.Piece]:
    if rules is Rules.TOOLKIT:
        return eao.toolkit_pieces(codes)
    return eao.pieces(codes, late=rules is Rules.PYSOT)


def _toolkit_overlaps(found: Regions, truth: Regions, size: tuple[int, int] | None) -> Array:
    """Return overlaps (T,) with x, y, w, h of boxes rounded one by one."""
    both = [Regions(np.round(one.boxes), one.polygons) for one in (found, truth)]
    mine, theirs = (one.corners(last=1) for one in both)
    overlaps = rasters.overlap(mine, theirs, Raster.PYTHON, size)
    empty = (both[0].boxes[:, 2:] < 1).any(axis=1) | (both[1].boxes[:, 2:] < 1).any(axis=1)
    overlaps[empty & np.isfinite(overlaps)] = 0  # has no pixel, though corners would draw some
    return overlaps


def average_overlap(rules: Rules, sequences: Sequence[SequenceRuns]) -> float:
    """Return the average overlap of runs without resets: VOT's unsupervised experiment.

    The Python toolkit's is its accuracy. The MATLAB toolkit's is the mean over all frames of all
    sequences; a frame without an overlap, the first among them, counts as 0. pysot has none: it
    is the latter.
    """
    if rules is Rules.TOOLKIT:
        return figures(rules, sequences).accuracy
    frames = [
        np.mean([np.nan_to_num(x.overlaps) for x in one.samples], axis=0) for one in sequences
    ]
    return _mean(np.concatenate(frames))


def _counting(one: Sample) -> Array:
    """Return overlaps (T,) of the frames that count for accuracy; NaN elsewhere."""
    return np.where(vot.counted(one.codes), one.overlaps, np.nan)


def mean_over_runs(samples: Sequence[Sample]) -> Array:
    """Return the mean overlap (T,) over the runs in which a frame counts; NaN where in none."""
    values = np.stack([_counting(one) for one in samples])
    known = np.isfinite(values)
    total = known.sum(axis=0)
    found = np.full(values.shape[1], np.nan)
    np.divide(np.where(known, values, 0).sum(axis=0), total, out=found, where=total > 0)
    return found


def _run_accuracy(one: Sample) -> float:
    values = _counting(one)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else 0.0


def _failures(runs: SequenceRuns) -> float:
    return float(np.mean([vot.failures(one.codes) for one in runs.samples]))


def _robustness(rules: Rules, failures: float, frames: float) -> float:
    if not frames:
        return float("nan")
    if rules is Rules.PYSOT:
        return 100 * failures / frames
    return float(vot.robustness(np.array([failures]), np.array([frames])))


def _mean(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
