"""Windows cut on a device: OpenCV's, wherever they lie; and the memory that takes them there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pursuit.runtimes import cutting
from pursuit.runtimes.cutting import CPUCutter, DeviceCutter, Upload, cutter

CPU = torch.device("cpu")
STEPS = 1.0375 ** np.array([-1.0, 0.0, 1.0])
BORDERS = np.array([[10.0, 20.5, 200.0], [255.0, 0.0, 90.3], [128.0, 128.0, 127.6]])


def smooth_frame(width: int = 400, height: int = 300) -> NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 17 + y / 31), np.cos(x / 23), np.sin(y / 19)]
    return np.stack([128 + 90 * wave for wave in waves], 2).astype(np.uint8)


def noise_frame() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)


def both(frame: Any, centres: Any, sides: Any, borders: Any, size: int) -> tuple[Any, Any]:
    """Return windows (N * S, size, size, 3) as int, of OpenCV and of a device."""
    found = []
    for one in (CPUCutter(), DeviceCutter(CPU)):
        out = one.empty(len(centres) * sides.shape[1], size)
        one.cut(frame, np.asarray(centres), sides, borders, out)
        found.append(np.asarray(out).astype(int))
    return found[0], found[1]


def squares(sides: Any) -> NDArray[np.float64]:
    return np.repeat(np.asarray(sides, np.float64)[..., None], 2, axis=-1)


# In the frame; leaving it at the left and below, at a corner; wholly outside; far away.
@pytest.mark.parametrize(
    "centre", [(200.3, 140.7), (5.0, 290.0), (395.0, -20.0), (-900.0, 50.0), (1e9, -1e300)]
)
# Pixels enlarged, nearly themselves, and averaged by 2 and 3 before they are shrunk.
@pytest.mark.parametrize("side", [40.0, 250.0, 600.0, 900.0])
def test_windows_are_those_of_opencv(side: float, centre: tuple[float, float]) -> None:
    sides = squares([side * STEPS])
    expected, found = both(smooth_frame(), [centre], sides, BORDERS[:1], 255)
    assert np.abs(found - expected).max() <= 2
    assert np.abs(found - expected).mean() < 0.2
    # Noise shows where a sample is taken: a shift of 1/8 of a pixel would be 8 levels a mean.
    expected, found = both(noise_frame(), [centre], sides, BORDERS[:1], 255)
    assert np.abs(found - expected).mean() < 0.5


def test_the_comparison_sees_a_shift() -> None:
    frame, sides = noise_frame(), squares([[120.0]])
    expected, _ = both(frame, [(200.0, 140.0)], sides, BORDERS[:1], 127)
    _, moved = both(frame, [(200.125, 140.0)], sides, BORDERS[:1], 127)
    assert np.abs(moved - expected).mean() > 5


def test_many_targets_of_all_sizes_in_one_call() -> None:
    rng = np.random.default_rng(3)
    number = 12
    centres = rng.uniform(-30, 420, (number, 2))
    # Blocks of 1 to 5 pixels, another number across than down; of half of them, pixels.
    sides = rng.uniform(20, 700, (number, 1, 2)) * STEPS[:, None]
    sides[::2] = squares(rng.uniform(20, 240, (number // 2, 1)) * STEPS)
    borders = rng.uniform(0, 255, (number, 3))
    expected, found = both(smooth_frame(), centres, sides, borders, 127)
    difference = np.abs(found - expected).reshape(number, -1)
    # Averaged blocks may lie elsewhere by less than a block, which shows most at the frame's edge.
    averaged = sides.max(axis=(1, 2)) >= 2 * 127
    assert 3 <= averaged.sum() <= number - 3
    assert difference[~averaged].max() <= 2
    assert difference.mean(axis=1).max() < 1.5
    # Each has its own border.
    wrong, _ = both(smooth_frame(), centres, sides, borders[::-1], 127)
    assert np.abs(wrong - expected).reshape(number, -1).mean(axis=1).max() > 10


@pytest.mark.parametrize("kind", ["turned", "gray", "locked"])
def test_frames_of_any_strides(kind: str) -> None:
    frame: Any = noise_frame()
    same = frame.copy()
    if kind == "turned":
        frame = np.ascontiguousarray(frame[:, :, ::-1])[:, :, ::-1]
    elif kind == "gray":
        frame = np.broadcast_to(frame[:, :, :1], frame.shape)
        same = frame.copy()
    else:
        frame.flags.writeable = False
    args = ([(390.0, 20.0)], squares([[90.0]]), BORDERS[:1], 127)
    assert np.array_equal(both(frame, *args)[1], both(same, *args)[1])
    assert np.array_equal(frame, same)


@given(
    side=st.floats(1e-6, 1e9),
    x=st.floats(-1e9, 1e9),
    y=st.floats(-1e9, 1e9),
    size=st.sampled_from([1, 17, 127]),
)
@settings(deadline=None, max_examples=60)
def test_any_window_of_a_flat_frame_holds_only_its_two_colours(
    side: float, x: float, y: float, size: int
) -> None:
    frame = np.full((40, 70, 3), 100, np.uint8)
    _, window = both(frame, [(x, y)], squares([[side]]), np.full((1, 3), 200.0), size)
    assert window.shape == (1, size, size, 3)
    assert window.min() >= 100 and window.max() <= 200


def test_only_the_piece_under_the_windows_goes_up(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    put = Upload.put

    def count(self: Upload, *arrays: NDArray[Any]) -> Any:
        sizes.append(arrays[0].nbytes)
        return put(self, *arrays)

    monkeypatch.setattr(Upload, "put", count)
    large = np.zeros((2000, 3000, 3), np.uint8)
    both(large, [(1500.0, 900.0), (1600.0, 900.0)], squares([[80.0], [80.0]]), BORDERS[:2], 127)
    assert sizes == [183 * 83 * 3]  # both windows and a pixel or two around them


def test_windows_are_joined_and_chosen_by_device() -> None:
    one = DeviceCutter(CPU)
    assert one.join(one.empty(2, 9), one.empty(3, 9)).shape == (5, 9, 9, 3)
    assert isinstance(cutter(CPU), CPUCutter)
    assert isinstance(cutter(torch.device("cuda")), DeviceCutter)


def test_what_goes_up_is_what_was_there_and_stays() -> None:
    upload = Upload(CPU)
    pixels = np.arange(30, dtype=np.uint8).reshape(2, 5, 3)
    values = np.array([[0.5, -1.25]], np.float32)
    rows = np.array([7, 1, 2**40])
    first = upload.put(pixels[:, ::-1], values, rows)
    wanted = pixels[:, ::-1].copy()
    pixels[:] = 0
    for fill in range(3):  # what was given stays, though its memory is written anew
        upload.put(np.full((9, 9), fill, np.uint8))
    assert [str(one.dtype) for one in first] == ["torch.uint8", "torch.float32", "torch.int64"]
    assert np.array_equal(first[0].numpy(), wanted)
    assert first[1].tolist() == [[0.5, -1.25]]
    assert first[2].tolist() == [7, 1, 2**40]


def test_memory_is_written_anew_only_once_it_has_been_copied() -> None:
    log: list[str] = []

    class Event:
        def synchronize(self) -> None:
            log.append("waited")

    slot = cutting._Slot(pin=False, event=lambda _: Event())
    slot._pin = True
    memory = slot.room(0)
    slot.copied(CPU)
    assert log == []
    slot.room(0)
    assert log == ["waited"]
    slot.room(0)  # nothing has been copied since
    assert log == ["waited"]
    assert len(memory) == 0


def test_memory_is_kept_while_it_does() -> None:
    slot = cutting._Slot(pin=False)
    first = slot.room(100).data_ptr()
    assert slot.room(150).data_ptr() == first  # half as much again was taken
    assert len(slot.room(151)) == 151


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_cuts_the_same_windows_time_after_time() -> None:
    rng = np.random.default_rng(5)
    gpu, cpu = DeviceCutter(torch.device("cuda")), DeviceCutter(CPU)
    kept = []
    for _ in range(20):  # without a pause: memory of the host is used again and again
        frame = rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)
        args = (rng.uniform(0, 480, (3, 2)), squares(rng.uniform(40, 700, (3, 1)) * STEPS), BORDERS)
        out, expected = gpu.empty(9, 255), cpu.empty(9, 255)
        gpu.cut(frame, *args, out)
        cpu.cut(frame, *args, expected)
        kept.append((out, expected))
    for out, expected in kept:
        difference = (out.cpu().int() - expected.int()).abs()
        assert difference.max() <= 1
        assert difference.float().mean() < 0.01
