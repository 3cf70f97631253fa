"""Expected average overlap: cases by hand, and the challenge's own interval."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from pursuit.measures import eao
from pursuit.measures.eao import Piece
from pursuit.measures.vot import Code

LETTERS = {"-": Code.SKIPPED, "s": Code.STARTED, "x": Code.FAILED, "f": Code.FOLLOWED}


def codes(text: str) -> np.ndarray:
    return np.array([LETTERS[letter] for letter in text])


def test_a_run_is_cut_where_it_was_started() -> None:
    run = codes("sffx----sff")
    assert eao.pieces(run) == [Piece(0, 9, True), Piece(8, 11, False)]
    assert eao.toolkit_pieces(run) == [Piece(0, 3, True), Piece(8, 11, False)]
    assert eao.pieces(codes("sff")) == eao.toolkit_pieces(codes("sff")) == [Piece(0, 3, False)]


def test_a_failure_at_the_end_is_taken_in_three_ways() -> None:
    five, four = codes("sffx----"), codes("sfffx---")  # frames from the failure to the end
    assert eao.pieces(codes("sffx----s")) == [Piece(0, 9, True), Piece(8, 9, False)]
    assert eao.pieces(five) == [Piece(0, 8, False)]
    assert eao.pieces(five, late=True) == [Piece(0, 8, True), Piece(8, 8, False)]
    assert eao.pieces(four, late=True) == [Piece(0, 8, False)]
    assert eao.toolkit_pieces(five) == [Piece(0, 3, True)]


def test_a_curve_by_hand() -> None:
    nan = np.nan
    pieces = [np.array([nan, 1, 0.5, nan]), np.array([nan, 0.5])]
    # Lengths 2, 3, 4 of the first: 1, 1.5 / 2, 1.5 / 3; of the second: 0.5, and 0.5 / 2 if failed.
    np.testing.assert_allclose(
        eao.curve(pieces, [False, True], [1, 1]), [1, 0.75, (0.75 + 0.25) / 2, (0.5 + 0.5 / 3) / 2]
    )
    np.testing.assert_allclose(eao.curve(pieces, [False, False], [1, 1]), [1, 0.75, 0.75, 0.5])
    np.testing.assert_allclose(eao.curve(pieces, [False, False], [3, 1])[1], (3 + 0.5) / 4)
    none = eao.curve(pieces, [False, False], [0, 1])
    assert np.isnan(none[2:]).all() and none[1] == 0.5


def test_a_score_is_over_known_lengths() -> None:
    curve = np.array([1, 0.8, 0.6, 0.4, np.nan])
    assert eao.score(curve, 2, 4) == pytest.approx(0.6)
    assert eao.score(curve, 4, 9) == 0.4
    assert np.isnan(eao.score(curve, 6, 9))


def test_the_interval_of_vot2018_is_that_of_its_lengths(shared_data: Path, tmp_path: Path) -> None:
    with tarfile.open(shared_data / "published" / "vot.tar.xz") as archive:
        file = archive.extractfile("vot2018/VOT2018.json")
        assert file is not None
        content = json.load(file)
    lengths = np.array([len(one["gt_rect"]) for one in content.values()], float)
    assert eao.interval_of(lengths) == eao.INTERVALS[2018] == (100, 356)


def test_an_interval_lies_around_the_most_frequent_lengths() -> None:
    # VOT2014's: no year's toolkit tells an interval for them; most are of 160 to 370 frames.
    lengths = "602 725 271 350 252 770 219 1210 292 436 310 207 244 267 307 164 371 400 201 172"
    lengths += " 282 264 569 731 597"
    assert eao.interval_of(np.array([float(word) for word in lengths.split()])) == (166, 377)
    with pytest.raises(ValueError, match="two lengths"):
        eao.interval_of(np.array([5.0, 5.0]))
