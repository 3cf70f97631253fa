"""The list of OTB's sequences: counts that are known of it."""

from __future__ import annotations

from collections import Counter

import pytest

from pursuit.datasets.otb_list import LISTS, entries, key, listed
from pursuit.errors import SettingsError


def test_lists_are_as_long_as_published() -> None:
    found = entries()
    assert len(found) == 100
    counts = Counter(name for one in found.values() for name in one.lists)
    assert counts == {"otb2013": 51, "otb50": 50, "otb100": 100}
    assert tuple(sorted(counts)) == tuple(sorted(LISTS))
    both = [one for one in found.values() if {"otb2013", "otb50"} <= set(one.lists)]
    assert len(both) == 28  # TB-50 is no part of OTB-2013


def test_rows_are_as_many_as_published() -> None:
    def rows(name: str) -> int:
        return sum(one.rows for one in entries().values() if name in one.lists)

    assert [rows(name) for name in LISTS] == [29_491, 26_972, 59_040]
    assert sum(one.run_rows for one in entries().values()) == 59_035  # Tiger1 from frame 6


def test_attributes_are_as_many_as_published() -> None:
    counts = Counter(code for one in entries().values() for code in one.attributes)
    assert counts == {
        **{"IV": 38, "SV": 65, "OCC": 49, "DEF": 44, "MB": 31, "FM": 43},
        **{"IPR": 51, "OPR": 64, "OV": 14, "BC": 32, "LR": 10},
    }


def test_frame_ranges() -> None:
    ranges = {one.name: one.pictures for one in entries().values() if one.pictures[1]}
    assert ranges == {
        "David": (300, 770),
        "Football1": (1, 74),
        "Freeman3": (1, 460),
        "Freeman4": (1, 283),
        "Diving": (1, 215),
        "Tiger1": (6, 354),
    }
    assert sum(bool(one.omitted) for one in entries().values()) == 27


def test_names_are_found_however_they_are_written() -> None:
    assert {key(name) for name in ("Jogging-1", "jogging.1", "Jogging_1")} == {"jogging-1"}
    assert key("Human4") == key("Human4.2") == "human4-2"
    assert entries()["skating2-2"].name == "Skating2-2"


def test_lists_need_all_their_sequences() -> None:
    assert listed({"a": 1, "b": 2}, None, "it") == {"a": 1, "b": 2}
    message = r"it lacks 51 of the 51 .* otb2013: Basketball, Bolt, "
    with pytest.raises(SettingsError, match=message):
        listed({"a": 1}, "otb2013", "it")
    assert len(listed(dict(entries()), "otb50", "it")) == 50
