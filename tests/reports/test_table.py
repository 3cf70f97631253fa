"""The table in the terminal: what it shows, and that it fits."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from rich.console import Console

from pursuit.measures.speed import Speed
from pursuit.reports.scores import SequenceScore, TrackerScore
from pursuit.reports.table import attribute_tables, notes, table

FLAT = SequenceScore("s", 9, np.full(21, 0.5), np.full(51, 0.75), None, np.full(51, 0.6))
ALSO_FLAT = replace(FLAT, name="t")


def shown(*scores: TrackerScore) -> list[str]:
    console = Console(file=io.StringIO(), width=80, highlight=False)
    console.print(table(list(scores)))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_row_holds_the_scores() -> None:
    lines = shown(TrackerScore("opencv-csrt", (FLAT, ALSO_FLAT), {}, Speed(51.94, 38.25, 0.553)))
    assert lines[-1].split() == [
        "opencv-csrt",
        "0.500",
        "0.500-0.500",
        "0.750",
        "51.9",
        "38.2",
        "0.55",
        "2/2",
    ]


def test_means_that_lack_sequences_are_marked() -> None:
    lost = {"Woman": "BoxError: fell off"}
    half = TrackerScore("half", (FLAT,), lost, Speed(1234, 0.8, 123.4))
    nothing = TrackerScore("nothing", (), lost, None)
    lines = shown(nothing, half)
    assert lines[-2].split() == [
        "half",
        "0.500*",
        "-",
        "0.750*",
        "1,234",
        "0.80",
        "123",
        "1/2",
    ]
    assert lines[-1].split() == ["nothing", "-", "-", "-", "-", "-", "-", "0/1"]
    said = notes([half, nothing], {}, workers=1)
    assert "not to be compared" in said[0]
    assert said[1:] == [
        "failed: half on Woman: BoxError: fell off",
        "failed: nothing on Woman: BoxError: fell off",
    ]
    whole = TrackerScore("whole", (FLAT,), {}, None)
    assert notes([whole], {}, workers=1) == []
    assert notes([whole, half], {"Woman": "torn"}, workers=1) == [
        "* mean of the sequences that could be run",
        "left out: Woman: torn",
    ]
    assert "--workers 1" in notes([whole], {}, workers=2)[0]
    assert "cluster at tcp://host:1" in notes([whole], {}, workers="tcp://host:1")[0]


def test_the_widest_row_fits_80_columns_uncut() -> None:
    wide = TrackerScore(
        "a-tracker-with-a-name-of-45-letters-and-digits",
        (FLAT,) * 100,
        {str(number): "lost" for number in range(100)},
        Speed(12345.6, 12345.6, 12345.6),
    )
    lines = shown(wide)
    assert max(map(len, lines)) <= 80
    text = "".join(lines)
    for part in ("AUC", "95 %", "run on", "0.500*", "0.750*", "12,346", "100/200"):
        assert part in text
    assert "…" not in text


def test_many_trackers_have_their_attributes_in_several_tables() -> None:
    skiing = replace(FLAT, name="Skiing")
    labels = [f"tracker-of-mine-{at:02}" for at in range(12)]
    scores = [TrackerScore(label, (skiing,), {}, None) for label in labels]
    tables = attribute_tables(scores)
    assert len(tables) == 3
    shares, folded = 0, ""
    for one in tables:
        console = Console(file=io.StringIO(), width=80, highlight=False)
        console.print(one)
        assert isinstance(console.file, io.StringIO)
        lines = console.file.getvalue().splitlines()
        assert max(map(len, lines)) <= 80
        (row,) = (line.split() for line in lines if line.startswith("SV "))
        shares += row[2:].count("0.500")
        folded += "".join(lines)
    assert shares == len(labels)
    assert all(label[-2:] in folded for label in labels)
    assert attribute_tables([TrackerScore("mine", (FLAT,), {}, None)]) == []
