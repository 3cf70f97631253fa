"""A tracker behind TraX: the regions and images that a client may send, and a whole session."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from pursuit import load
from pursuit.errors import BoxError, DataError, FrameError
from pursuit.trackers.trax import frame_of, start_box

trax = pytest.importorskip("trax", reason="vot-trax is not installed (extra vot)")
client = pytest.importorskip("trax.client")


def noise(seed: int = 0) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 255, (15, 20, 3), dtype=np.uint8)
    return cv2.resize(small, (160, 120), interpolation=cv2.INTER_CUBIC)


def test_a_start_is_the_box_around_a_region() -> None:
    assert start_box(trax.Rectangle.create(3.5, 4, 20, 10)).tolist() == [3.5, 4, 20, 10]
    leaning = trax.Polygon.create([(10.0, 5.0), (30.0, 8.0), (28.0, 40.5), (7.5, 30.0)])
    assert start_box(leaning).tolist() == [7.5, 5, 22.5, 35.5]
    mask = np.zeros((6, 9), np.uint8)
    mask[2:4, 3] = 1
    mask[4, 5:8] = 1
    # Pixels 3 to 7 and 2 to 4 of a mask whose corner is at 100, 50.
    assert start_box(trax.Mask.create(mask, x=100, y=50)).tolist() == [103, 52, 5, 3]


def test_regions_without_a_target_are_refused() -> None:
    with pytest.raises(BoxError, match="without a pixel"):
        start_box(trax.Mask.create(np.zeros((4, 4), np.uint8)))
    with pytest.raises(BoxError, match="kind 'special'"):
        start_box(trax.Special.create(1))


def test_every_kind_of_image_is_read(tmp_path: Path) -> None:
    frame = noise()
    coded = cv2.imencode(".png", frame[..., ::-1])[1].tobytes()
    path = tmp_path / "a b.png"
    path.write_bytes(coded)
    for image in (
        trax.FileImage.create(str(path)),
        trax.MemoryImage.create(frame),
        trax.BufferImage.create(coded),
    ):
        np.testing.assert_array_equal(frame_of(image), frame)
    gray = frame_of(trax.MemoryImage.create(np.ascontiguousarray(frame[..., 0])))
    np.testing.assert_array_equal(gray, np.repeat(frame[..., :1], 3, axis=2))


def test_images_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.jpg"):
        frame_of(trax.FileImage.create(str(tmp_path / "gone.jpg")))
    with pytest.raises(FrameError, match="not a picture"):
        # Begins as a JPEG does; another beginning does not get through vot-trax.
        frame_of(trax.BufferImage.create(b"\xff\xd8\xff\xe0" + bytes(20)))
    with pytest.raises(FrameError, match="uint16"):
        frame_of(trax.MemoryImage.create(np.zeros((20, 20), np.uint16)))


@contextmanager
def served(*words: str) -> Iterator[tuple[object, subprocess.Popen[bytes]]]:
    """Give a client to a tracker that is served in another process, and the process."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "pursuit", "vot", "serve", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        stream = (process.stdin.fileno(), process.stdout.fileno())
        # Without a function for its log vot-trax 4.0.2 fails.
        yield client.Client(stream=stream, log=lambda text: None), process
    finally:
        process.kill()
        process.communicate()


def shown(number: int) -> np.ndarray:
    frame = np.full((120, 160, 3), 127, np.uint8)
    frame[30:70, 20 + 2 * number : 60 + 2 * number] = noise()[:40, :40]
    return frame


def images(number: int) -> dict[str, object]:
    return {"color": trax.MemoryImage.create(shown(number))}


def test_a_session() -> None:
    alone = load("opencv-kcf")
    with served("opencv-kcf") as (session, process):
        assert session.tracker_name == "opencv-kcf" and not session.get("multiobject")
        assert set(session.region_formats) == {"rectangle", "polygon", "mask"}
        corners = [(20.0, 30.0), (60.0, 30.0), (60.0, 70.0), (20.0, 70.0)]
        starts = (trax.Rectangle.create(20, 30, 40, 40), trax.Polygon.create(corners))
        for region in starts:  # the second start is in the midst of the first run
            ((told, _),), _ = session.initialize(images(0), [(region, {})], {})
            assert told.bounds() == (20, 30, 40, 40)
            alone.init(shown(0), [20, 30, 40, 40])
            for number in range(1, 4):
                ((told, about),), _ = session.frame(images(number), {}, [])
                result = alone.update(shown(number))
                np.testing.assert_allclose(told.bounds(), result.box, atol=1e-3)
                assert float(about["confidence"]) == pytest.approx(result.score, abs=1e-6)
                assert abs(told.bounds()[0] - (20 + 2 * number)) <= 2  # it does follow
        session.quit()
        assert process.wait(timeout=30) == 0
        assert process.stderr is not None and process.stderr.read() == b""


def test_why_it_stops_is_told_to_the_client() -> None:
    with served("opencv-kcf") as (session, process):
        outside = trax.Rectangle.create(500, 30, 40, 40)
        with pytest.raises(trax.TraxException, match="positive width"):
            session.initialize(images(0), [(outside, {})], {})
        assert process.wait(timeout=30) == 2
        assert process.stderr is not None
        said = process.stderr.read().decode()
        assert re.fullmatch(r"error: a box must have a positive width .*\n", said), said


def test_a_client_that_is_gone_ends_it() -> None:
    words = [sys.executable, "-m", "pursuit", "vot", "serve", "opencv-kcf"]
    done = subprocess.run(words, input="", capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stdout.startswith("@@TRAX:hello")
    assert re.fullmatch(r"error: the TraX client is gone.*\n", done.stderr), done.stderr
