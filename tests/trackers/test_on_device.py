"""Trackers whose windows, network and score maps are on a device follow as they do on the CPU.

Where there is no GPU the CPU is the device, and recordings are stood in for.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from standin import StandInRecorder

import pursuit
from pursuit import boxes
from pursuit.bench.doctor import SCENE
from pursuit.errors import EngineError
from pursuit.networks.siamfc import SiamFC, SiamFCShape, initialise
from pursuit.runtimes.cutting import DeviceCutter
from pursuit.runtimes.graphs import Graphs
from pursuit.runtimes.tuned import TunedSiamFC
from pursuit.trackers.device_response import DeviceMapReader
from pursuit.trackers.goturn import GOTURNTracker
from pursuit.trackers.settings import SiamFCSettings
from pursuit.trackers.siamfc import SiamFCTracker

CPU = torch.device("cpu")
NAMES = ("siamfc-slim", "goturn-compact")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


@pytest.fixture(autouse=True)
def all_windows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a GPU takes them: a CPU takes a few at a time."""
    monkeypatch.setattr("pursuit.runtimes.pieces.PIECE", 1000)


def put_on_device(tracker: Any) -> StandInRecorder:
    """Make a tracker on the CPU take the way that one on a GPU takes."""
    recorder = StandInRecorder()
    run = Graphs(recorder)
    tracker._cutter = DeviceCutter(CPU)
    tracker._network._run = run
    if isinstance(tracker, SiamFCTracker):
        tracker._reader = DeviceMapReader(17, tracker.settings, CPU)
        tracker._reader._run = run
    return recorder


def followed(tracker: Any, frames: int | None = None) -> np.ndarray:  # type: ignore[type-arg]
    """Return boxes (T, 4) in the doctor's scene, or in so many frames of it."""
    scene = SCENE.sequence()
    tracker.init(*next(zip(scene.frames(), scene.boxes, strict=True)))
    rest = islice(scene.frames(), 1, frames)
    return np.stack([tracker.update(frame).box for frame in rest])


def alike(found: np.ndarray, expected: np.ndarray, mean: float, overlap: float) -> None:  # type: ignore[type-arg]
    assert np.abs(found - expected).mean() < mean
    assert boxes.overlap(found, expected).min() > overlap


@pytest.mark.parametrize("name", NAMES)
def test_a_sequence_is_followed_as_on_the_cpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # In float32, so that what differs is the way and not the rounding of bfloat16.
    monkeypatch.setattr("pursuit.runtimes.tuned.has_fast_bf16", lambda: False)
    expected = followed(pursuit.load(name, runtime="tuned"), 26)
    tracker = pursuit.load(name, runtime="tuned")
    recorder = put_on_device(tracker)
    found = followed(tracker, 26)
    alike(found, expected, 0.1, 0.93)
    assert np.abs(np.diff(expected[:, :2], axis=0)).sum() > 20  # it moves
    assert recorder.replayed > len(found)  # nearly all was played from recordings
    assert 2 <= recorder.recorded <= 4  # of a few shapes


@pytest.mark.parametrize("name", NAMES)
def test_many_targets_dropped_and_added(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pursuit.runtimes.tuned.has_fast_bf16", lambda: False)
    frames = [frame for _, frame in zip(range(9), SCENE.sequence().frames(), strict=False)]
    start = np.array([[40.0, 30, 24, 20], [90, 60, 30, 30], [60, 80, 16, 28], [5, 5, 40, 30]])
    found = []
    for on_device in (False, True):
        tracker: Any = pursuit.load(name, runtime="tuned")
        if on_device:
            put_on_device(tracker)
        tracker.init(frames[0], start[:3])
        for frame in frames[1:4]:
            tracker.update(frame)
        tracker.drop([1])
        tracker.add(frames[3], start[3:])
        for frame in frames[4:]:
            result = tracker.update(frame)
        assert result.ids.tolist() == [0, 2, 3]
        found.append(result)
    assert np.abs(found[0].box - found[1].box).max() < 0.5
    assert np.abs(found[0].score - found[1].score).max() < 0.05


def test_recordings_stay_few_while_numbers_of_windows_change() -> None:
    shape = SiamFCShape((4, 4, 4, 4, 4), norm=False)
    network = SiamFC(shape).eval()
    initialise(network, torch.Generator().manual_seed(0))
    # Scores of some 0.5, whatever is seen: all targets are lost and looked for all over.
    settings = SiamFCSettings(redetect=True, lost_below=0.9, found_above=0.95, sure_above=1)
    frames = np.random.default_rng(0).integers(0, 256, (37, 240, 320, 3), dtype=np.uint8)
    found, counts = [], []
    for recorded in (False, True):
        tracker: Any = SiamFCTracker(TunedSiamFC(network), settings, score_scale=0)
        recorder = put_on_device(tracker)
        if not recorded:
            tracker._network._run = tracker._reader._run = lambda call, *inputs: call(*inputs)
        tracker.init(frames[0], np.array([[40.0, 30, 24, 20]]))
        boxes = []
        for number, frame in enumerate(frames[1:]):  # 1 to 7 targets, three times up and down
            if number % 12 < 6:
                place = 30.0 * (number % 12)
                tracker.add(frame, np.array([[place, 0.6 * place, 30, 30]]))
            else:
                tracker.drop(tracker.targets.ids[:1])
            boxes.append(tracker.update(frame).box)
            counts.append(recorder.recorded)
        found.append(np.concatenate(boxes))
    assert np.abs(found[0] - found[1]).max() < 1e-3
    assert len(found[0]) == 3 * (2 + 3 + 4 + 5 + 6 + 7 + 6 + 5 + 4 + 3 + 2 + 1)
    # Three windows for each, and four more once it is lost: up to 49 in a call, for which trunk,
    # correlation and reading have 11, 13 and 14 recordings at most.
    assert counts[-1] <= 38 and counts[-1] - counts[-12] <= 4
    assert recorder.replayed > 200


@needs_gpu
@pytest.mark.parametrize("name", NAMES)
def test_a_sequence_is_followed_on_a_gpu_as_in_eager(name: str) -> None:
    tracker = pursuit.load(name, device="cuda")
    assert isinstance(tracker, SiamFCTracker | GOTURNTracker) and tracker.runtime == "cuda"
    alike(followed(tracker), followed(pursuit.load(name, runtime="eager")), 0.5, 0.85)


@needs_gpu
@pytest.mark.parametrize("name", NAMES)
def test_graphs_change_nothing(name: str) -> None:
    plain: Any = pursuit.load(name, device="cuda")
    plain._network._run = lambda function, *inputs: function(*inputs)
    if name == "siamfc-slim":
        plain._reader._run = plain._network._run
    alike(followed(pursuit.load(name, device="cuda")), followed(plain), 0.05, 0.97)


@needs_gpu
def test_a_gpu_without_memory_is_told_in_a_line() -> None:
    tracker: Any = pursuit.load("siamfc-slim", device="cuda")
    frame = np.zeros((240, 320, 3), np.uint8)
    torch.cuda.empty_cache()
    used = torch.cuda.memory_reserved() + 64 * 2**20
    torch.cuda.set_per_process_memory_fraction(used / torch.cuda.mem_get_info()[1])
    try:
        with pytest.raises(EngineError, match="too little memory to follow 400 targets"):
            tracker.init(frame, np.tile([100.0, 100, 30, 30], (400, 1)))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
    tracker.init(frame, (100, 100, 30, 30))
    assert tracker.update(frame).box.shape == (4,)
