"""VOT's measures under three definitions, on cases by hand. Published ones: tests/system."""

from __future__ import annotations

import numpy as np
import pytest

from pursuit.boxes import Regions
from pursuit.measures import vot_rules
from pursuit.measures.vot import Code
from pursuit.measures.vot_rules import Rules, Sample, SequenceRuns

LETTERS = {"-": Code.SKIPPED, "s": Code.STARTED, "x": Code.FAILED, "f": Code.FOLLOWED}


def run(text: str, value: float) -> Sample:
    """Return a run with one overlap wherever it followed."""
    codes = np.array([LETTERS[letter] for letter in text])
    overlaps = np.where(codes == Code.FOLLOWED, value, np.nan)
    return Sample(codes, overlaps, overlaps)


def sequence(*samples: Sample, **tags: list[int]) -> SequenceRuns:
    masks = {name: np.array(mask, bool) for name, mask in tags.items()}
    return SequenceRuns("it", samples, masks)


# 19 and 40 frames: 9 count in the first and 20 in the second, of two runs.
SHORT = sequence(run("s" + "f" * 18, 0.9))
LONG = sequence(run("s" + "f" * 39, 0.4), run("s" + "f" * 19 + "x----s" + "f" * 14, 0.6))


def test_of_one_sequence() -> None:
    # In the second run of 40 frames 10 count up to the failure, 5 after the second start: where
    # the runs count both, their mean is 0.5; the other 15 have 0.4 only.
    matlab = vot_rules.sequence_figures(Rules.MATLAB, LONG)
    assert matlab.accuracy == pytest.approx((15 * 0.5 + 15 * 0.4) / 30)
    assert (matlab.failures, matlab.frames, matlab.counted) == (0.5, 40, 30)
    assert matlab.robustness == pytest.approx(np.exp(-30 * 0.5 / 40))
    assert vot_rules.sequence_figures(Rules.TOOLKIT, LONG).accuracy == pytest.approx(0.5)
    assert vot_rules.sequence_figures(Rules.PYSOT, LONG).robustness == pytest.approx(1.25)


def test_frames_are_pooled_or_sequences_weighed() -> None:
    both = [SHORT, LONG]
    pooled = (9 * 0.9 + 15 * 0.5 + 15 * 0.4) / 39
    for rules in (Rules.MATLAB, Rules.PYSOT):
        assert vot_rules.figures(rules, both).accuracy == pytest.approx(pooled)
    toolkit = vot_rules.figures(Rules.TOOLKIT, both)
    assert toolkit.accuracy == pytest.approx((19 * 0.9 + 40 * 0.5) / 59)
    assert toolkit.failures == 0.5
    # Failures a sequence, by length, over the mean length.
    assert toolkit.robustness == pytest.approx(np.exp(-30 * (40 * 0.5 / 59) / 29.5))
    assert vot_rules.figures(Rules.MATLAB, both).robustness == pytest.approx(np.exp(-15 / 59))
    assert vot_rules.figures(Rules.PYSOT, both).robustness == pytest.approx(100 * 0.5 / 59)


def test_a_run_too_short_to_count() -> None:
    short = sequence(run("sff", 0.9))
    assert np.isnan(vot_rules.sequence_figures(Rules.MATLAB, short).accuracy)
    assert vot_rules.sequence_figures(Rules.TOOLKIT, short).accuracy == 0


def test_of_a_tag_runs_are_cut_first() -> None:
    # The start has the tag: it leaves out the next nine frames with it, not the next nine.
    tag = [1] + [0, 1] * 12
    one = sequence(run("s" + "f" * 24, 0.5), night=tag)
    found = vot_rules.tag_figures([one], "night")
    assert (found.frames, found.counted, found.accuracy) == (13, 3, 0.5)
    # The start has it not: nothing is left out. A failure counts where its frame has the tag.
    tag = [0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1]
    one = sequence(run("sff" + "x----" + "sff", 0.5), night=tag)
    found = vot_rules.tag_figures([one], "night")
    assert (found.frames, found.counted, found.failures) == (5, 4, 1)
    assert vot_rules.tag_figures([one], "day").frames == 0


