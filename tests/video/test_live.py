"""Live sources: the newest frame, never an old one."""

from __future__ import annotations

import functools
import http.server
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest

from pursuit.errors import VideoError
from pursuit.video import live, read


def test_a_slow_reader_gets_the_newest_and_misses_the_rest() -> None:
    gate = threading.Event()

    def items() -> Iterator[str]:
        yield "a"
        gate.wait(60)
        yield from "bcde"

    newest = live.Newest(items(), threading.Event())
    first = newest.after(-1)
    assert first is not None
    assert (first[0], first[2]) == (0, "a")
    gate.set()
    newest.join()
    last = newest.after(0)
    assert last is not None
    assert (last[0], last[2]) == (4, "e")
    assert newest.after(4) is None


def test_an_error_in_the_source_reaches_the_reader() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise VideoError("the cable is out")

    newest = live.Newest(items(), threading.Event())
    newest.join()
    assert newest.after(-1) is not None
    with pytest.raises(VideoError, match="the cable is out"):
        newest.after(0)


def test_a_silent_source_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_PATIENCE", 0.3)
    silence = threading.Event()

    def items() -> Iterator[int]:
        silence.wait(60)
        yield 1

    newest = live.Newest(items(), threading.Event())
    with pytest.raises(VideoError, match="no frame came"):
        newest.after(-1)
    silence.set()


def test_stopping_ends_the_wait() -> None:
    stopped, silence = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        silence.wait(60)
        yield 1

    newest = live.Newest(items(), stopped)
    threading.Timer(0.2, stopped.set).start()
    # One that waits on is given up, with an error, or gets the number.
    assert newest.after(-1) is None
    silence.set()


class Camera:
    """Stands in for cv2.VideoCapture: blue pictures (BGR), a few a second; one a test.

    Red is the number of a picture. When it was given is noted just before it is.
    """

    def __init__(self) -> None:
        self.given: list[float] = []
        self.released = threading.Event()

    def __call__(self, number: int) -> Camera:
        return self

    def isOpened(self) -> bool:
        return True

    def get(self, _: int) -> float:
        return 30.0

    def read(self) -> tuple[bool, np.ndarray]:
        time.sleep(0.02)
        image = np.full((4, 6, 3), (200, 0, len(self.given) % 256), np.uint8)
        self.given.append(time.perf_counter())
        return True, image

    def release(self) -> None:
        self.released.set()


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Camera:
    made = Camera()
    monkeypatch.setattr(cv2, "VideoCapture", made)
    return made


def test_a_camera_gives_rgb_and_is_let_go(camera: Camera) -> None:
    with read(0, max_frames=5) as reader:
        assert (reader.is_live, reader.fps, reader.frame_count) == (True, 30.0, 5)
        times = []
        numbers = []
        for number, frame in reader:
            assert frame[0, 0].tolist() == [number % 256, 0, 200]
            assert reader.time is not None
            times.append(reader.time)
            numbers.append(number)
    assert numbers == sorted(set(numbers))
    assert times == sorted(times)
    assert times[0] == 0
    assert camera.released.wait(60)


def test_the_time_of_a_frame_is_when_the_camera_gave_it(camera: Camera) -> None:
    with read(0, max_frames=4) as reader:
        shown, asked = [], 0.0
        for number, _ in reader:
            assert reader.arrived is not None
            shown.append((number, reader.arrived, asked))
            time.sleep(0.3)  # 15 frames of the camera
            asked = time.perf_counter()
    # The first was taken when it was opened.
    for number, arrived, asked in shown[1:]:
        assert camera.given[number] <= arrived
        # The camera is asked for the next one when this one has arrived, and for the one after
        # that when the next one has: it was not there when the reader asked.
        later = [*camera.given[number + 1 :], float("inf"), float("inf")]
        assert arrived <= later[0] and asked <= later[1]


