"""The forms of the papers' tables, filled with the trackers at hand."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pursuit.reports.gathered_vot import VotScore, VotScores
from pursuit.reports.surroundings import Identity
from pursuit.reports.tables import Cell, Table, number, with_best, word


def goturn_table1(scores: VotScores) -> Table:
    """Return the form of GOTURN's Table 1: three errors a tracker, the least first."""
    rows = []
    for one in sorted(scores.trackers, key=_overall):
        errors = (
            _overall_or_nan(one),
            1 - one.score.total.accuracy,
            1 - one.score.total.robustness,
        )
        rows.append((word(one.label), *(number(error, ".2f") for error in errors)))
    table = Table(
        "goturn-table-1",
        "Errors (GOTURN, Table 1)",
        "1 - (A + R) / 2, 1 - A, 1 - R. "
        "In the paper a frame counts for each attribute that it has.",
        ("Tracker", "Overall errors", "Accuracy errors", "Robustness errors"),
        tuple(rows),
    )
    return with_best(table, {1: False, 2: False, 3: False})


def siamfc_table2(scores: VotScores, fps: Mapping[str, float]) -> Table:
    """Return the form of SiamFC's Table 2: raw scores, overlap and speed."""
    table = Table(
        "siamfc-table-2",
        "Raw scores, overlap and speed (SiamFC, Table 2)",
        "Overlap is the expected average overlap; the speed leaves decoding out.",
        ("Tracker", "Accuracy", "# Failures", "Overlap", "Speed (fps)"),
        tuple(
            (*_raw(one, ".4f"), number(fps.get(one.label, math.nan), ",.0f"))
            for one in scores.trackers
        ),
    )
    return with_best(table, {1: True, 2: False, 3: True})


def siamfc_table3(scores: VotScores, known: Mapping[str, Identity]) -> Table | None:
    """Return the form of SiamFC's Table 3: scores by share of the videos learnt from.

    None where the recipe of no tracker is known. The paper's numbers of videos and objects are
    not in a recipe.
    """
    shares = {label: one.share for label, one in known.items() if one.share is not None}
    mine = [one for one in scores.trackers if one.label in shares]
    if not mine:
        return None
    rows = []
    for one in sorted(mine, key=lambda one: shares[one.label]):
        name, *raw = _raw(one, ".3f")
        rows.append((name, number(shares[one.label], ".4g"), *raw))
    return Table(
        "siamfc-table-3",
        "Scores by share of the training videos (SiamFC, Table 3)",
        "The share is that of the recipe of the weights; data sets of different recipes differ.",
        ("Tracker", "Dataset (%)", "Accuracy", "# Failures", "Expected avg. overlap"),
        tuple(rows),
    )


def _raw(one: VotScore, form: str) -> tuple[Cell, ...]:
    """Return cells of name, accuracy, failures and expected average overlap."""
    total = one.score.total
    return (
        word(one.label),
        number(total.accuracy, form),
        number(total.failures if one.score.sequences else math.nan, ".4g"),
        number(one.score.eao, form),
    )


def _overall_or_nan(one: VotScore) -> float:
    return 1 - (one.score.total.accuracy + one.score.total.robustness) / 2


def _overall(one: VotScore) -> tuple[bool, float]:
    value = _overall_or_nan(one)
    return math.isnan(value), value
