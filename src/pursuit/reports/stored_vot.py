"""Scores of stored VOT results against a ground truth; `stored_vot_shown` shows them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pursuit.datasets.reading import plural
from pursuit.datasets.vot import Benchmark, Truth
from pursuit.errors import DataError, nearest
from pursuit.measures import eao, vot_rules
from pursuit.measures.vot import Code
from pursuit.measures.vot_rules import Figures, Rules, SequenceRuns
from pursuit.measures.vot_sums import Totals
from pursuit.results.runs import Runs
from pursuit.results.vot import BASELINE, NOISE, UNSUPERVISED, Trajectory, odd_row
from pursuit.results.vot_found import StoredResults

Array = NDArray[np.float64]
Unfit = Callable[[Sequence[Trajectory], Truth], str]


@dataclass(frozen=True)
class Unsupervised:
    """How a tracker did without resets.

    Attributes:
        overlap: average overlap, as `measures.vot_rules.average_overlap` has it.
        eao: expected average overlap.
        sequences: average overlap on each that counts, by name.
        failed: on the others, what is wrong; the means lack them.
    """

    overlap: float
    eao: float
    sequences: Mapping[str, float]
    failed: Mapping[str, str]


@dataclass(frozen=True)
class Score:
    """How a tracker did.

    Attributes:
        label: what the tracker is called.
        total: over all sequences.
        eao: expected average overlap.
        sequences: on each that counts, by name.
        failed: on the others, what is wrong; the means lack them.
        tags: on the frames of each tag, and the EAO of it: MATLAB's rules have both, pysot's the
            latter, the Python toolkit's neither.
        sums: what each sequence adds; see `measures.vot_sums`.
        unsupervised: without resets, where there are such results.
        curve: (N,) expected average overlap at lengths 1 to N; (0,) where there is none.
        runs: what counts of its runs on each sequence that counts.
        noise: with noisy starts, where there are such results beside the baseline.
    """

    label: str
    total: Figures
    eao: float
    sequences: Mapping[str, Figures]
    failed: Mapping[str, str]
    tags: Mapping[str, tuple[Figures | None, float]]
    sums: Mapping[str, Array] = field(repr=False)
    unsupervised: Unsupervised | None
    curve: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    runs: tuple[SequenceRuns, ...] = field(default=(), repr=False)
    noise: Score | None = None

    @property
    def eao_mean(self) -> float:
        """Mean of the EAO of both experiments: VOT2016's overall; NaN where one is not known."""
        return math.nan if self.unsupervised is None else (self.eao + self.unsupervised.eao) / 2

    @property
    def wrong(self) -> list[str]:
        """What its means lack and why, a line each."""
        lines = [f"{self.label} on {name}: {why}" for name, why in self.failed.items()]
        for experiment, beside in ((UNSUPERVISED, self.unsupervised), (NOISE, self.noise)):
            failed = beside.failed if beside else {}
            lines += [
                f"{self.label} ({experiment}) on {name}: {why}" for name, why in failed.items()
            ]
        return lines


@dataclass(frozen=True)
class Scores:
    """Scores of trackers.

    Attributes:
        rules: whose definitions.
        interval: of lengths that EAO is over; None where there is none.
        trackers: the best EAO first.
        year: of the ground truth.
        notes: what must be said beside, a line each.
        experiment: whose results, with resets.
    """

    rules: Rules
    interval: tuple[int, int] | None
    trackers: tuple[Score, ...]
    year: int | None
    notes: tuple[str, ...]
    experiment: str = BASELINE

    @property
    def wrong(self) -> list[str]:
        """What the trackers' means lack and why, a line each."""
        return [line for one in self.trackers for line in one.wrong]

    @property
    def totals(self) -> Totals:
        """Measures of totals of the trackers' sums."""
        return Totals(self.rules, self.interval)

    @property
    def caption(self) -> str:
        """What the table's EAO is over, and by whose rules."""
        if self.interval is None:
            return f"no EAO: it needs sequences of two lengths at least; rules: {self.rules.value}"
        known = self.year in eao.INTERVALS
        whose = f"VOT{self.year}'s" if known else "from those of the sequences"
        first, last = self.interval
        return f"EAO over lengths {first} to {last}, {whose}; rules: {self.rules.value}"


