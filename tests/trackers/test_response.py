"""From score maps to moves: upsampling without a shift, the window, the scale, the peak."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from pursuit.trackers.response import MapReader, Move, cosine_window, upsampling_matrix
from pursuit.trackers.settings import SiamFCSettings

MATRIX = upsampling_matrix(17, 16)
WINDOW = cosine_window(272)


Map = NDArray[Any]


def bump(x: float, y: float, width: float = 1.5, height: float = 5.0) -> Map:
    """Return a score map (17, 17) with a bump x, y cells from its centre."""
    cells = np.arange(17.0) - 8
    far = (cells[None] - x) ** 2 + (cells[:, None] - y) ** 2
    return height * np.exp(-far / (2 * width**2))


def moves(maps: Map, first: Map | None = None, **values: Any) -> Move:
    return MapReader(17, SiamFCSettings(**values)).read(maps.astype(np.float32), first)


def whole_maps(maps: Map, first: Map, upsampling: int = 16, influence: float = 0.176) -> Move:
    """What `MapReader` says, in double precision and of every fine cell: the definition."""
    matrix = upsampling_matrix(17, upsampling).astype(np.float64)
    window = cosine_window(17 * upsampling)
    raised = maps - maps.min(axis=(2, 3), keepdims=True)
    fine = matrix @ raised @ matrix.T
    peaks = fine.max(axis=(2, 3)) + maps.min(axis=(2, 3))
    likeness = (2 * peaks[:, 1] / first[:, 1] - 1).clip(0, 1)
    handicap = (first - first[:, 1:2]).clip(0) * likeness[:, None]
    lowered = (peaks - handicap) - (1 - 0.9745) * np.abs(peaks - handicap)
    keeps = (peaks - handicap)[:, 1] >= lowered.max(axis=1)
    scale = np.where(keeps, 1, lowered.argmax(axis=1))
    offsets = []
    for chosen in fine[np.arange(len(maps)), scale]:
        share = chosen - chosen.min()
        share /= share.sum()
        blend = (1 - influence) * share + influence * window
        y, x = np.unravel_index(blend.argmax(), blend.shape)
        top, left = max(y - upsampling, 0), max(x - upsampling, 0)
        near = share[top : y + upsampling + 1, left : x + upsampling + 1]
        row, column = np.unravel_index(near.argmax(), near.shape)
        row, column = row + top, column + left
        # The first row and column are on the edge of what is looked at wherever that begins.
        edge_y = row in (0, y - upsampling, y + upsampling)
        edge_x = column in (0, x - upsampling, x + upsampling)
        read = blend
        if not (edge_y or edge_x):
            read, y, x = share, row, column
        offsets.append([vertex(read[y], x), vertex(read[:, x], y)])
    middle = (17 * upsampling - 1) / 2
    return Move(scale, (np.array(offsets) - middle) / upsampling, peaks, likeness)


def vertex(line: Map, index: Any) -> float:
    if not 0 < index < len(line) - 1:
        return float(index)
    left, middle, right = line[index - 1 : index + 2]
    bend = left - 2 * middle + right
    return float(index + np.clip((left - right) / (2 * bend), -0.5, 0.5)) if bend < 0 else index


def random_maps(seed: int, number: int) -> Map:
    """Return (N, 3, 17, 17): a few bumps anywhere, noise, or both, as real maps have them."""
    rng = np.random.default_rng(seed)
    maps = rng.normal(scale=rng.choice([0.02, 0.3, 1.5]), size=(number, 3, 17, 17)) - 2
    for n in range(number):
        for _ in range(rng.integers(0, 4)):
            x, y, width = *rng.uniform(-9, 9, 2), rng.uniform(0.8, 2.5)
            for s in range(3):
                maps[n, s] += bump(x, y, width, rng.uniform(2, 8))
    return maps.astype(np.float32)


def test_maps_are_read_in_this_thread_alone(
    other_threads: Callable[[Callable[[], object]], float],
) -> None:
    """Threads of NumPy's go on turning in circles after their work, and take a network's time."""
    maps = np.random.default_rng(0).normal(size=(64, 3, 17, 17)).astype(np.float32)
    reader = MapReader(17, SiamFCSettings())
    assert other_threads(lambda: reader.read(maps)) < 0.1


@pytest.mark.parametrize("upsampling", [1, 4, 16])
@pytest.mark.parametrize("influence", [0.0, 0.176, 0.9])
def test_what_is_left_out_changes_nothing(upsampling: int, influence: float) -> None:
    reader = MapReader(17, SiamFCSettings(upsampling=upsampling, window_influence=influence))
    for seed in range(25):
        maps = random_maps(seed, 6)
        first = np.random.default_rng(seed).uniform(1, 6, (6, 3)).astype(np.float32)
        found, expected = reader.read(maps, first), whole_maps(maps, first, upsampling, influence)
        assert found.scale.tolist() == expected.scale.tolist()
        assert found.peaks == pytest.approx(expected.peaks, abs=2e-5)
        assert found.likeness == pytest.approx(expected.likeness, abs=2e-5)
        # A fine cell is 1/16: another one than the whole map's would be seen.
        assert found.offset == pytest.approx(expected.offset, abs=1e-4)


def test_what_is_left_out_changes_nothing_on_real_maps() -> None:
    from pursuit import weights
    from pursuit.bench.demo import clip
    from pursuit.datasets import open_videos
    from pursuit.runtimes import compile
    from pursuit.trackers.siamfc import SiamFCTracker
    from pursuit.video import read

    network, _ = weights.read(weights.find("siamfc-slim"))
    runtime = compile(network)
    tracker = SiamFCTracker(runtime)  # type: ignore[arg-type]
    seen: list[tuple[Map, Map]] = []
    plain = tracker._reader.read

    def keep(maps: Any, first: Any = None, influence: Any = None) -> Move:
        if first is not None:
            seen.append((maps, first))
        return plain(maps, first, influence)

    tracker._reader.read = keep  # type: ignore[method-assign]
    (sequence,) = open_videos(clip().parent)
    with read(clip(), max_frames=16) as reader:
        for number, frame in reader:
            if number:
                tracker.update(frame)
            else:
                tracker.init(frame, sequence.boxes[0])
    assert len(seen) == 15
    for maps, first in seen:
        found, expected = plain(maps, first), whole_maps(maps.astype(np.float64), first)
        assert found.scale.tolist() == expected.scale.tolist()
        assert found.peaks == pytest.approx(expected.peaks, rel=1e-6)
        assert found.offset == pytest.approx(expected.offset, abs=1e-5)


def test_few_fine_cells_are_computed() -> None:
    reader = MapReader(17, SiamFCSettings())
    computed: list[int] = []
    plain = reader._fine

    def count(around: Any) -> Any:
        computed.append(len(around))
        return plain(around)

    reader._fine = count  # type: ignore[method-assign]
    noise = 0.05 * np.random.default_rng(0).normal(size=(1, 3, 17, 17))
    reader.read((bump(1.3, -2) + noise).astype(np.float32))
    assert sum(computed) < 7 * 289 / 5  # most of them where the lowest may be, on the flat part


def test_upsampling_is_the_cubic_spline() -> None:
    interpolate = pytest.importorskip("scipy.interpolate", reason="needs the extra evaluate")
    values = np.random.default_rng(0).normal(size=17)
    padded = np.pad(values, 8, mode="edge")
    spline = interpolate.CubicSpline(np.arange(33) - 8, padded)
    places = (np.arange(272) + 0.5) / 16 - 0.5  # half-pixel centres: nothing shifts
    assert (MATRIX @ values) == pytest.approx(spline(places), abs=1e-3)


def test_upsampling_keeps_levels_and_is_symmetric() -> None:
    assert MATRIX.sum(axis=1) == pytest.approx(np.ones(272), abs=1e-5)
    assert MATRIX[::-1, ::-1] == pytest.approx(MATRIX, abs=1e-7)
    ramp = MATRIX @ np.arange(17.0)
    assert ramp[64:-64] == pytest.approx(((np.arange(272) + 0.5) / 16 - 0.5)[64:-64], abs=5e-3)


def test_window_is_symmetric_and_sums_to_one() -> None:
    assert WINDOW.sum().item() == pytest.approx(1, abs=1e-4)
    assert np.array_equal(WINDOW, WINDOW.T) and np.array_equal(WINDOW, WINDOW[::-1])
    hann = np.hanning(272)
    assert pytest.approx(np.outer(hann, hann) / hann.sum() ** 2, abs=1e-9) == WINDOW


@pytest.mark.parametrize("value", [0.0, -3.0, 7.0])
def test_a_constant_map_moves_nothing(value: float) -> None:
    found = moves(np.full((2, 3, 17, 17), value))
    assert found.scale.tolist() == [1, 1]
    assert np.abs(found.offset).max() < 1e-6
    assert found.peaks[:, 1].tolist() == pytest.approx([value, value], abs=1e-5)


@pytest.mark.parametrize("x", [-5.0, -2.31, -0.5, -0.1, 0.0, 0.03, 0.25, 1.77, 4.5])
def test_peaks_are_found_between_cells(x: float) -> None:
    found = moves(bump(x, -x)[None, None], scales=1, window_influence=0.0)
    # The spline misplaces such a bump by at most 0.015 cells, 0.12 pixels of the window.
    assert found.offset[0].tolist() == pytest.approx([x, -x], abs=0.016)


def test_a_centred_peak_is_at_zero() -> None:
    for influence in (0.0, 0.176, 1.0):
        found = moves(bump(0, 0)[None, None], scales=1, window_influence=influence)
        assert np.abs(found.offset).max() < 1e-4


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
    maps = np.stack([bump(0, 0, height=h) for h in heights])[None]
    assert moves(maps, scale_penalty=0.9745).scale.item() == expected


def test_negative_scores_do_not_reward_a_change_of_scale() -> None:
    # The plain factor would lift -1.01 to -0.98 and choose it.
    maps = np.stack([bump(0, 0, height=1) - h for h in (2.01, 2.0, 2.01)])[None]
    assert moves(maps, scale_penalty=0.97).scale.item() == 1


def test_a_scale_that_was_highest_at_rest_must_beat_what_it_was_then() -> None:
    maps = np.stack([bump(0, 0, height=h) for h in (6, 5, 4)])[None]
    at_rest = moves(maps).peaks

    def read(*heights: float) -> Move:
        maps = np.stack([bump(0, 0, height=h) for h in heights])[None]
        return moves(maps, at_rest)

    still = read(6, 5, 4)
    assert (still.scale.item(), still.likeness.item()) == (1, pytest.approx(1))
    assert read(7, 5, 4).scale.item() == 0
    assert read(4.5, 3.75, 3).likeness.item() == pytest.approx(0.5, abs=1e-3)
    # At half its height it is another view, of which the first frame says nothing.
    turned = read(3, 2.5, 2)
    assert (turned.scale.item(), turned.likeness.item()) == (0, pytest.approx(0))


def test_targets_do_not_mix() -> None:
    one, two = bump(1, 2)[None, None], bump(-3, 0.5)[None, None]
    both = moves(np.concatenate([one, two]), scales=1)
    for i, alone in enumerate([one, two]):
        assert both.offset[i] == pytest.approx(moves(alone, scales=1).offset[0], abs=1e-6)


@given(
    arrays(np.float32, (1, 3, 17, 17), elements=st.floats(-(2.0**99), 2.0**99, width=32)),
    st.sampled_from([np.nan, np.inf, -np.inf, 0.0]),
)
@settings(deadline=None, max_examples=40)
def test_whatever_the_maps_hold_the_move_stays_in_the_map(maps: Any, odd: float) -> None:
    maps = maps.copy()
    maps[0, 1, 3:5] = odd
    found = moves(maps)
    assert np.isfinite(found.offset).all() and np.isfinite(found.peaks).all()
    assert np.abs(found.offset).max() <= 8.5
