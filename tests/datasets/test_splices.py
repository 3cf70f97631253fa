"""Clips whose target goes away and comes back."""

from __future__ import annotations

import numpy as np
import pytest

from pursuit.datasets import Sequence
from pursuit.datasets.splices import cover, cut_away, pan
from pursuit.datasets.synthetic import Scene
from pursuit.errors import SettingsError


@pytest.fixture(scope="module")
def clip() -> Sequence:
    return Scene(width=200, height=120, frames=60, target=(20, 16), speed=0.5, seed=3).sequence()


@pytest.fixture(scope="module")
def other() -> Sequence:
    return Scene(width=100, height=100, frames=7, seed=4).sequence("other")


def test_cut_away(clip: Sequence, other: Sequence) -> None:
    absence = cut_away(clip, other, at=20, length=15)
    frames, own = list(absence.sequence.frames()), list(clip.frames())
    assert len(frames) == len(absence.sequence) == 75
    assert {frame.shape for frame in frames} == {own[0].shape}
    assert np.flatnonzero(absence.gone).tolist() == list(range(20, 35))
    assert absence.returns == [35]
    assert np.array_equal(frames[19], own[19]) and np.array_equal(frames[35], own[20])
    assert np.abs(frames[25].astype(int) - own[20]).mean() > 10
    assert np.array_equal(absence.sequence.boxes[35:], clip.boxes[20:])
    assert np.isnan(absence.sequence.boxes[20:35]).all()


@pytest.mark.parametrize("at", [-1, 0, 61])
def test_a_cut_comes_after_a_frame_of_the_sequence(
    clip: Sequence, other: Sequence, at: int
) -> None:
    with pytest.raises(SettingsError, match=f"after 1 to 60 frames; got at={at}"):
        cut_away(clip, other, at=at, length=15)
    assert [len(list(cut_away(clip, other, at, 2).sequence.frames())) for at in (1, 60)] == [62, 62]


def test_cover(clip: Sequence, other: Sequence) -> None:
    absence = cover(clip, other, first=20, length=15)
    for number, (frame, own) in enumerate(
        zip(absence.sequence.frames(), clip.frames(), strict=True)
    ):
        x, y, w, h = clip.boxes[number].astype(int)
        changed = (frame != own).any(axis=2)
        assert changed.any() == absence.gone[number]
        if absence.gone[number]:
            assert changed[y : y + h, x : x + w].mean() > 0.9
            assert changed.sum() < 3 * w * h
    assert absence.returns == [35]


def test_pan(clip: Sequence) -> None:
    absence = pan(clip, first=20, length=25, share=0.4)
    assert 5 < absence.gone.sum() <= 25
    assert absence.gone[20:45].sum() == absence.gone.sum()
    for frame, own, box, moved in zip(
        absence.sequence.frames(), clip.frames(), clip.boxes, absence.sequence.boxes, strict=True
    ):
        assert frame.shape == (48, 80, 3)
        if np.isfinite(moved).all() and moved[2:] == pytest.approx(box[2:]):
            # Whole in the picture: the pixels under the box are the same.
            x, y = np.round(box[:2]).astype(int)
            i, j = np.round(moved[:2]).astype(int)
            assert np.array_equal(
                frame[j + 2 : j + 8, i + 2 : i + 8], own[y + 2 : y + 8, x + 2 : x + 8]
            )
