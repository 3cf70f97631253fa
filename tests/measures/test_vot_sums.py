"""What sequences add to VOT's measures: their totals are the measures themselves."""

from __future__ import annotations

import numpy as np
import pytest

from pursuit.measures import vot_rules
from pursuit.measures.vot import Code
from pursuit.measures.vot_rules import Rules, Sample, SequenceRuns
from pursuit.measures.vot_sums import Totals

LETTERS = {"-": Code.SKIPPED, "s": Code.STARTED, "x": Code.FAILED, "f": Code.FOLLOWED}
INTERVAL = (3, 25)


def sequence(name: str, *texts: str, seed: int = 0) -> SequenceRuns:
    rng = np.random.default_rng(seed)
    samples = []
    for text in texts:
        codes = np.array([LETTERS[letter] for letter in text])
        overlaps = np.where(codes == Code.FOLLOWED, rng.random(len(codes)), np.nan)
        samples.append(Sample(codes, overlaps, overlaps * 0.9))
    return SequenceRuns(name, tuple(samples), {})


SEQUENCES = [
    sequence("a", "s" + "f" * 18, seed=1),
    sequence("b", "s" + "f" * 39, "s" + "f" * 19 + "x----s" + "f" * 14, seed=2),
    sequence("c", "sffx", seed=3),
]


@pytest.mark.parametrize("rules", list(Rules))
@pytest.mark.parametrize("interval", [INTERVAL, (1, 4), (50, 60)])
def test_totals_give_the_measures(rules: Rules, interval: tuple[int, int]) -> None:
    totals = Totals(rules, interval)
    rows = totals.rows(SEQUENCES)
    total = np.sum(list(rows.values()), axis=0)
    figures = vot_rules.figures(rules, SEQUENCES)
    assert totals.accuracy(total) == pytest.approx(figures.accuracy, rel=1e-12)
    assert totals.robustness(total) == pytest.approx(figures.robustness, rel=1e-12)
    curve = vot_rules.expected_overlap(rules, SEQUENCES)
    expected = vot_rules.eao_score(rules, curve, interval)
    assert totals.eao(total) == pytest.approx(expected, rel=1e-12, nan_ok=True)
    assert np.isnan(expected) == (interval == (50, 60))


def test_many_totals_at_once() -> None:
    totals = Totals(Rules.MATLAB, INTERVAL)
    rows = np.stack(list(totals.rows(SEQUENCES).values()))
    many = np.stack([rows.sum(axis=0), rows[0], rows[1]])
    for measure in (totals.accuracy, totals.robustness, totals.eao):
        assert measure(many) == pytest.approx([float(measure(one)) for one in many])
    assert totals.accuracy(rows[2]) != totals.accuracy(rows[2])  # no frame of it counts


def test_without_an_interval() -> None:
    totals = Totals(Rules.MATLAB, None)
    (row,) = totals.rows(SEQUENCES[:1]).values()
    assert row.shape == (5,) and np.isnan(totals.eao(row))
    assert totals.rows([]) == {}
