"""What comes of GOTURN's answers: scores, states, and bounds where no target can be so."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_frames import KINDS, odd_frames
from regressors import BOX, FRAME, STILL, Stub, always
from torch import Tensor

from pursuit.boxes import centres
from pursuit.errors import BoxError
from pursuit.trackers.base import Result, State
from pursuit.trackers.goturn import GOTURNTracker
from pursuit.trackers.settings import GOTURNSettings


@pytest.mark.parametrize(
    "corners",
    [
        (7.5, 2.5, 2.5, 7.5),
        (2.5, 7.5, 7.5, 2.5),
        (5.0, 2.5, 5.0, 7.5),
        (np.nan, 2.5, 7.5, 7.5),
        (2.5, 2.5, np.inf, 7.5),
        (-np.inf, -np.inf, np.inf, np.inf),
    ],
)
@pytest.mark.parametrize("views", [1, 3])
def test_what_is_no_box_leaves_the_target_where_it_is(
    corners: tuple[float, ...], views: int
) -> None:
    network = always(*corners)
    tracker = GOTURNTracker(network, GOTURNSettings(views=views), score_scale=10, score_offset=0.4)
    tracker.init(FRAME, BOX)
    for _ in range(3):
        result = tracker.update(FRAME)
        assert result.box.tolist() == list(BOX)
        assert result.state is State.LOST
        expected = 0 if views == 1 else 1 / (1 + np.exp(4))
        assert result.score == pytest.approx(expected)
    network.answer = lambda target, search: STILL
    after = tracker.update(FRAME)
    # Of three windows that all say "still", those beside the paper's mean another place:
    # they overlap it by 0.85 x 0.85.
    overlap = 0.85**2 / (2 - 0.85**2)
    assert after.score == pytest.approx(
        0.5 if views == 1 else 1 / (1 + np.exp(-10 * (overlap - 0.4)))
    )
    assert after.state is State.TRACKED


def test_the_score_is_how_much_the_views_agree() -> None:
    def answer(target: Tensor, search: Tensor) -> Tensor:
        # The second view sees the same box, moved by a tenth of its width; the third none.
        x, y = 2.5 - 0.15 * 5, 2.5 - 0.15 * 5
        second = (x + 0.5, y, x + 5.5, y + 5)
        return torch.tensor([STILL, second, (5.0, 5.0, 4.0, 4.0)], dtype=torch.float64)

    tracker = GOTURNTracker(Stub(answer), score_scale=6, score_offset=0.3)
    tracker.init(FRAME, BOX)
    agreement = (0.9 / 1.1 + 0) / 2
    result = tracker.update(FRAME)
    assert result.score == pytest.approx(1 / (1 + np.exp(-6 * (agreement - 0.3))))
    assert result.box == pytest.approx(np.array(BOX))
    # Blended, it is the mean of those that are boxes.
    tracker = GOTURNTracker(Stub(answer), GOTURNSettings(blend=True))
    tracker.init(FRAME, BOX)
    assert tracker.update(FRAME).box == pytest.approx(np.array(BOX) + (3, 0, 0, 0))
    # But where the paper's view shows none, the others say nothing.
    tracker = GOTURNTracker(
        Stub(lambda target, search: answer(target, search).flip(0)), GOTURNSettings(blend=True)
    )
    tracker.init(FRAME, BOX)
    assert tracker.update(FRAME).box.tolist() == list(BOX)


def test_states_follow_the_score() -> None:
    apart = [0.0]

    def answer(target: Tensor, search: Tensor) -> Tensor:
        # Views beside the paper's see the same box, but `apart` of its width off.
        rows = [STILL]
        for move in (1, -1):
            x, y = 2.5 - move * 0.75 + 5 * apart[0], 2.5 - move * 0.75
            rows.append((x, y, x + 5, y + 5))
        return torch.tensor(rows, dtype=torch.float64)

    tracker = GOTURNTracker(Stub(answer), score_scale=20, score_offset=0.5)
    tracker.init(FRAME, BOX)
    found = []
    # An overlap of (1 - a) / (1 + a): 1, 0.5, 0.43, 0.33, 0.48 and 1 again.
    for apart[0] in (0.0, 1 / 3, 0.4, 0.5, 0.36, 0.0):
        found.append(tracker.update(FRAME).state)
    assert [State(one).name for one in found] == [  # type: ignore[arg-type]
        "TRACKED", "TRACKED", "UNSURE", "LOST", "UNSURE", "TRACKED",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("corners", "box", "size"),
    [
        ((0, 2.5, 10, 7.5), (180, 130, 40, 40), (200, 40)),  # 5 times the first width
        ((2.5, 0, 7.5, 10), (180, 130, 40, 40), (40, 200)),
        ((4, 2.5, 6, 7.5), (180, 130, 40, 40), (8, 40)),  # a fifth of it
        ((4, 4, 6, 6), (180, 130, 5, 8), (2, 2)),  # no side below 2 pixels
        ((4, 4, 6, 6), (180, 130, 1, 8), (1, 2)),  # but where it started below
        ((0, 0, 10, 10), (100, 100, 200, 100), (400, 300)),  # nor above the frame's
        ((-1e30, -1e30, 1e30, 1e30), (100, 100, 20, 20), (100, 100)),
    ],
)
@pytest.mark.parametrize("views", [1, 3])
def test_sizes_stay_within_their_bounds(
    corners: tuple[float, ...], box: tuple[float, ...], size: tuple[float, ...], views: int
) -> None:
    tracker = GOTURNTracker(always(*corners), GOTURNSettings(views=views))
    tracker.init(FRAME, box)
    for _ in range(12):
        result = tracker.update(FRAME)
    assert result.box[2:] == pytest.approx(size)
    assert result.state is State.LOST  # it asks for more, or less, than may be


def test_a_target_that_fills_the_frame_is_not_lost_by_that() -> None:
    tracker = GOTURNTracker(always(2.0, 2.0, 8.0, 8.0), GOTURNSettings(views=1))
    tracker.init(FRAME, (50, 50, 300, 200))
    for _ in range(5):
        result = tracker.update(FRAME)
    assert result.box[2:] == pytest.approx([400, 300])
    assert result.state is State.TRACKED


@pytest.mark.parametrize("views", [1, 3])
@pytest.mark.parametrize(
    ("corners", "edge"),
    [
        ((4.5, 2.5, 9.5, 7.5), (400, 150)),
        ((0.5, 2.5, 5.5, 7.5), (0, 150)),
        ((4.5, 4.5, 9.5, 9.5), (400, 300)),
        ((2.5, -1e6, 7.5, -1e5), (200, 0)),
    ],
)
def test_a_target_that_leaves_for_good_ends_at_the_edge_and_lost(
    corners: tuple[float, ...], edge: tuple[float, float], views: int
) -> None:
    tracker = GOTURNTracker(always(*corners), GOTURNSettings(views=views))
    tracker.init(FRAME, BOX)
    for _ in range(40):
        result = tracker.update(FRAME)
    assert centres(result.box) == pytest.approx(edge)
    assert result.state is State.LOST
    assert result.score < 0.1


@given(
    seed=st.integers(0, 1000),
    scale=st.sampled_from([0.0, 1.0, 10.0, 1e30, float("nan"), float("inf")]),
    kinds=st.lists(st.sampled_from(KINDS), max_size=12),
    views=st.sampled_from([1, 3, 7]),
    blend=st.booleans(),
    box=st.tuples(
        st.floats(-20, 150), st.floats(-20, 110), st.floats(0.01, 160), st.floats(0.01, 120)
    ),
)
@settings(deadline=None, max_examples=40)
def test_boxes_stay_sane_whatever_comes(
    seed: int, scale: float, kinds: list[str], views: int, blend: bool, box: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(seed)
    frames = odd_frames(rng)
    network = Stub(
        lambda target, search: torch.from_numpy(rng.normal(5, 1, (len(search), 4)) * scale)
    )
    tracker = GOTURNTracker(network, GOTURNSettings(views=views, blend=blend))
    try:
        tracker.init(frames["noise"], box)
    except BoxError:
        return  # wholly outside: `start_boxes` has its own tests
    for kind in kinds + ["black"] * 5:
        frame = frames[kind]
        result: Result = tracker.update(frame)
        height, width = frame.shape[:2]
        x, y, w, h = result.box
        assert np.isfinite(result.box).all()
        assert 0 < w <= width + 1e-9 and 0 < h <= height + 1e-9
        assert -1e-9 <= x + w / 2 <= width + 1e-9 and -1e-9 <= y + h / 2 <= height + 1e-9
        assert 0 <= result.score <= 1
