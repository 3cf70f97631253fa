"""GOTURN's online algorithm, with networks whose answers are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from regressors import BOX, FRAME, STILL, Stub, always, blob, by_light, oracle
from torch import Tensor

from pursuit import runtimes
from pursuit.boxes import centres, overlap
from pursuit.errors import BoxError, FrameError, PursuitError
from pursuit.networks.goturn import GOTURN, GOTURNShape, initialise
from pursuit.trackers.base import State, Tracker
from pursuit.trackers.goturn import GOTURNTracker
from pursuit.trackers.settings import GOTURNSettings
from pursuit.windows import cut


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
