"""What a tracker's folder tells of the machines that its results were made on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pursuit.errors import SettingsError
from pursuit.results.made_with import NAME, Made, add, check, filter_ms, leave_out, read

HERE = {"pursuit": "0.1.0", "cores": "2"}


def test_what_was_added_is_read(tmp_path: Path) -> None:
    assert read(tmp_path) == ()
    assert filter_ms(tmp_path) is None
    add(tmp_path, Made(HERE))
    assert read(tmp_path) == (Made(HERE, None),)
    add(tmp_path, Made(HERE, 330.5))  # a later run is timed
    add(tmp_path, Made(HERE, 441.0))  # the first time stands
    add(tmp_path, Made(HERE))
    assert read(tmp_path) == (Made(HERE, 330.5),)
    assert filter_ms(tmp_path) == 330.5


def test_times_of_two_machines_have_no_one_unit(tmp_path: Path) -> None:
    add(tmp_path, Made(HERE, 330.5))
    add(tmp_path, Made({**HERE, "cores": "64"}, 100.0))
    assert [one.versions["cores"] for one in read(tmp_path)] == ["2", "64"]
    assert filter_ms(tmp_path) is None


def test_what_was_left_out_last_is_told_in_the_last_entry(tmp_path: Path) -> None:
    leave_out(tmp_path, {"Bus": "torn"}, [])
    assert not (tmp_path / NAME).exists()  # there are no results
    there = {**HERE, "cores": "64"}
    add(tmp_path, Made(HERE))
    leave_out(tmp_path, {"Bus": "torn", "Fly": "no labels"}, ["Car"])
    add(tmp_path, Made(there))
    assert read(tmp_path) == (Made(HERE, None, {"Bus": "torn", "Fly": "no labels"}), Made(there))
    # Fly was judged since, Bus not looked at.
    leave_out(tmp_path, {"Car": "short"}, ["Fly"])
    assert read(tmp_path) == (Made(HERE), Made(there, None, {"Bus": "torn", "Car": "short"}))
    leave_out(tmp_path, {}, ["Bus", "Car"])
    assert read(tmp_path) == (Made(HERE), Made(there))
    assert "left_out" not in (tmp_path / NAME).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        "null",
        '[{"versions": 3, "filter_ms": null}]',
        '[{"versions": {}, "filter_ms": -1}]',
        '[{"versions": {}, "filter_ms": "x"}]',
        '[{"versions": {}, "filter_ms": NaN}]',
        '[{"versions": {}, "filter_ms": null, "left_out": [1]}]',
    ],
)
def test_what_cannot_be_read_tells_nothing_and_is_not_written_over(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / NAME).write_text(text, encoding="utf-8")
    assert read(tmp_path) == ()
    assert filter_ms(tmp_path) is None
    refused = rf"{NAME} is damaged, so nothing tells on which machine .* name another --out$"
    # Noted anew, what was made elsewhere would count as made here, and take this machine's unit.
    for noting in (
        lambda: check(tmp_path),
        lambda: add(tmp_path, Made(HERE, 330.5)),
        lambda: leave_out(tmp_path, {"Bus": "torn"}, []),
    ):
        with pytest.raises(SettingsError, match=refused) as raised:
            noting()
        assert "\n" not in str(raised.value)
    assert (tmp_path / NAME).read_text(encoding="utf-8") == text


def test_a_folder_without_a_note_can_be_given_one(tmp_path: Path) -> None:
    check(tmp_path)
    check(tmp_path / "not yet made")
    (tmp_path / NAME).mkdir()
    with pytest.raises(SettingsError, match="cannot read"):
        check(tmp_path)
