"""Scores of OTB results that lie on disk, of any tracker: OPE, TRE, SRE; and as JSON and table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from pursuit.datasets.reading import plural
from pursuit.errors import DataError
from pursuit.measures import otb as measures
from pursuit.measures.otb import Curves, Rules
from pursuit.measures.statistics import ratio
from pursuit.protocols.otb_starts import SHIFTS, STARTS, starts_on
from pursuit.reports import comparison
from pursuit.reports.comparison import NO_NUMBER, Comparison, Contender
from pursuit.reports.grid import grid
from pursuit.reports.numbers import number
from pursuit.reports.scores import SequenceScore, TrackerScore, by_attribute, ranked
from pursuit.results.otb_found import Found
from pursuit.results.otb_labels import Truth
from pursuit.results.otb_toolkit import StoredRun

Array = NDArray[np.float64]

OPE, TRE, SRE = "ope", "tre", "sre"
_RUNS = {1: OPE, STARTS: TRE, SHIFTS: SRE}


@dataclass(frozen=True)
class Stored:
    """How well a tracker did by its stored results.

    Attributes:
        label: what it is called.
        kinds: OPE, TRE, SRE -> its score, of what there are results.
    """

    label: str
    kinds: Mapping[str, TrackerScore]

    @property
    def ope(self) -> TrackerScore:
        """Its score by OPE, empty where it has none."""
        return self.kinds.get(OPE, TrackerScore(self.label, (), {}, None))

    @property
    def wrong(self) -> list[str]:
        """What its means lack and why, a line each."""
        return [
            f"{self.label} on {name}: {why}"
            if kind == OPE
            else f"{self.label} ({kind.upper()}) on {name}: {why}"
            for kind, score in self.kinds.items()
            for name, why in score.failed.items()
        ]


def judge(
    found: Iterable[Found], truths: Mapping[str, Truth], rules: Rules
) -> tuple[list[Stored], list[str]]:
    """Return the scores of all trackers, the best first, and notes on them.

    What is wrong with a result is told by the score's `failed`, as is a result that lacks.
    """
    desk = _Desk(truths)
    for one in found:
        desk.take(one, rules)
    return desk.scores(), desk.notes(rules)


def score(runs: Sequence[StoredRun], truth: Truth, rules: Rules) -> dict[str, Curves]:
    """Return OPE, TRE or SRE -> the curves of a tracker's runs on a sequence.

    TRE's first run is an OPE too.

    Raises:
        DataError: not 1, 20 or 12 runs, or one has too few or too many rows.
    """
    kind = _RUNS.get(len(runs))
    if kind is None:
        raise DataError(
            f"{len(runs)} runs; OPE has 1, TRE has {STARTS}, SRE has {SHIFTS}: which is it?"
        )
    mine = rules if all(run.as_rows for run in runs) else measures.as_they_are(rules)
    if kind != TRE:
        aligned = [_aligned(run.boxes, truth) for run in runs]
        return {kind: measures.curves(aligned, mine)}
    pairs = [
        _from_start(run.boxes, truth, start, number)
        for number, (run, start) in enumerate(zip(runs, _starts(truth), strict=True), start=1)
    ]
    return {TRE: measures.curves(pairs, mine), OPE: measures.curves(pairs[:1], mine)}


def comparisons(scores: Sequence[Stored]) -> dict[str, Comparison]:
    """Return label -> how a tracker's AUC compares with the best one's, for all others."""
    order = ranked([one.ope for one in scores])
    contenders = [Contender(one.label, one.sums, not one.failed) for one in order]
    return comparison.comparisons(contenders, ratio)


def as_json(scores: Sequence[Stored], truths: Mapping[str, Truth]) -> dict[str, Any]:
    """Return scores as what JSON can hold: tracker -> measures, `sequences`, and `failed`.

    Means are over `sequences`; what there is no number for is None.
    """
    against = comparisons(scores)
    attributes = {
        truth.name: truth.entry.attributes for truth in truths.values() if truth.entry is not None
    }
    content = {}
    for one in scores:
        part = _score_json(one.ope)
        part["attributes"] = by_attribute(one.ope, attributes)
        part["against_best"] = comparison.as_json(against.get(one.label))
        for kind in (TRE, SRE):
            if kind in one.kinds:
                part[kind] = _score_json(one.kinds[kind])
        content[one.label] = part
    return content


def table(scores: Sequence[Stored]) -> Table:
    """Return a row a tracker; * marks means that lack sequences."""
    kinds = [kind for kind in (TRE, SRE) if any(kind in one.kinds for one in scores)]
    against = comparisons(scores)
    titles = ["AUC", "95 %", "P20", "norm.\nP20", *(f"{kind.upper()}\nAUC" for kind in kinds)]
    rows = grid("tracker", (*titles, "p", "run on"))
    for one in scores:
        rows.add_row(
            one.label,
            _cell(one.ope, one.ope.auc),
            comparison.interval_cell(one.ope.interval),
            _cell(one.ope, one.ope.precision20),
            _cell(one.ope, one.ope.normalised20),
            *(_kind_cell(one, kind) for kind in kinds),
            comparison.p_cell(against.get(one.label)),
            f"{len(one.ope.sequences)}/{one.ope.total}",
        )
    return rows


@dataclass
class _Desk:
    """Takes results one by one and keeps their scores."""

    truths: Mapping[str, Truth]
    _scores: dict[tuple[str, str], dict[str, SequenceScore]] = field(default_factory=dict)
    _wrong: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    _places: dict[tuple[str, str, str], str] = field(default_factory=dict)
    _by_the_way: set[tuple[str, str]] = field(default_factory=set)  # OPE out of a TRE
    _bad_rows: dict[str, list[tuple[str, int, int]]] = field(default_factory=dict)
    _first_rows: dict[str, list[bool]] = field(default_factory=dict)  # whether as counted from 0

    def take(self, one: Found, rules: Rules) -> None:
        truth = self.truths[one.sequence]
        try:
            if one.wrong:
                raise DataError(one.wrong)
            found = score(one.runs, truth, rules)
        except DataError as error:
            text = str(error)
            why = text if one.place in text else f"{text} ({one.place})"
            self._put(one, one.kind or _RUNS.get(len(one.runs), OPE), truth.name, why)
            return
        self._note_bad_rows(one, truth)
        if one.runs[0].as_rows and len(one.runs) != SHIFTS:
            self._first_rows.setdefault(one.tracker, []).append(_from_zero(one.runs[0], truth))
        for kind, curves in found.items():
            by_the_way = kind == OPE and len(found) > 1
            self._put(one, kind, truth.name, curves, by_the_way=by_the_way)

    def _put(
        self,
        one: Found,
        kind: str,
        name: str,
        result: Curves | str,
        *,
        by_the_way: bool = False,
    ) -> None:
        """Keep a score, or what is wrong; two results of the same name are both wrong."""
        at, here = (one.tracker, kind), (one.tracker, one.sequence)
        scores, wrong = self._scores.setdefault(at, {}), self._wrong.setdefault(at, {})
        before = self._places.get((*here, kind))
        if before is not None and kind == OPE and (here in self._by_the_way) != by_the_way:
            if by_the_way:
                return  # its own OPE goes before the first run of its TRE
            before = None
        if before is not None:
            scores.pop(name, None)
            wrong[name] = f"two results, {before} and {one.place}: leave one out, or rename it"
            return
        self._places[(*here, kind)] = one.place
        (self._by_the_way.add if by_the_way else self._by_the_way.discard)(here)
        if isinstance(result, str):
            scores.pop(name, None)
            wrong[name] = result
        else:
            wrong.pop(name, None)
            scores[name] = SequenceScore(
                name, result.frames, result.success, result.precision, None, result.normalised
            )

    def _note_bad_rows(self, one: Found, truth: Truth) -> None:
        run = one.runs[0]
        if not run.as_rows:
            return
        bad = np.flatnonzero(measures.bad_rows(run.boxes))
        late = bad[bad > max(0, len(run.boxes) - len(truth.boxes)) + _first_label(truth)]
        if len(late):
            rows = (truth.name, int(late[0]) + 1, len(late))
            self._bad_rows.setdefault(one.tracker, []).append(rows)

    def scores(self) -> list[Stored]:
        """Return all scores, the best first; sequences without a result are among the failed."""
        stored: dict[str, dict[str, TrackerScore]] = {}
        names = sorted(truth.name for truth in self.truths.values())
        for label, kind in self._scores:
            scores, wrong = self._scores[label, kind], self._wrong[label, kind]
            parts = tuple(scores[name] for name in names if name in scores)
            failed = {name: wrong.get(name, "no result") for name in names if name not in scores}
            stored.setdefault(label, {})[kind] = TrackerScore(label, parts, failed, None)
        found = {label: Stored(label, kinds) for label, kinds in stored.items()}
        return [found[one.label] for one in ranked([one.ope for one in found.values()])]

    def notes(self, rules: Rules) -> list[str]:
        """Return what is odd, but known to the rules."""
        then = "the row before counts" if rules.bad_rows_repeated else "they fail"
        lines = []
        for label, found in self._bad_rows.items():
            count = sum(rows for _, _, rows in found)
            name, row, _ = found[0]
            lines.append(
                f"{label}: {plural(count, 'row')} of {plural(len(found), 'sequence')} NaN or "
                f"without area, the first in {name}, row {row}; {then}"
            )
        for label, shifted in self._first_rows.items():
            if sum(shifted) > len(shifted) / 2:
                lines.append(
                    f"{label}: the first boxes of {plural(sum(shifted), 'sequence')} are the "
                    "labels less 1, 1: they seem to be counted from 0, and are scored as if from "
                    "1; if so, add 1 to each x and y"
                )
        return lines


def _aligned(boxes: Array, truth: Truth) -> tuple[Array, Array]:
    """Return boxes and labels of the same frames.

    The toolbox runs Tiger1 without its first five frames: labels and results come with and
    without them, and end together.
    """
    rows, labels, entry = len(boxes), len(truth.boxes), truth.entry
    if rows != labels and not (entry and {rows, labels} == {entry.rows, entry.run_rows}):
        raise DataError(f"{rows} rows of boxes for {labels} labels")
    both = min(rows, labels)
    return boxes[-both:], truth.boxes[-both:]


def _from_start(boxes: Array, truth: Truth, start: int, number: int) -> tuple[Array, Array]:
    labels = truth.boxes[start:]
    if len(boxes) != len(labels):
        raise DataError(
            f"run {number} of {STARTS} has {len(boxes)} rows of boxes for {len(labels)} labels "
            f"from frame {start + 1} on"
        )
    return boxes, labels


def _starts(truth: Truth) -> list[int]:
    starts = starts_on(truth.boxes, truth.entry)
    if not starts:
        raise DataError("no frame that a run of TRE may start in")
    return starts


def _first_label(truth: Truth) -> int:
    return int(np.isfinite(truth.boxes).all(axis=1).argmax())


def _from_zero(run: StoredRun, truth: Truth) -> bool:
    """Return whether the first box is the label, moved by the pixel that files count from."""
    boxes, labels = _aligned(run.boxes, truth) if len(run.boxes) else (run.boxes, truth.boxes)
    return bool(len(boxes)) and bool(np.allclose(boxes[0] + [1, 1, 0, 0], labels[0], atol=0.01))


def _score_json(one: TrackerScore) -> dict[str, Any]:
    return {
        "auc": number(one.auc),
        "precision20": number(one.precision20),
        "normalised_precision20": number(one.normalised20),
        "auc_interval": list(one.interval) or None,
        "success": one.success.tolist() if one.sequences else None,
        "precision": one.precision.tolist() if one.sequences else None,
        "sequences": {
            part.name: {
                "auc": measures.auc(part.success),
                "precision20": measures.precision20(part.precision),
                "normalised_precision20": measures.normalised20(part.normalised),
                "frames": part.frames,
                "success": part.success.tolist(),
                "precision": part.precision.tolist(),
            }
            for part in one.sequences
        },
        "failed": dict(one.failed),
    }


def _cell(one: TrackerScore, value: float) -> str:
    if math.isnan(value):
        return NO_NUMBER
    return f"{value:.3f}" + ("*" if one.failed else "")


def _kind_cell(one: Stored, kind: str) -> str:
    found = one.kinds.get(kind)
    return _cell(found, found.auc) if found else NO_NUMBER
