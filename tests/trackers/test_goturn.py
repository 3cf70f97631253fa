"""GOTURN's online algorithm, with networks whose answers are known."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from pursuit import runtimes
from pursuit.boxes import centres, overlap
from pursuit.errors import BoxError, FrameError, PursuitError
from pursuit.networks.goturn import GOTURN, GOTURNShape, initialise
from pursuit.trackers.base import Result, State, Tracker
from pursuit.trackers.goturn import GOTURNTracker
from pursuit.trackers.settings import GOTURNSettings
from pursuit.windows import cut

Array = NDArray[np.float64]
BOX = (170.0, 135.0, 60.0, 30.0)  # centre 200, 150
STILL = (2.5, 2.5, 7.5, 7.5)  # the corners of a target that did not move
FRAME = np.zeros((300, 400, 3), np.uint8)


class Stub:
    """Stands in for a network: `answer` of the target and search features are the corners.

    Its features are the windows themselves, as float.
    """

    name = "stub"
    device = torch.device("cpu")

    def __init__(self, answer: Callable[[Tensor, Tensor], Any]) -> None:
        self.answer = answer
        self.windows: list[NDArray[np.uint8]] = []  # of each call

    def embed(self, windows: NDArray[np.uint8]) -> Tensor:
        assert windows.shape[1:] == (227, 227, 3) and windows.dtype == np.uint8
        self.windows.append(windows.copy())
        return torch.from_numpy(windows).float().permute(0, 3, 1, 2)

    def regress(self, target: Tensor, search: Tensor) -> Tensor:
        corners = torch.as_tensor(self.answer(target, search))
        return corners.expand(len(search), 4).reshape(len(target), -1, 4)


def always(*corners: float) -> Stub:
    return Stub(lambda target, search: corners)


def oracle(tracker_of: list[GOTURNTracker], truth: list[Array]) -> Stub:
    """Return a network that knows the boxes (N, 4) `truth[0]` and where each window lies."""

    def answer(target: Tensor, search: Tensor) -> Tensor:
        tracker, true = tracker_of[0], truth[0]
        steps = tracker.settings
        moves = [(0, 0), (1, 1), (-1, -1), (1, -1), (-1, 1), (0, 0), (0, 0)]
        zooms = [1, 1, 1, 1, 1, steps.zoom, 1 / steps.zoom]
        rows = []
        for (x, y, w, h), goal in zip(tracker.targets.boxes(), true, strict=True):
            for (right, down), zoom in list(zip(moves, zooms, strict=True))[: steps.views]:
                wide, high = 2 * w * zoom, 2 * h * zoom
                left = x + w / 2 + right * steps.shift * w - wide / 2
                top = y + h / 2 + down * steps.shift * h - high / 2
                ends = (goal[0], goal[1], goal[0] + goal[2], goal[1] + goal[3])
                starts, sides = (left, top, left, top), (wide, high, wide, high)
                rows.append([10 * (e - s) / n for e, s, n in zip(ends, starts, sides, strict=True)])
        return torch.tensor(rows, dtype=torch.float64)

    return Stub(answer)


def by_light(target: Tensor, search: Tensor) -> Tensor:
    """Return the corners of the light in windows, in terms of the target's: seen, not known."""
    each = len(search) // len(target)
    rows = []
    for i, window in enumerate(search):
        (zx, zy), (zw, zh) = light(target[i // each])
        (x, y), (w, h) = light(window)
        # The target crop shows the box in its middle half.
        half_w, half_h = 2.5 * w / zw, 2.5 * h / zh
        x, y = x + (5 - zx) * w / zw, y + (5 - zy) * h / zh
        rows.append((x - half_w, y - half_h, x + half_w, y + half_h))
    return torch.tensor(rows)


def light(window: Tensor) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return centre and deviation x, y of the light in a window, in tenths of it."""
    bright = (window.mean(0).double() - 5).clamp(min=0)
    points = (torch.arange(227, dtype=torch.float64) + 0.5) / 22.7
    total = bright.sum()
    if total < 1:
        return (5, 5), (1, 1)
    along = [bright.sum(0) / total, bright.sum(1) / total]
    middle = [float((part * points).sum()) for part in along]
    spread = [
        float((part * (points - at) ** 2).sum().sqrt())
        for part, at in zip(along, middle, strict=True)
    ]
    return (middle[0], middle[1]), (spread[0], spread[1])


def blob(
    x: float, y: float, w: float, h: float, *, width: int = 400, height: int = 300
) -> NDArray[np.uint8]:
    """Return a black frame with a smooth light whose box x, y, w, h holds 3 deviations a side."""
    py, px = np.mgrid[0:height, 0:width] + 0.5
    far = ((px - x - w / 2) / (w / 6)) ** 2 + ((py - y - h / 2) / (h / 6)) ** 2
    return (240 * np.exp(-far / 2)).round().astype(np.uint8)[:, :, None].repeat(3, axis=2)


def test_it_is_a_tracker() -> None:
    assert isinstance(GOTURNTracker(always(*STILL)), Tracker)


def test_results_of_one_target() -> None:
    tracker = GOTURNTracker(always(*STILL), GOTURNSettings(views=1), name="mine")
    first = tracker.init(FRAME, BOX)
    assert first.box.tolist() == list(BOX)
    assert (first.score, first.state, first.ids) == (1.0, State.TRACKED, 0)
    result = tracker.update(FRAME)
    assert (tracker.name, result.ids) == ("mine", 0)
    assert result.box == pytest.approx(np.array(BOX), abs=1e-12)
    assert result.state is State.TRACKED and 0 < result.seconds < 10


@pytest.mark.parametrize(("views", "blend"), [(1, False), (3, False), (7, False), (7, True)])
def test_a_network_that_is_right_is_followed_exactly(views: int, blend: bool) -> None:
    holder: list[GOTURNTracker] = []
    truth = [np.array([BOX, (40.0, 60, 25, 80)])]
    network = oracle(holder, truth)
    tracker = GOTURNTracker(network, GOTURNSettings(views=views, blend=blend), score_scale=1e3)
    holder.append(tracker)
    tracker.init(FRAME, truth[0])
    for i in range(25):
        motion = np.array([[4.3, -2.7, 0.9, -0.4], [-0.7, 5.1, 2.1, -1.3]]) * np.cos(i / 12)
        truth[0] = truth[0] + motion
        result = tracker.update(FRAME)
        assert result.box == pytest.approx(truth[0], abs=1e-6)
        assert result.score == pytest.approx([0.5 if views == 1 else 1.0] * 2)
    assert np.abs(truth[0] - [BOX, (40.0, 60, 25, 80)]).max() > 5  # it moved


@pytest.mark.parametrize(("views", "blend"), [(1, False), (7, True)])
def test_windows_show_what_they_should(views: int, blend: bool) -> None:
    # Where the light is, is read from the windows: a window cut elsewhere would be off.
    tracker = GOTURNTracker(Stub(by_light), GOTURNSettings(views=views, blend=blend))
    x, y, w, h = 170.0, 135.0, 60.0, 36.0
    tracker.init(blob(x, y, w, h), (x, y, w, h))
    for _ in range(12):
        x, y, w, h = x - 6.3, y + 4.1, w * 1.03, h * 0.985
        result = tracker.update(blob(x, y, w, h))
        assert result.box == pytest.approx(np.array([x, y, w, h]), abs=0.6)
    assert result.state is State.TRACKED


def test_the_crops_are_the_papers() -> None:
    rng = np.random.default_rng(0)
    frames = list(rng.integers(0, 256, (4, 120, 160, 3), dtype=np.uint8))
    network = always(2.0, 3.0, 7.5, 8.0)
    tracker = GOTURNTracker(network, GOTURNSettings(views=1))
    box = tracker.init(frames[0], (5, 60, 30, 20)).box
    for before, now in itertools.pairwise(frames):
        size = 2 * box[2:]
        expected = [cut(frame, centres(box), size, 227, (0, 0, 0)) for frame in (before, now)]
        left, top = centres(box) - box[2:]
        box = tracker.update(now).box
        assert (network.windows[-1] == np.stack(expected)).all()
        corners = (left + 0.2 * size[0], top + 0.3 * size[1])
        assert box == pytest.approx([*corners, 0.55 * size[0], 0.5 * size[1]])
    assert (expected[1][:, 0] == 0).all()  # black, left of the frame


def test_the_first_look_is_kept_where_asked() -> None:
    rng = np.random.default_rng(1)
    frames = list(rng.integers(0, 256, (4, 120, 160, 3), dtype=np.uint8))
    compared: list[Tensor] = []

    def answer(target: Tensor, search: Tensor) -> tuple[float, ...]:
        compared.append(target)
        return 2.0, 3.0, 7.5, 8.0

    network = Stub(answer)
    tracker = GOTURNTracker(network, GOTURNSettings(views=1, first=1))
    box = tracker.init(frames[0], (40, 50, 30, 20)).box
    looked = network.embed(cut(frames[0], centres(box), 2 * box[2:], 227, (0, 0, 0))[None])
    for now in frames[1:]:
        search = cut(now, centres(box), 2 * box[2:], 227, (0, 0, 0))
        box = tracker.update(now).box
        assert (network.windows[-1] == search[None]).all()  # the first look is not seen again
        assert torch.equal(compared[-1], looked)


def test_both_looks_count_by_their_weights() -> None:
    rng = np.random.default_rng(2)
    frames = list(rng.integers(0, 256, (4, 120, 160, 3), dtype=np.uint8))
    asked: list[Tensor] = []

    def answer(target: Tensor, search: Tensor) -> tuple[float, ...]:
        asked.append(target)
        is_first = torch.equal(target, tracker.targets.start)
        return (2.0, 2.0, 7.0, 7.0) if is_first else (3.0, 2.5, 8.0, 7.5)

    network = Stub(answer)
    tracker = GOTURNTracker(network, GOTURNSettings(views=1, first=0.75))
    tracker.init(frames[0], (40, 50, 20, 40))
    box = tracker.update(frames[1]).box
    last = network.embed(cut(frames[1], centres(box), 2 * box[2:], 227, (0, 0, 0))[None])
    moved = tracker.update(frames[2]).box
    assert torch.equal(asked[-2], last) and torch.equal(asked[-1], tracker.targets.start)
    # In a window of twice the box, in tenths: 0.75 of (2, 2, 7, 7) and 0.25 of (3, 2.5, 8, 7.5).
    corner = box[:2] - box[2:] / 2 + np.array([0.225, 0.2125]) * 2 * box[2:]
    assert moved == pytest.approx([*corner, *box[2:]])


def test_one_network_call_a_frame() -> None:
    network = always(*STILL)
    tracker = GOTURNTracker(network, GOTURNSettings(views=5))
    tracker.init(FRAME, [BOX, (20, 20, 40, 40), (300, 200, 20, 20)])
    assert not network.windows
    tracker.update(FRAME)
    assert [len(windows) for windows in network.windows] == [3 + 3 * 5]


@pytest.mark.parametrize("first", [0, 0.7, 1])
def test_many_targets_are_followed_as_each_alone(first: float) -> None:
    rng = np.random.default_rng(1)
    boxes = np.array([(30.0, 40, 50, 30), (250, 60, 20, 70), (180, 200, 60, 60)])
    made = GOTURN(GOTURNShape(channels=(8, 8, 8, 8, 8), hidden=(16, 16, 16), norm="none"))
    initialise(made, torch.Generator().manual_seed(0))
    with torch.no_grad():
        made.head[-1].weight.mul_(3)
        made.head[-1].bias.copy_(torch.tensor(STILL))
    network = runtimes.compile(made, "eager")
    settings = GOTURNSettings(first=first)
    together = GOTURNTracker(network, settings)
    alone = [GOTURNTracker(network, settings) for _ in boxes]
    frame = rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    together.init(frame, boxes)
    for tracker, box in zip(alone, boxes, strict=True):
        tracker.init(frame, box)
    for _ in range(3):
        frame = rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)
        result = together.update(frame)
        singles = [tracker.update(frame) for tracker in alone]
        assert result.box == pytest.approx(np.stack([one.box for one in singles]), abs=1e-3)
        assert result.score == pytest.approx([one.score for one in singles], abs=1e-3)
    assert np.abs(result.box - boxes).max() > 1  # they moved


def test_targets_come_and_go_and_keep_their_looks() -> None:
    tracker = GOTURNTracker(Stub(by_light), GOTURNSettings(views=1))
    one, two = (60.0, 60.0, 30.0, 30.0), (300.0, 200.0, 24.0, 48.0)
    frame = np.maximum(blob(*one), blob(*two))
    tracker.init(frame, one)
    assert tracker.add(frame, two).tolist() == [1]
    moved = np.maximum(blob(64, 60, 30, 30), blob(296, 206, 24, 48))
    result = tracker.update(moved)
    assert result.box == pytest.approx(np.array([(64, 60, 30, 30), (296, 206, 24, 48)]), abs=0.5)
    tracker.drop(0)
    result = tracker.update(frame)
    assert result.ids.tolist() == [1]  # type: ignore[union-attr]
    assert result.box == pytest.approx(np.array([two]), abs=0.5)
    tracker.drop(1)
    assert tracker.update(frame).box.shape == (0, 4)
    with pytest.raises(PursuitError, match="no target 1"):
        tracker.drop(1)


def test_a_frame_of_another_size_is_the_same_picture_scaled() -> None:
    tracker = GOTURNTracker(Stub(by_light))
    tracker.init(blob(150, 120, 60, 60), (150, 120, 60, 60))
    # Squeezed to half its width, and moved by 3.
    result = tracker.update(blob(78, 120, 30, 60, width=200))
    assert result.box == pytest.approx(np.array([78, 120, 30, 60]), abs=0.5)
    assert tracker.targets.first.tolist() == [[30, 60]]
    still = GOTURNTracker(always(*STILL))
    still.init(FRAME, BOX)
    box = still.update(np.zeros((150, 800, 3), np.uint8)).box
    assert box.tolist() == [2 * BOX[0], BOX[1] / 2, 2 * BOX[2], BOX[3] / 2]


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


def test_gray_and_bgr_frames_give_the_same_boxes() -> None:
    rgb, bgr, gray = (GOTURNTracker(Stub(by_light)) for _ in range(3))
    frames = [blob(150 + 4 * i, 120, 60, 40) for i in range(3)]
    frames = [frame // np.array([1, 2, 3], np.uint8) for frame in frames]
    rgb.init(frames[0], (150, 120, 60, 40))
    bgr.init(frames[0][:, :, ::-1], (150, 120, 60, 40), colour="bgr")
    gray.init(frames[0][:, :, 0], (150, 120, 60, 40))
    for frame in frames[1:]:
        expected = rgb.update(frame)
        assert bgr.update(frame[:, :, ::-1], colour="bgr").box.tolist() == expected.box.tolist()
        assert gray.update(frame[:, :, :1]).box == pytest.approx(expected.box, abs=1)


def test_the_callers_arrays_are_not_changed_nor_kept() -> None:
    tracker, other = (GOTURNTracker(Stub(by_light)) for _ in range(2))
    frames = [blob(150 + 4 * i, 120, 60, 40) for i in range(3)]
    boxes = np.array([(150.0, 120, 60, 40)])
    kept = boxes.copy()
    for one in (tracker, other):
        one.init(frames[0], boxes)
        one.update(frames[1])
    assert (boxes == kept).all() and (frames[1] == blob(154, 120, 60, 40)).all()
    boxes[:] = 7
    expected = other.update(frames[2])
    frames[1][:] = 200  # a caller may use its frame again
    found = tracker.update(frames[2])
    assert found.box.tolist() == expected.box.tolist()
    found.box[:] = 0
    assert (tracker.targets.boxes() == expected.box).all()


def test_bad_input_leaves_the_tracker_as_it_was() -> None:
    tracker = GOTURNTracker(always(*STILL))
    with pytest.raises(PursuitError, match=r"call init\(frame, box\) first"):
        tracker.update(FRAME)
    tracker.init(FRAME, BOX)
    for bad in ((500, 0, 10, 10), (0, 0, 0, 5), [[[1, 2, 3, 4]]], (0, 0, np.nan, 1)):
        with pytest.raises(BoxError):
            tracker.init(FRAME, bad)
        with pytest.raises(BoxError):
            tracker.add(FRAME, bad)
    with pytest.raises(FrameError):
        tracker.update(FRAME.astype(float))
    assert tracker.update(FRAME).box.tolist() == list(BOX)


@given(
    seed=st.integers(0, 1000),
    scale=st.sampled_from([0.0, 1.0, 10.0, 1e30, float("nan"), float("inf")]),
    kinds=st.lists(st.sampled_from(["black", "noise", "small", "wide", "pixel"]), max_size=12),
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
    frames = {
        "black": np.zeros((120, 160, 3), np.uint8),
        "noise": rng.integers(0, 256, (120, 160, 3), dtype=np.uint8),
        "small": np.full((30, 20, 3), 255, np.uint8),
        "wide": np.zeros((10, 500), np.uint8),
        "pixel": np.zeros((1, 1, 3), np.uint8),
    }
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


def test_the_runtimes_follow_alike() -> None:
    made = GOTURN(GOTURNShape(channels=(8, 8, 8, 8, 8), hidden=(16, 16, 16)))
    initialise(made, torch.Generator().manual_seed(0))
    with torch.no_grad():
        made.head[-1].bias.copy_(torch.tensor(STILL) + torch.tensor([0.1, 0, 0.1, 0]))
    found = []
    for name in ("eager", "tuned"):
        tracker = GOTURNTracker(runtimes.compile(made, name))
        tracker.init(blob(*BOX), BOX)
        for _ in range(10):
            result = tracker.update(blob(*BOX))
        found.append(result.box)
    assert overlap(found[0], found[1]) > 0.95
    assert np.abs(found[0] - BOX).max() > 1