def scores(rules: Rules, results: StoredResults, truth: Benchmark) -> Scores:
    """Return the scores of all trackers that ran on the sequences of a ground truth.

    What is wrong with a result is told by the score's `failed`, as is a result that lacks. One
    on less than half of these and on others too ran on another benchmark: it is not scored, and
    a note says so, as of results on others at all.

    Raises:
        DataError: no tracker ran on these; or the size of pictures is needed and not known.
    """
    spelt = {name.lower(): name for name in truth.sequences}
    supervised, free, noise = (
        one.renamed(lambda name: spelt.get(name.lower(), name))
        for one in (results.supervised, results.unsupervised, results.noise)
    )
    ran_on = {name: [*runs, *supervised.wrong[name]] for name, runs in supervised.found.items()}
    foreign = {name: _foreign(ran, truth) for name, ran in ran_on.items()}
    mine = [name for name, ran in ran_on.items() if not foreign[name] or _is_of(truth, ran)]
    notes = [*results.notes]
    notes += [
        f"not {'used' if name in mine else 'scored'}: {name} {why}"
        for name, why in foreign.items()
        if why
    ]
    alone = [
        f"{name}/{experiment}"
        for experiment, beside in ((UNSUPERVISED, free), (NOISE, noise))
        for name in beside.found
        if name not in foreign
    ]
    with_it = (
        f", and beside it {NOISE} and {UNSUPERVISED}" if results.experiment == BASELINE else ""
    )
    notes += [
        f"not scored: {name}: only the {results.experiment} is{with_it}"
        for name in sorted([*results.others, *alone])
    ]
    if not mine:
        why = "; ".join(line.removeprefix("not scored: ") for line in notes)
        raise DataError(f"nothing to score: {why or 'no tracker'}")
    interval = _interval(truth)
    found = []
    for name in mine:
        score = _score(rules, name, supervised, truth, interval)
        if name in free.found:
            beside = _unsupervised(rules, name, free, truth, interval)
            score = replace(score, unsupervised=beside)
        if name in noise.found:
            score = replace(score, noise=_score(rules, name, noise, truth, interval))
        found.append(score)
        notes += _odd_rows(score, supervised.found[name])
    found.sort(key=lambda one: (math.isnan(one.eao), -one.eao, one.label))
    return Scores(rules, interval, tuple(found), truth.year, tuple(notes), results.experiment)


def sequence_runs(
    rules: Rules, truth: Truth, runs: Sequence[Trajectory], year: int | None
) -> SequenceRuns:
    """Return what counts of a tracker's runs on one sequence, in the challenge of a year.

    Raises:
        DataError: only pixels in the pictures count, and their size is not known.
    """
    size = truth.size if rules.bounded(year) else None
    if size is None and rules.bounded(year):
        raise DataError(
            f"{truth.name}: the size of its pictures is not known, and only pixels in them count; "
            "put its pictures beside groundtruth.txt, or width= and height= into its file sequence"
        )
    chosen = runs[: vot_rules.used(rules, len(runs))]
    samples = (vot_rules.sample(rules, x.codes, x.regions, truth.regions, size) for x in chosen)
    return SequenceRuns(truth.name, tuple(samples), dict(truth.tags), truth.practical)


def _foreign(ran_on: Sequence[str], truth: Benchmark) -> str:
    """Return what a tracker ran on that the ground truth lacks, as a message; "" for nothing."""
    other = [name for name in ran_on if name not in truth.sequences]
    if not other:
        return ""
    hint = nearest(other[0], truth.sequences)
    return f"has results on {other[0]}{_more(other)}, not in the ground truth{hint}"


def _is_of(truth: Benchmark, ran_on: Sequence[str]) -> bool:
    """Return whether a tracker ran on these sequences, half of them at least, and on others too.

    Years share some: one that ran on another year's has results on few of these.
    """
    return 2 * sum(name in truth.sequences for name in ran_on) >= len(truth.sequences)


def _odd_rows(score: Score, runs: Mapping[str, Sequence[Trajectory]]) -> Iterator[str]:
    """Yield a line on each run that counts though no tracker can have left its rows."""
    for name, run in ((at, run) for at in score.sequences for run in runs[at]):
        row = odd_row(run)
        what = [f"row {row} cannot come after row {row - 1}"] if row > 1 else []
        turned = np.flatnonzero((run.regions.boxes[:, 2:] < 0).any(axis=1))
        what += [f"row {turned[0] + 1} has a negative side"] if len(turned) else []
        if what:
            yield f"{score.label} on {name}: {' and '.join(what)}; it counts as it is ({run.place})"


