"""The report on held-out videos: figures, as a table for the terminal and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from pursuit import boxes
from pursuit.datasets.reading import plural
from pursuit.errors import DataError
from pursuit.measures import calibration, otb
from pursuit.measures.calibration import Reliability
from pursuit.measures.statistics import bootstrap_interval
from pursuit.protocols.held_out import Followed, Found
from pursuit.reports.grid import grid
from pursuit.reports.lacking import failures

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

GOOD = 0.5  # least overlap of a frame whose box is called good
NEAR = 16.0  # pixels of the search window: the radius of the positive labels (paper, eq. 6)
_MEASURES = ("auc", "precision20", "centre_error")


@dataclass(frozen=True)
class TargetScore:
    """How well a target was followed.

    Attributes:
        name, video: of the sequence.
        frames: number of labelled frames.
        auc: by the rule of OTB's toolbox.
        precision20: share of frames with centres at most 20 px apart.
        centre_error: mean distance of the centres, pixels; NaN where no label is valid.
    """

    name: str
    video: str
    frames: int
    auc: float
    precision20: float
    centre_error: float


@dataclass(frozen=True)
class Mean:
    """A mean over targets and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Calibration:
    """What the score is worth.

    Attributes:
        scale, offset: the fit on all frames, for the card unless there is a `doubt`.
        frames: number of frames it is fitted to: labelled, after the first.
        good: share of them whose box overlaps the target by half.
        folds: number of videos; each was scored by a fit on the others.
        error: expected calibration error of these scores; None where there is one video only.
        curve: their reliability curve, likewise.
        doubt: why the fit is not for a card; None where it is.
    """

    scale: float
    offset: float
    frames: int
    good: float
    folds: int
    error: float | None
    curve: Reliability | None
    doubt: str | None


@dataclass(frozen=True)
class Stills:
    """How well targets of held-out stills are found in one search window each.

    Attributes:
        pictures, targets: how many.
        centre_error: pixels of the search window; the mean over pictures of the mean over their
            targets.
        near: share of the targets found within `NEAR`, likewise.
    """

    pictures: int
    targets: int
    centre_error: Mean
    near: Mean


@dataclass(frozen=True)
class HeldOutReport:
    """All figures of weights on held-out videos and, where some are held out, stills.

    Attributes:
        left_out: held-out sequences that could not be used -> why: the means are without them.
    """

    targets: tuple[TargetScore, ...]
    auc: Mean
    precision20: Mean
    centre_error: Mean
    calibration: Calibration
    stills: Stills | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)


def report(
    followed: Sequence[Followed],
    found: Sequence[Found] = (),
    left_out: Mapping[str, str] | None = None,
) -> HeldOutReport:
    """Return the figures of what a tracker did on held-out targets, and found of held-out stills.

    Raises:
        DataError: no target could be followed, or no frame but the first of one is labelled.
    """
    if not followed:
        raise DataError("nothing can be judged: no held-out sequence is good")
    scores = tuple(_target(one) for one in followed)
    means = {name: _mean([getattr(one, name) for one in scores]) for name in _MEASURES}
    stills = _stills(found) if found else None
    fit = _calibration(followed)
    return HeldOutReport(scores, **means, calibration=fit, stills=stills, left_out=left_out or {})


def table(judged: HeldOutReport) -> Table:
    """Return a row a target, then the means and their intervals."""
    rows = grid("target", ("frames", "AUC", "P20", "error px"), name_width=42)
    for one in judged.targets:
        rows.add_row(one.name, str(one.frames), *_cells(one.auc, one.precision20, one.centre_error))
    rows.add_section()
    means = (judged.auc, judged.precision20, judged.centre_error)
    count, frames = len(judged.targets), sum(one.frames for one in judged.targets)
    title = f"mean of {plural(count, 'target')}" + ("*" if judged.left_out else "")
    rows.add_row(title, str(frames), *_cells(*(one.mean for one in means)), style="bold")
    rows.add_row("95 % interval, from", "", *_cells(*(one.low for one in means)))
    rows.add_row("               to", "", *_cells(*(one.high for one in means)))
    return rows


def notes(judged: HeldOutReport) -> list[str]:
    """Return what the score is worth, a line each of 80 columns at most, and what was left out."""
    found = judged.calibration
    share = f"{100 * found.good:.0f} % of {found.frames:,} frames"
    error = "not known, it takes two videos"
    if found.error is not None:
        error = f"{found.error:.3f} ({found.folds} folds, a video each)"
    lines = [
        f"overlap of half or more after the first frame: {share}",
        f"expected calibration error of the score: {error}",
    ]
    if found.doubt is not None:
        lines.append(f"the card keeps its score_scale and score_offset: {found.doubt}")
    if judged.left_out:
        lines.append("* of the sequences that could be followed: the card stays as it is")
        lines += failures([], judged.left_out)
    if judged.stills is not None:
        stills = judged.stills
        off, near = stills.centre_error, stills.near
        lines += [
            f"{stills.targets:,} targets of {stills.pictures:,} held-out stills, one window each:",
            f"  centre error {off.mean:.1f} px [{off.low:.1f}, {off.high:.1f}], within "
            f"{NEAR:.0f} px {near.mean:.3f} [{near.low:.3f}, {near.high:.3f}]",
        ]
    return lines