def test_expected_overlap_weighs_runs_and_tags() -> None:
    one = sequence(run("sff", 1.0))
    two = sequence(run("sff", 0.4), run("sff", 0.2), night=[1, 1, 0])
    assert vot_rules.expected_overlap(Rules.MATLAB, [one, two])[2] == pytest.approx(0.65)
    # pysot shares all by the last one's two runs, so that the first weighs half as much.
    assert vot_rules.expected_overlap(Rules.PYSOT, [one, two])[2] == pytest.approx(1.6 / 3)
    assert vot_rules.expected_overlap(Rules.TOOLKIT, [one, two])[2] == pytest.approx(1.6 / 3)
    assert vot_rules.expected_overlap(Rules.MATLAB, [one, two], "night")[2] == pytest.approx(0.3)


def test_the_python_toolkit_counts_lengths_from_0() -> None:
    curve = np.array([1, 0.8, 0.6, 0.4])
    assert vot_rules.eao_score(Rules.MATLAB, curve, (2, 3)) == pytest.approx(0.7)
    assert vot_rules.eao_score(Rules.TOOLKIT, curve, (2, 3)) == pytest.approx(0.5)


def boxes(*rows: list[float]) -> Regions:
    return Regions(np.array(rows, float), np.full((len(rows), 3, 2), np.nan))


def test_what_is_drawn_and_within_what_bounds() -> None:
    codes = np.full(2, Code.FOLLOWED)
    mine, truth = boxes([0, 0, 10, 10], [90, 0, 20, 10]), boxes([0, 0, 5, 10], [90, 0, 10, 10])
    found = {rules: vot_rules.sample(rules, codes, mine, truth, (100, 50)) for rules in Rules}
    assert found[Rules.MATLAB].overlaps.tolist() == [0.5, 10 / 11]
    assert found[Rules.MATLAB].tight.tolist() == [0.5, 1]
    assert found[Rules.TOOLKIT].overlaps.tolist() == [0.5, 1]
    assert found[Rules.PYSOT].overlaps.tolist() == [6 / 11, 1]
    unbounded = vot_rules.sample(Rules.MATLAB, codes, mine, truth, None)
    assert unbounded.overlaps.tolist() == [0.5, 0.5]
    assert [Rules.MATLAB.bounded(year) for year in (2014, 2016, None)] == [False, True, True]
    assert Rules.PYSOT.bounded(2014)
    # Without a pixel after rounding: no overlap, though corners would draw some.
    thin = vot_rules.sample(Rules.TOOLKIT, codes, boxes([0, 0, 0.4, 9], [90, 0, 9, 9]), truth, None)
    assert thin.overlaps.tolist() == [0, 81 / 100]


def test_pysot_reads_all_fifteen_runs_or_one() -> None:
    assert [vot_rules.used(Rules.PYSOT, runs) for runs in (1, 3, 15)] == [1, 1, 15]
    assert vot_rules.used(Rules.MATLAB, 3) == 3


def test_overlap_without_resets() -> None:
    # 18 of 19 frames and 39 of 40 have an overlap; the toolkit leaves out ten of each run.
    whole = sequence(run("s" + "f" * 39, 0.4), run("s" + "f" * 39, 0.6))
    pooled = (18 * 0.9 + 39 * 0.5) / 59
    for rules in (Rules.MATLAB, Rules.PYSOT):
        assert vot_rules.average_overlap(rules, [SHORT, whole]) == pytest.approx(pooled)
    found = vot_rules.average_overlap(Rules.TOOLKIT, [SHORT, whole])
    assert found == pytest.approx((19 * 0.9 + 40 * 0.5) / 59)