def test_a_stream_over_the_network(write_clip: Callable[..., Path], tmp_path: Path) -> None:
    data = write_clip(tmp_path / "a.ts", 60, options={"g": "10"}).read_bytes()
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            for start in range(0, len(data), 1880):
                connection.sendall(data[start : start + 1880])
                time.sleep(0.002)

    sender = threading.Thread(target=serve)
    sender.start()
    with read(f"tcp://127.0.0.1:{server.getsockname()[1]}") as reader:
        assert (reader.width, reader.height) == (160, 120)
        assert reader.arrived is None  # of a frame given, and none was
        numbers = [number for number, _ in reader]
        assert reader.is_live
    sender.join()
    server.close()
    assert numbers == sorted(set(numbers))
    assert 0 < len(numbers) <= 60


@pytest.mark.parametrize(
    ("times", "arrivals", "shown"),
    [
        ([0, 1, 2, 3, 4], [0, 0.1, 0.5, 1.1, 1.2], [3, 4]),  # 0.6 seconds of 1
        ([0, 1, 2, 3, 4], [0, 0.6, 0.7, 0.8, 0.9], [1, 2, 3, 4]),
        ([0, 1, 2], [0, 0.1, 0.2], [2]),  # ends while it catches up
        ([0], [0], [0]),
        ([], [], []),
        ([None, None, None], [0, 0.1, 0.2], [1, 2]),  # no clock to go by
        ([5, 1, 2], [0, 0.1, 0.2], [1, 2]),  # its clock began anew
        # Its clock is too slow: each comes after two fifths of what it says.
        ([*range(8)], [0.4 * number for number in range(8)], [5, 6, 7]),
    ],
)
def test_a_stream_begins_with_what_had_not_waited(
    times: list[float | None],
    arrivals: list[float],
    shown: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SimpleNamespace(perf_counter=iter(arrivals).__next__)
    monkeypatch.setattr(live, "time", clock)
    pictures = [SimpleNamespace(time=time) for time in times]
    found = list(live._from_now(iter(pictures)))  # type: ignore[arg-type]
    assert [id(one) for one in found] == [id(pictures[number]) for number in shown]


def test_what_a_server_had_kept_is_not_shown(
    write_clip: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_clip(tmp_path / "a.ts", 12, milliseconds=[2000 * n for n in range(12)],
                      options={"bf": "0"})  # fmt: skip
    with av.open(str(path)) as container:
        starts = [packet.pos for packet in container.demux(video=0) if packet.size]
    data = path.read_bytes()
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(data[: starts[9]])  # at once, as it was kept
            for start, end in itertools.pairwise([*starts[9:], len(data)]):
                time.sleep(1.5)
                connection.sendall(data[start:end])

    sender = threading.Thread(target=serve)
    sender.start()
    with read(f"tcp://127.0.0.1:{server.getsockname()[1]}") as reader:
        found = [(number, np.argwhere(frame[50] @ (1, -1, 0) > 100)) for number, frame in reader]
    sender.join()
    server.close()
    # FFmpeg gives a frame when the next one or two have begun, and the last ones at once: of these
    # one may be missed, and its number with it.
    seen = [round((int(red.min()) - 10) / 2) for _, red in found]
    assert found[0][0] == 0 and 7 <= seen[0] <= 9
    assert seen == [seen[0] + number for number, _ in found]
    assert seen == sorted(set(seen)) and seen[-1] == 11


@pytest.mark.parametrize("name", ["a.mp4", "a.ts"])
def test_a_file_behind_a_url_is_read_whole(
    name: str, write_clip: Callable[..., Path], tmp_path: Path
) -> None:
    write_clip(tmp_path / name, 20, in_front=name == "a.mp4")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with read(f"http://127.0.0.1:{server.server_port}/{name}") as reader:
            assert not reader.is_live
            assert [number for number, _ in reader] == list(range(20))
        with pytest.raises(VideoError, match="cannot read http"):
            read(f"http://127.0.0.1:{server.server_port}/none.mp4")
        server.shutdown()