def as_json(judged: HeldOutReport) -> dict[str, Any]:
    """Return the report as what JSON can hold; what there is no number for is None."""
    found = judged.calibration
    curve = found.curve
    return {
        "targets": {
            one.name: {
                "video": one.video,
                "frames": one.frames,
                **{name: _number(getattr(one, name)) for name in _MEASURES},
            }
            for one in judged.targets
        },
        **{
            name: {key: _number(value) for key, value in asdict(getattr(judged, name)).items()}
            for name in _MEASURES
        },
        "calibration": {
            "score_scale": found.scale,
            "score_offset": found.offset,
            "frames": found.frames,
            "good": found.good,
            "folds": found.folds,
            "error": found.error,
            "doubt": found.doubt,
            "curve": curve
            and {
                "score": curve.score.tolist(),
                "share": curve.share.tolist(),
                "frames": curve.frames.tolist(),
            },
        },
        "stills": judged.stills and asdict(judged.stills),
        "left_out": dict(judged.left_out),
    }


def card_values(judged: HeldOutReport, scores: dict[str, float]) -> dict[str, Any]:
    """Return what a card with `scores` is to say from now on: its scores and the score's fit.

    A fit in doubt is left out, and so is its error: the card keeps the two numbers it has.
    """
    fit = judged.calibration
    found = {
        "held-out auc": judged.auc.mean,
        "held-out p20": judged.precision20.mean,
        "held-out centre error px": judged.centre_error.mean,
        "held-out calibration error": None if fit.doubt else fit.error,
    }
    if judged.stills is not None:
        found["held-out stills error px"] = judged.stills.centre_error.mean
        found["held-out stills p16"] = judged.stills.near.mean
    known = {
        name: round(value, 4)
        for name, value in found.items()
        if value is not None and math.isfinite(value)
    }
    values: dict[str, Any] = {
        "scores": {name: scores[name] for name in scores if name not in found} | known
    }
    if fit.doubt is None:
        values["score_scale"] = float(f"{fit.scale:.6g}")
        values["score_offset"] = float(f"{fit.offset:.6g}")
    return values


def _target(one: Followed) -> TargetScore:
    return TargetScore(
        name=one.name,
        video=one.video,
        frames=int(np.isfinite(one.truth).all(axis=1).sum()),
        auc=otb.auc(otb.success_curve(one.boxes, one.truth)),
        precision20=otb.precision20(otb.precision_curve(one.boxes, one.truth)),
        centre_error=otb.centre_error(otb.distances(one.boxes, one.truth)),
    )


def _stills(found: Sequence[Found]) -> Stills:
    errors: dict[str, list[float]] = {}
    for one in found:
        for picture, error in zip(one.pictures, one.errors.tolist(), strict=True):
            errors.setdefault(picture, []).append(error)
    pictures = [np.array(values) for values in errors.values()]
    return Stills(
        pictures=len(pictures),
        targets=sum(map(len, pictures)),
        centre_error=_mean([float(values.mean()) for values in pictures]),
        near=_mean([float((values <= NEAR).mean()) for values in pictures]),
    )


def _mean(values: list[float]) -> Mean:
    known = np.array([value for value in values if math.isfinite(value)])
    if not len(known):
        return Mean(math.nan, math.nan, math.nan)
    return Mean(float(known.mean()), *bootstrap_interval(known))


def _calibration(followed: Sequence[Followed]) -> Calibration:
    frames = [_frames(one) for one in followed]
    peaks = np.concatenate([peak for peak, _ in frames])
    good = np.concatenate([right for _, right in frames])
    if not len(peaks):
        raise DataError("no frame but the first of a held-out target is labelled: label more")
    videos = [
        one.video for one, (peak, _) in zip(followed, frames, strict=True) for _ in range(len(peak))
    ]
    scale, offset = calibration.fit_logistic(peaks, good)
    scores = calibration.cross_validated(peaks, good, videos)
    curve = None if scores is None else calibration.reliability(scores, good)
    return Calibration(
        scale=scale,
        offset=offset,
        frames=len(peaks),
        good=float(good.mean()),
        folds=len(set(videos)),
        error=None if curve is None else calibration.expected_error(curve),
        curve=curve,
        doubt=calibration.doubt(peaks, good, videos),
    )


def _frames(one: Followed) -> tuple[Array, Mask]:
    """Return peaks (N,) and whether the box is good (N,) of labelled frames after the first."""
    held = np.isfinite(one.peaks) & np.isfinite(one.truth).all(axis=1)
    return one.peaks[held], np.asarray(boxes.overlap(one.boxes[held], one.truth[held]) >= GOOD)


def _cells(auc: float, precision20: float, centre_error: float) -> tuple[str, str, str]:
    error = "-" if math.isnan(centre_error) else f"{centre_error:,.1f}"
    return f"{auc:.3f}", f"{precision20:.3f}", error


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