def _failed(
    label: str, results: Runs[Trajectory], truth: Benchmark, unfit: Unfit
) -> dict[str, str]:
    """Return sequence -> why a tracker has no score on it."""
    runs, wrong, failed = results.found[label], results.wrong[label], {}
    for name, one in truth.sequences.items():
        why = unfit(runs[name], one) if name in runs else wrong.get(name, "no result")
        if why:
            failed[name] = why
    return failed


def _no_supervised(runs: Sequence[Trajectory], truth: Truth) -> str:
    """Return what keeps runs from being supervised ones on a sequence; "" for nothing."""
    for one in runs:
        if len(one.codes) == len(truth.regions) and not (one.codes == Code.STARTED).any():
            return f"no row is 1, a start: not a result of the supervised experiment ({one.place})"
    return _other_rows(runs, truth)


def _no_unsupervised(runs: Sequence[Trajectory], truth: Truth) -> str:
    """Return what keeps runs from being unsupervised ones on a sequence; "" for nothing."""
    for one in runs:
        if (one.codes[1:] != Code.FOLLOWED).any():
            row = int(np.flatnonzero(one.codes[1:] != Code.FOLLOWED)[0]) + 2
            return f"row {row} is a code: not a result without resets ({one.place})"
    return _other_rows(runs, truth)


def _other_rows(runs: Sequence[Trajectory], truth: Truth) -> str:
    count = len(truth.regions)
    for one in runs:
        if len(one.codes) != count:
            return f"{plural(len(one.codes), 'row')} for {plural(count, 'frame')} ({one.place})"
    return ""


def _right(
    rules: Rules,
    runs: Mapping[str, Sequence[Trajectory]],
    failed: Mapping[str, str],
    truth: Benchmark,
) -> list[SequenceRuns]:
    return [
        sequence_runs(rules, one, runs[name], truth.year)
        for name, one in truth.sequences.items()
        if name not in failed
    ]


def _score(
    rules: Rules,
    label: str,
    results: Runs[Trajectory],
    truth: Benchmark,
    interval: tuple[int, int] | None,
) -> Score:
    failed = _failed(label, results, truth, _no_supervised)
    sequences = _right(rules, results.found[label], failed, truth)
    if not sequences:
        nothing = Figures(math.nan, math.nan, math.nan, 0, 0)
        return Score(label, nothing, math.nan, {}, failed, {}, {}, None)
    tags = sorted({tag for one in sequences for tag in one.tags})
    return Score(
        label,
        vot_rules.figures(rules, sequences),
        _eao(rules, sequences, interval),
        {one.name: vot_rules.sequence_figures(rules, one) for one in sequences},
        failed,
        {
            tag: (
                vot_rules.tag_figures(sequences, tag) if rules is Rules.MATLAB else None,
                _eao(rules, sequences, interval, tag),
            )
            for tag in tags
            if rules is not Rules.TOOLKIT
        },
        Totals(rules, interval).rows(sequences),
        None,
        vot_rules.expected_overlap(rules, sequences),
        tuple(sequences),
    )


def _unsupervised(
    rules: Rules,
    label: str,
    results: Runs[Trajectory],
    truth: Benchmark,
    interval: tuple[int, int] | None,
) -> Unsupervised:
    failed = _failed(label, results, truth, _no_unsupervised)
    sequences = _right(rules, results.found[label], failed, truth)
    if not sequences:
        return Unsupervised(math.nan, math.nan, {}, failed)
    return Unsupervised(
        vot_rules.average_overlap(rules, sequences),
        _eao(rules, sequences, interval),
        {one.name: vot_rules.average_overlap(rules, [one]) for one in sequences},
        failed,
    )


def _eao(
    rules: Rules,
    sequences: Sequence[SequenceRuns],
    interval: tuple[int, int] | None,
    tag: str | None = None,
) -> float:
    if interval is None:
        return math.nan
    curve = vot_rules.expected_overlap(rules, sequences, tag)
    return vot_rules.eao_score(rules, curve, interval)


def _interval(truth: Benchmark) -> tuple[int, int] | None:
    """Return the year's interval, or that of the sequences' lengths where it has none."""
    if truth.year in eao.INTERVALS:
        return eao.INTERVALS[truth.year]
    lengths = np.array([len(one.regions) for one in truth.sequences.values()], dtype=np.float64)
    return eao.interval_of(lengths) if len(np.unique(lengths)) > 1 else None


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""
