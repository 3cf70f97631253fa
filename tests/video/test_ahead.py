"""A thread that works a few items ahead: order, bounds, errors, and that it ends."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from programs import comes_true

from pursuit.errors import VideoError
from pursuit.video import VideoWarning, read, save_picture
from pursuit.video import ahead as module
from pursuit.video.ahead import Ahead

Clip = Callable[..., Path]


def alive(before: set[threading.Thread]) -> list[threading.Thread]:
    """Threads that were not there before and have not ended, some time later."""
    comes_true(lambda: set(threading.enumerate()) <= before)
    return list(set(threading.enumerate()) - before)


class Counting:
    """Numbers from 0, one of them instead an error, and what became of the generator."""

    def __init__(self, end: int, wrong: int | None = None) -> None:
        self.made = 0
        self.closed_in: threading.Thread | None = None
        self.items = self._run(end, wrong)

    def _run(self, end: int, wrong: int | None) -> Generator[int, None, None]:
        try:
            for number in range(end):
                if number == wrong:
                    raise VideoError(f"no {number}")
                self.made += 1
                yield number
        finally:
            self.closed_in = threading.current_thread()


def test_all_items_in_order_and_no_thread_after_them() -> None:
    before = set(threading.enumerate())
    counting = Counting(50)
    ahead = Ahead(counting.items, threading.Event())
    assert [ahead.take() for _ in range(52)] == [*range(50), None, None]
    assert alive(before) == []
    assert ahead.seconds > 0


def test_it_works_no_further_ahead_than_there_is_room() -> None:
    counting = Counting(50)
    ahead = Ahead(counting.items, threading.Event())
    assert comes_true(lambda: counting.made >= 5)
    time.sleep(0.05)
    assert counting.made == 5  # four that wait, and one that has no room yet
    assert ahead.take() == 0
    assert comes_true(lambda: counting.made >= 6)
    time.sleep(0.05)
    assert counting.made == 6
    ahead.close()


def test_waiting_for_room_is_not_counted_as_work(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def items() -> Generator[int, None, None]:
        for number in range(50):
            now[0] += 1
            yield number

    ahead = Ahead(items(), threading.Event())
    assert comes_true(lambda: ahead.seconds == 5)
    now[0] += 90  # while the fifth has no room
    assert ahead.take() == 0
    assert comes_true(lambda: ahead.seconds != 5)
    assert ahead.seconds == 6
    ahead.close()


def test_an_error_comes_after_what_was_before_it() -> None:
    before = set(threading.enumerate())
    ahead = Ahead(Counting(9, wrong=2).items, threading.Event())
    assert [ahead.take(), ahead.take()] == [0, 1]
    with pytest.raises(VideoError, match="no 2"):
        ahead.take()
    assert ahead.take() is None
    assert alive(before) == []


def test_closing_early_ends_the_thread_and_closes_the_generator() -> None:
    counting = Counting(50)
    ahead = Ahead(counting.items, threading.Event())
    assert ahead.take() == 0
    before = threading.current_thread()
    ahead.close()
    assert counting.closed_in not in (None, before)
    assert not ahead._thread.is_alive()


def test_one_that_nobody_holds_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    counting = Counting(50)
    ahead = Ahead(counting.items, threading.Event())
    assert ahead.take() == 0
    del ahead
    gc.collect()
    assert alive(before) == []
    assert counting.closed_in is not None


def test_stopping_ends_the_wait_for_a_slow_source() -> None:
    gate, stopped = threading.Event(), threading.Event()

    def slow() -> Generator[int, None, None]:
        gate.wait(60)
        yield 1

    ahead = Ahead(slow(), stopped)
    threading.Timer(0.1, stopped.set).start()
    assert ahead.take() is None  # one that waits on gets the number
    gate.set()
    ahead.close()


def test_frames_are_the_same(write_clip: Clip, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 20, options={"g": "6", "bf": "3"})
    for how in ({}, {"start": 7}, {"max_frames": 5}, {"start": 3, "max_frames": 1}):
        before = set(threading.enumerate())
        found = []
        for ahead in (False, True):
            with read(path, ahead=ahead, **how) as reader:  # type: ignore[arg-type]
                found.append([(n, reader.time, frame) for n, frame in reader])
                assert reader.seconds > 0
        plain, threaded = found
        assert [row[:2] for row in threaded] == [row[:2] for row in plain]
        for one, other in zip(plain, threaded, strict=True):
            assert np.array_equal(one[2], other[2])
        assert len({id(frame) for _, _, frame in threaded}) == len(threaded)
        assert alive(before) == []


def test_the_thread_begins_with_the_iteration_and_ends_with_it(
    write_clip: Clip, tmp_path: Path
) -> None:
    path = write_clip(tmp_path / "a.mp4", 30)
    before = set(threading.enumerate())
    with read(path, ahead=True) as reader:
        assert alive(before) == []
        next(reader)
        assert len(set(threading.enumerate()) - before) == 1
        next(reader)
        reader.stop()
        assert next(reader, None) is None
    assert alive(before) == []


def test_warnings_come_to_who_reads_and_only_of_what_was_read(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    for number in range(6):
        save_picture(frames / f"{number}.png", np.full((8, 8, 3), number, np.uint8))
    (frames / "3.png").write_bytes(b"no picture")
    with read(frames, ahead=True, max_frames=2) as reader:
        assert [number for number, _ in reader] == [0, 1]  # no warning: they are errors here
    with read(frames, ahead=True) as reader:
        assert [next(reader)[0] for _ in range(3)] == [0, 1, 2]
        with pytest.warns(VideoWarning, match=r"3\.png"):
            assert next(reader)[0] == 4
        assert next(reader)[0] == 5
