"""trackers.ini of VOT's Python toolkit."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

import pytest

from pursuit.errors import DataError, OutputError, SettingsError
from pursuit.results.vot_trackers import add, identifier

WORDS = ["/my tools/python", "-m", "pursuit", "vot", "serve", "siamfc-3s:/100%/w.safetensors"]


def test_the_names_of_sections_are_what_the_toolkit_takes() -> None:
    assert identifier("siamfc-slim+redetect") == "siamfc-slim_redetect"
    assert identifier("my best 2.1 ü") == "my_best_2_1__"


def test_a_section_is_read_as_the_toolkit_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "trackers.ini"
    assert add(path, {"best 1": WORDS, "other": ["x"]}) == ["best_1", "other"]
    config = configparser.ConfigParser()
    config.read(path)
    assert config.sections() == ["best_1", "other"]
    found = dict(config["best_1"])
    assert shlex.split(found.pop("command")) == WORDS
    assert found == {"label": "best 1", "protocol": "trax"}


def test_what_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "trackers.ini"
    path.write_text("# mine\n[other]\ncommand = run  # it", encoding="utf-8")
    add(path, {"best": WORDS})
    once = path.read_text(encoding="utf-8")
    assert once.startswith("# mine\n[other]\ncommand = run  # it\n\n[best]\n")
    assert add(path, {"best": WORDS}) == ["best"]
    assert path.read_text(encoding="utf-8") == once


def test_two_trackers_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "trackers.ini"
    add(path, {"best": WORDS})
    before = path.read_text(encoding="utf-8")
    with pytest.raises(SettingsError, match=r"two trackers \[best\]"):
        add(path, {"best": ["another"]})
    with pytest.raises(SettingsError, match=r"two trackers \[a_b\]"):
        add(path, {"a+b": WORDS, "a b": WORDS})
    assert path.read_text(encoding="utf-8") == before


@pytest.mark.parametrize("data", [b"no section\n", b"[a]\n[a]\n", b"\xff\xfe[a]"])
def test_a_file_that_is_none_is_not_touched(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "trackers.ini"
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"trackers\.ini"):
        add(path, {"best": WORDS})
    assert path.read_bytes() == data


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises((DataError, OutputError), match="cannot read"):
        add(tmp_path, {"best": WORDS})
