"""The tables of OTB's scores."""

from __future__ import annotations

import math

from pursuit.measures.speed import Speed
from pursuit.reports.gathered_otb import OtbScores
from pursuit.reports.scores import TrackerScore, ranked
from pursuit.reports.stored_otb import SRE, TRE, as_json
from pursuit.reports.tables import (
    LACKING,
    STAR,
    Cell,
    Table,
    beside,
    by_row,
    ends,
    left_out,
    number,
    ran,
    with_best,
    word,
)

_STARTED = {
    TRE: ("TRE: other frames to start in", "20 runs a sequence, from frames spread over it"),
    SRE: ("SRE: other boxes to start with", "12 runs a sequence, each from a box moved or scaled"),
}
_MEASURES = ("Tracker", "AUC", "95 %", "P20", "norm. P20")
_TIMES = ("fps", "p95 ms")
_OTB_CODES = (
    "IV illumination, SV scale, OCC occlusion, DEF deformation, MB motion blur, FM fast motion, "
    "IPR and OPR rotation in and out of the plane, OV out of view, BC clutter, LR low resolution."
)


def summary(scores: OtbScores) -> Table:
    """Return a row a tracker: AUC with its interval, precision, TRE and SRE, speed."""
    told = as_json(scores.trackers, scores.truths)
    kinds = [kind for kind in (TRE, SRE) if any(kind in one.kinds for one in scores.trackers)]
    timed = any(one.ope.speed for one in scores.trackers)
    rows = []
    for one in scores.trackers:
        rival = told[one.label]["against_best"]
        row = [
            word(one.label),
            *_measured(one.ope),
        ]
        for kind in kinds:
            part = one.kinds.get(kind)
            row.append(
                number(part.auc, mark=LACKING if part.failed else "") if part else number(math.nan)
            )
        row.append(number(rival["p"] if rival else math.nan, ".4f"))
        row += _pace(one.ope.speed) if timed else []
        rows.append((*row, ran(len(one.ope.sequences), scores)))
    columns = (*_MEASURES, *(f"{x.upper()} AUC" for x in kinds))
    more = ("p", *(_TIMES if timed else ()), "sequences")
    table = Table(
        "otb-summary",
        "One-pass evaluation",
        "AUC: area under the success curve; 95 %: the ends of its interval, sequences drawn again "
        "10,000 times. P20: share of frames within 20 px; norm. P20: within a fifth of the "
        "label's sides. p: how often luck alone makes an AUC differ so much from the best one's."
        + (STAR if any(one.ope.failed for one in scores.trackers) else "")
        + left_out(scores),
        columns + more,
        tuple(rows),
    )
    return with_best(table, dict.fromkeys([1, *range(3, len(columns))], True))


def started(scores: OtbScores, kind: str) -> Table | None:
    """Return a row a tracker with the measures by TRE or SRE, the best first; None without any."""
    found = ranked([one.kinds[kind] for one in scores.trackers if kind in one.kinds])
    if not found:
        return None
    timed = any(one.speed for one in found)
    title, what = _STARTED[kind]
    note = f"{what}; each frame of them counts the same."
    table = Table(
        f"otb-{kind}",
        title,
        note + (STAR if any(one.failed for one in found) else "") + left_out(scores),
        (*_MEASURES, *(_TIMES if timed else ()), "sequences"),
        tuple(
            (
                word(one.label),
                *_measured(one),
                *(_pace(one.speed) if timed else ()),
                ran(len(one.sequences), scores),
            )
            for one in found
        ),
    )
    return with_best(table, dict.fromkeys([1, 3, 4], True))


def sequences(scores: OtbScores) -> Table:
    """Return a row a sequence, a column a tracker: the AUC."""
    each = {one.label: one.ope.aucs for one in scores.trackers}
    names = sorted({name for aucs in each.values() for name in aucs})
    return by_row(
        "otb-sequences", "AUC by sequence", "Sequence", names, each,
        "The best of a row is bold.",
    )  # fmt: skip


def attributes(scores: OtbScores) -> Table | None:
    """Return a row an attribute of OTB, a column a tracker: the mean AUC; None without any."""
    found = as_json(scores.trackers, scores.truths)
    each = {label: part["attributes"] for label, part in found.items()}
    names = sorted({name for values in each.values() for name in values})
    if not names:
        return None
    counts = {
        name: sum(name in truth.entry.attributes for truth in scores.truths.values() if truth.entry)
        for name in names
    }
    return by_row(
        "otb-attributes", "AUC by attribute", "Attribute",
        names, each,
        f"Mean AUC of the sequences with an attribute, their number after it. {_OTB_CODES} "
        "The best of a row is bold.",
        {name: f"{name} ({counts[name]})" for name in names},
    )  # fmt: skip


def side_by_side(scores: OtbScores) -> list[Table]:
    """Return the AUC of two trackers by sequence, and the difference; nothing of more."""
    if len(scores.trackers) != 2:
        return []
    first, second = scores.trackers
    mine, theirs = ((one.label, one.ope.aucs) for one in (first, second))
    return beside("otb", "AUC", mine, theirs, ".3f")


def _measured(one: TrackerScore) -> list[Cell]:
    mark = LACKING if one.failed else ""
    return [
        number(one.auc, mark=mark),
        ends(*one.interval),
        number(one.precision20, mark=mark),
        number(one.normalised20, mark=mark),
    ]


def _pace(speed: Speed | None) -> list[Cell]:
    if speed is None:
        return [number(math.nan), number(math.nan)]
    return [number(speed.fps, ",.1f" if speed.fps < 100 else ",.0f"), number(speed.p95_ms, ".2f")]
