"""Measure how late the boxes of a live stream are: the demo clip, sent as it would be by a camera.

    python benchmarks/live.py [--tracker siamfc-slim] [--fps 25]

The clip is encoded beforehand (H.264 without B-frames, as cameras send it, in an MPEG transport
stream) and sent over TCP on this machine, a frame at a time. Each frame carries its number in its
pixels. Prints from the sending of a frame's last byte, and from its leaving the decoder (what
`pursuit track` tells), to its boxes; which frames were seen first; how many were missed. The
camera's own exposure and encoding are not in it, nor is a network.
"""

from __future__ import annotations

import argparse
import io
import socket
import statistics
import threading
import time

import av
import numpy as np

from pursuit import datasets, video
from pursuit.bench import demo
from pursuit.following import load_follower
from pursuit.frames import Frame

_BITS, _SQUARE = 10, 16  # of a frame's number, in squares of so many pixels at the top left


def marked(frame: Frame, number: int) -> Frame:
    """Return the frame with its number in it."""
    out = frame.copy()
    for bit in range(_BITS):
        left = bit * _SQUARE
        out[:_SQUARE, left : left + _SQUARE] = 255 * (number >> bit & 1)
    return out


def number_in(frame: Frame) -> int:
    """Return the number that `marked` wrote."""
    middles = frame[_SQUARE // 2, _SQUARE // 2 : _BITS * _SQUARE : _SQUARE, 1]
    return int(((middles > 128) << np.arange(_BITS)).sum())


def encoded(frames: list[Frame], fps: int) -> list[bytes]:
    """Return the bytes of the stream that each frame adds."""
    file, pieces = io.BytesIO(), []
    options = {"preset": "veryfast", "tune": "zerolatency", "g": str(fps)}
    with av.open(file, "w", format="mpegts", options={"flush_packets": "1"}) as container:
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for number, frame in enumerate(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(marked(frame, number))))
            pieces.append(file.getvalue())
            file.seek(0)
            file.truncate()
    return pieces


def send(server: socket.socket, pieces: list[bytes], fps: int, sent: list[float]) -> None:
    """Send a piece each 1 / fps seconds to the first who comes; note when each was sent."""
    connection, _ = server.accept()
    with connection:
        began = time.perf_counter()
        for number, piece in enumerate(pieces):
            time.sleep(max(0.0, began + number / fps - time.perf_counter()))
            connection.sendall(piece)
            sent.append(time.perf_counter())


def told(seconds: list[float]) -> str:
    late = sorted(seconds)[int(0.95 * (len(seconds) - 1))]
    return f"{1000 * statistics.median(seconds):.1f} ms (p95 {1000 * late:.1f} ms)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tracker", default="siamfc-slim")
    parser.add_argument("--fps", type=int, default=25)
    given = parser.parse_args()
    (sequence,) = datasets.open_videos(demo.clip().parent)
    pieces = encoded(list(video.decode_frames(demo.clip())), given.fps)
    tracker = load_follower(given.tracker, None, "cpu", redetect=True)
    sent: list[float] = []
    from_sent, from_decoded, seen = [], [], []
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = threading.Thread(target=send, args=(server, pieces, given.fps, sent), daemon=True)
        sender.start()
        with video.read(f"tcp://127.0.0.1:{server.getsockname()[1]}") as reader:
            for _, frame in reader:
                if seen:
                    tracker.update(frame)
                else:
                    tracker.init(frame, sequence.boxes[number_in(frame)])
                found, number = time.perf_counter(), number_in(frame)
                assert reader.arrived is not None
                if seen:  # the first is the start, another kind of work
                    from_sent.append(found - sent[number])
                    from_decoded.append(found - reader.arrived)
                seen.append(number)
        sender.join()
    runtime = getattr(tracker, "runtime", "none of ours")
    print(f"{given.tracker} ({runtime}), {given.fps} fps, {len(seen)} frames")
    print(f"decoder to boxes  {told(from_decoded)}")
    print(f"sent to boxes     {told(from_sent)}")
    print(f"seen first: {seen[:4]}; missed after that: {seen[-1] - seen[0] + 1 - len(seen)}")


if __name__ == "__main__":
    main()
