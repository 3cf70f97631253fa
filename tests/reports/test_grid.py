"""Tables for the terminal: whatever stands in them, no column is left out at 80 columns."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pursuit.reports.grid import WIDTH, grid

# The widest cells that each of the commands can have.
OTB = {
    "AUC": "0.598*", "95 %": "0.548-0.643", "P20": "0.788*", "norm.\nP20": "0.714*",
    "TRE\nAUC": "0.605*", "SRE\nAUC": "0.556*", "p": "0.4722", "run on": "100/100",
}  # fmt: skip
VOT = {
    "A": "0.588*", "failures\nin 100": "0.276*", "failures": "59.25*", "EAO": "0.383*",
    "95 %": "0.312-0.456", "p": "0.4722", "run on": "59/60",
}  # fmt: skip
GOT = {
    "AO": "0.284*", "95 %": "0.174-0.396", "SR\n0.5": "0.272*", "SR\n0.75": "0.079*",
    "mAO": "0.261*", "fps": "12,861", "p": "0.4722", "run on": "179/180",
}  # fmt: skip


@pytest.mark.parametrize("cells", [OTB, VOT, GOT])
def test_names_and_numbers_stand_beside_each_other(cells: dict[str, str]) -> None:
    rows = grid("tracker", cells)
    rows.add_row("siamfc-slim-redetect-tuned", *cells.values())
    console = Console(file=io.StringIO(), width=WIDTH, highlight=False)
    console.print(rows)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= WIDTH
    at = next(at for at, line in enumerate(lines) if "\u2500" in line) + 1
    name, *numbers = lines[at].split()
    assert numbers == list(cells.values())
    name += "".join(line.strip() for line in lines[at + 1 :])
    assert name == "siamfc-slim-redetect-tuned"


def test_a_short_table_is_as_wide_as_it_must_be() -> None:
    rows = grid("target", ["AUC", "P20"], name_width=42)
    rows.add_row("Couple", "0.5", "0.75")
    console = Console(file=io.StringIO(), width=WIDTH, highlight=False)
    console.print(rows)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines()[-1].rstrip() == "Couple     0.5   0.75"
