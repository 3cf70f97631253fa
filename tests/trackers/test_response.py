"""From score maps to moves: upsampling without a shift, the window, the scale, the peak."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from pursuit.trackers.response import Move, cosine_window, find_moves, upsampling_matrix
from pursuit.trackers.settings import SiamFCSettings

MATRIX = upsampling_matrix(17, 16)
WINDOW = cosine_window(272)
NO_WINDOW = SiamFCSettings(window_influence=0.0)


def bump(x: float, y: float, width: float = 1.5, height: float = 5.0) -> Tensor:
    """Return a score map (17, 17) with a bump x, y cells from its centre."""
    cells = torch.arange(17.0) - 8
    return height * torch.exp(
        -((cells[None] - x) ** 2 + (cells[:, None] - y) ** 2) / (2 * width**2)
    )


def moves(maps: Tensor, **values: Any) -> Move:
    return find_moves(maps, MATRIX, WINDOW, SiamFCSettings(**values))


def test_upsampling_is_the_cubic_spline() -> None:
    interpolate = pytest.importorskip("scipy.interpolate", reason="needs the extra evaluate")
    values = np.random.default_rng(0).normal(size=17)
    padded = np.pad(values, 8, mode="edge")
    spline = interpolate.CubicSpline(np.arange(33) - 8, padded)
    places = (np.arange(272) + 0.5) / 16 - 0.5  # half-pixel centres: nothing shifts
    assert (MATRIX.numpy() @ values) == pytest.approx(spline(places), abs=1e-3)


def test_upsampling_keeps_levels_and_is_symmetric() -> None:
    assert torch.allclose(MATRIX.sum(1), torch.ones(272), atol=1e-6)
    assert torch.allclose(MATRIX.flip(0, 1), MATRIX, atol=1e-7)
    ramp = MATRIX @ torch.arange(17.0)
    assert torch.allclose(ramp[64:-64], ((torch.arange(272.0) + 0.5) / 16 - 0.5)[64:-64], atol=5e-3)


def test_window_is_symmetric_and_sums_to_one() -> None:
    assert WINDOW.sum().item() == pytest.approx(1, abs=1e-4)
    assert torch.equal(WINDOW, WINDOW.T) and torch.equal(WINDOW, WINDOW.flip(0))
    hann = np.hanning(272)
    assert WINDOW.numpy() == pytest.approx(np.outer(hann, hann) / hann.sum() ** 2, abs=1e-9)


@pytest.mark.parametrize("value", [0.0, -3.0, 7.0])
def test_a_constant_map_moves_nothing(value: float) -> None:
    found = moves(torch.full((2, 3, 17, 17), value))
    assert found.scale.tolist() == [1, 1]
    assert found.offset.abs().max() < 1e-6
    assert found.peaks[:, 1].tolist() == pytest.approx([value, value], abs=1e-5)


@pytest.mark.parametrize("x", [-5.0, -2.31, -0.5, -0.1, 0.0, 0.03, 0.25, 1.77, 4.5])
def test_peaks_are_found_between_cells(x: float) -> None:
    found = moves(bump(x, -x)[None, None], scales=1, window_influence=0.0)
    # The spline misplaces such a bump by at most 0.015 cells, 0.12 pixels of the window.
    assert found.offset[0].tolist() == pytest.approx([x, -x], abs=0.016)


def test_a_centred_peak_is_at_zero() -> None:
    for influence in (0.0, 0.176, 1.0):
        found = moves(bump(0, 0)[None, None], scales=1, window_influence=influence)
        assert found.offset.abs().max() < 1e-4


def test_the_window_prefers_the_middle_of_two_equal_peaks() -> None:
    both = bump(1, 0) + bump(-5, 0)
    assert moves(both[None, None], scales=1).offset[0, 0].item() == pytest.approx(1, abs=0.2)
    nearer = bump(1, 0) + 1.05 * bump(-5, 0)
    assert moves(nearer[None, None], scales=1).offset[0, 0] > 0
    bare = moves(nearer[None, None], scales=1, window_influence=0.0)
    assert bare.offset[0, 0].item() == pytest.approx(-5, abs=0.1)


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ((5.0, 5.0, 5.0), 1),
        ((5.1, 5.0, 4.0), 1),  # 5.1 x 0.9745 < 5
        ((5.2, 5.0, 4.0), 0),
        ((4.0, 5.0, 5.2), 2),
        ((5.2, 5.0, 5.2), 0),  # first on ties
        ((0.0, 0.0, 0.0), 1),  # but the middle, where it is among them
    ],
)
def test_a_change_of_scale_must_win_by_the_penalty(
    heights: tuple[float, ...], expected: int
) -> None:
    maps = torch.stack([bump(0, 0, height=h) for h in heights])[None]
    assert moves(maps, scale_penalty=0.9745).scale.item() == expected


def test_negative_scores_do_not_reward_a_change_of_scale() -> None:
    # The plain factor would lift -1.01 to -0.98 and choose it.
    maps = torch.stack([bump(0, 0, height=1) - h for h in (2.01, 2.0, 2.01)])[None]
    assert moves(maps, scale_penalty=0.97).scale.item() == 1


def test_a_scale_that_was_highest_at_rest_must_beat_what_it_was_then() -> None:
    maps = torch.stack([bump(0, 0, height=h) for h in (6, 5, 4)])[None]
    at_rest = moves(maps).peaks

    def read(*heights: float) -> Move:
        maps = torch.stack([bump(0, 0, height=h) for h in heights])[None]
        return find_moves(maps, MATRIX, WINDOW, SiamFCSettings(), at_rest)

    still = read(6, 5, 4)
    assert (still.scale.item(), still.likeness.item()) == (1, pytest.approx(1))
    assert read(7, 5, 4).scale.item() == 0
    assert read(4.5, 3.75, 3).likeness.item() == pytest.approx(0.5, abs=1e-3)
    # At half its height it is another view, of which the first frame says nothing.
    turned = read(3, 2.5, 2)
    assert (turned.scale.item(), turned.likeness.item()) == (0, pytest.approx(0))


def test_targets_do_not_mix() -> None:
    one, two = bump(1, 2)[None, None], bump(-3, 0.5)[None, None]
    both = moves(torch.cat([one, two]), scales=1)
    for i, alone in enumerate([one, two]):
        assert torch.allclose(both.offset[i], moves(alone, scales=1).offset[0], atol=1e-6)


@given(
    arrays(np.float32, (1, 3, 17, 17), elements=st.floats(-(2.0**99), 2.0**99, width=32)),
    st.sampled_from([np.nan, np.inf, -np.inf, 0.0]),
)
@settings(deadline=None, max_examples=40)
def test_whatever_the_maps_hold_the_move_stays_in_the_map(maps: Any, odd: float) -> None:
    maps = maps.copy()
    maps[0, 1, 3:5] = odd
    found = moves(torch.from_numpy(maps))
    assert torch.isfinite(found.offset).all() and torch.isfinite(found.peaks).all()
    assert found.offset.abs().max() <= 8.5
