"""VOT2014's ranking from runs: what is ranked apart, and what the averages are over."""

from __future__ import annotations

import numpy as np
import pytest

from pursuit.measures.vot import Code
from pursuit.measures.vot_ranking import ranks
from pursuit.measures.vot_rules import Sample, SequenceRuns

NAN = np.nan


def sequence(
    name: str, *runs: tuple[float, int], tag: str = "", practical: float | None = None
) -> SequenceRuns:
    """Return runs of 40 frames, each of an overlap and a number of failures near its end."""
    samples = []
    for overlap, failures in runs:
        codes = np.full(40, Code.FOLLOWED)
        codes[0] = Code.STARTED
        codes[40 - failures :] = Code.FAILED
        samples.append(Sample(codes, np.full(40, overlap), np.full(40, overlap)))
    tags = {tag: np.ones(40, bool)} if tag else {}
    matters = None if practical is None else np.full(40, practical)
    return SequenceRuns(name, tuple(samples), tags, matters)


def test_attributes_count_the_same_and_sequences_where_there_are_none() -> None:
    def runs(one: float, two: float, tag: str) -> list[SequenceRuns]:
        # The second attribute is of one sequence, the first of two.
        return [
            sequence("x", (one, 0), tag=tag and "many"),
            sequence("y", (one, 0), tag=tag and "many"),
            sequence("z", (two, 0), tag=tag),
        ]

    tagged = ranks({"baseline": {"a": runs(0.9, 0.1, "one"), "b": runs(0.5, 0.2, "one")}})
    assert tagged is not None
    one = tagged.experiments["baseline"]
    assert (one.parts, one.tagged, one.practical) == (("many", "one"), True, False)
    assert one.accuracy.tolist() == [[1, 2], [2, 1]]
    assert one.average("a") == tagged.average("a") == (1.5, 1.5)
    plain = ranks({"baseline": {"a": runs(0.9, 0.1, ""), "b": runs(0.5, 0.2, "")}})
    assert plain is not None
    one = plain.experiments["baseline"]
    assert (one.parts, one.tagged) == (("x", "y", "z"), False)
    assert one.accuracy.tolist() == [[1, 1, 2], [2, 2, 1]]
    assert plain.average("a") == (pytest.approx(4 / 3), 1.5)
    assert plain.overall("b") == pytest.approx((5 / 3 + 1.5) / 2)


def test_what_matters_is_of_each_sequence() -> None:
    def runs(overlap: float) -> list[SequenceRuns]:
        return [
            sequence("x", (overlap, 0), practical=0.3),
            sequence("y", (overlap, 0), practical=0.1),
            sequence("z", (overlap, 0)),
        ]

    found = ranks({"baseline": {"a": runs(0.7), "b": runs(0.5)}})
    assert found is not None
    one = found.experiments["baseline"]
    assert one.practical
    assert one.accuracy.tolist() == [[1.5, 1, 1], [1.5, 2, 2]]


def test_runs_that_were_not_made_have_the_mean_of_those_made() -> None:
    # Of 15 numbers b has two of its own, 0 and 2, and 13 times their mean: 1. a has 15 zeros.
    a, b = [sequence("x", (0.5, 0))], [sequence("x", (0.5, 0), (0.5, 2))]
    found = ranks({"baseline": {"a": a, "b": b}})
    assert found is not None
    assert found.experiments["baseline"].robustness.tolist() == [[1], [2]]
    stats = pytest.importorskip("scipy.stats")
    judge = stats.mannwhitneyu(np.zeros(15), [0, 2, *[1] * 13], method="asymptotic")
    assert judge.pvalue < 0.05
    # As two numbers and one, nothing could be told.
    assert stats.mannwhitneyu([0], [0, 2], method="asymptotic").pvalue > 0.05


def test_both_experiments_count_the_same() -> None:
    good, bad = [sequence("x", (0.9, 0))], [sequence("x", (0.4, 2))]
    found = ranks({"baseline": {"a": good, "b": bad, "c": bad}, "noise": {"a": bad, "b": good}})
    assert found is not None
    assert found.trackers == ["a", "b", "c"]
    assert [found.average(one) for one in "ab"] == [(1.5, 1.5), (1.75, 1.75)]
    assert np.isnan(found.overall("c"))  # of the baseline alone: not to be compared
    assert found.experiments["baseline"].average("c") == (2.5, 2.5)
    alone = ranks({"baseline": {"a": good, "b": bad}, "noise": {"a": bad}})
    assert alone is not None and list(alone.experiments) == ["baseline"]
    assert ranks({"baseline": {"a": good}}) is None
