"""What this machine has, whether the install is whole, and a self-check that needs no data."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import torch

import pursuit
from pursuit import boxes, video, weights
from pursuit.datasets.synthetic import Scene
from pursuit.errors import EngineError, PursuitError
from pursuit.runtimes.machine import cpu_features, cpu_name, imported, installed
from pursuit.trackers import registry
from pursuit.trackers.settings import DEFAULT

Value = str | int | float | bool

# A target that turns, grows and passes a look-alike, over a moving town. A working install
# follows it to 0.85 or more; exchanged colours, for one, bring it to 0.4.
SCENE = Scene(
    frames=60,
    seed=8,
    target=(52, 40),
    speed=2.5,
    scale_change=1.25,
    rotation=8,
    light_change=0.1,
    look_alikes=1,
    background_speed=1,
    noise=3,
)
ENOUGH = 0.6  # mean overlap with the exact boxes that passes

_EXTRAS = {
    "train": ("lightning_fabric", "tensorboard"),
    "evaluate": ("scipy", "shapely", "matplotlib", "jinja2"),
    "openvino": ("openvino",),
    "quantise": ("nncf", "openvino"),
    "onnx": ("onnx", "onnxruntime"),
    "cluster": ("distributed",),
    "supervision": ("supervision",),
}
_FEATURES = {
    "avx2": "AVX2",
    "avx512": "AVX-512",
    "avx512_vnni": "VNNI",
    "avx512_bf16": "bf16",
    "amx": "AMX",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        group, name: what it is.
        value: what was found.
        ok: False where something must be mended; `value` then says what.
    """

    group: str
    name: str
    value: Value
    ok: bool = True


@dataclass(frozen=True)
class SelfCheck:
    """How a tracker did on the generated sequence.

    Attributes:
        overlap: mean overlap with the exact boxes, the first frame apart.
        lowest: the lowest overlap of a frame.
        fps: frames a second the tracker took, rendering apart.
        runtime: what ran its network; "" of a tracker without one of ours.
    """

    overlap: float
    lowest: float
    fps: float
    runtime: str = ""

    @property
    def passed(self) -> bool:
        """Whether the target was followed."""
        return self.overlap >= ENOUGH


def examine() -> Iterator[Finding]:
    """Yield the findings, the quick ones first and the self-check last."""
    yield from _versions()
    yield from _machine()
    writable = _temporary()
    yield writable
    if writable.ok:
        yield from _video()
    yield from _extras()
    yield from _weights()
    yield from _self_check()


def about() -> Iterator[Finding]:
    """Yield the versions and what the machine is, without any check."""
    yield from _versions()
    yield from _machine()


def self_check(tracker: str = DEFAULT, scene: Scene = SCENE) -> SelfCheck:
    """Return how a tracker follows the target of a generated scene.

    Raises:
        WeightsError: its weights are not shipped or are damaged.
    """
    follower = registry.load(tracker)
    film = scene.film()
    overlaps, seconds = [], 0.0
    for index, frame in enumerate(film.frames()):
        started = time.perf_counter()
        result = follower.update(frame) if index else follower.init(frame, film.boxes[0])
        if index:
            seconds += time.perf_counter() - started
            overlaps.append(float(boxes.overlap(result.box, film.boxes[index])))
    fps = len(overlaps) / max(seconds, 1e-9)
    runtime = getattr(follower, "runtime", "")
    return SelfCheck(float(np.mean(overlaps)), min(overlaps), fps, runtime)


def _versions() -> Iterator[Finding]:
    named = {
        "pursuit": pursuit.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "opencv": cv2.__version__,
        "av": av.__version__,
        "numpy": np.__version__,
    }
    for name, version in named.items():
        yield Finding("versions", name, str(version))


def _machine() -> Iterator[Finding]:
    features = cpu_features()
    able = [label for key, label in _FEATURES.items() if features[key]]
    yield Finding("machine", "system", f"{platform.system()} {platform.machine()}")
    yield Finding("machine", "cpu", cpu_name())
    yield Finding("machine", "cores", cores())
    yield Finding("machine", "cpu can", ", ".join(able) or torch.backends.cpu.get_cpu_capability())
    yield Finding("machine", "torch threads", torch.get_num_threads())
    yield Finding("machine", "opencv threads", cv2.getNumThreads())
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        gpus.append("Apple (mps)")
    yield Finding("machine", "gpu", ", ".join(gpus) or "none that torch can use")


def cores() -> int:
    """Return how many cores this process may use."""
    # A container or taskset can leave it fewer than there are.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _video() -> Iterator[Finding]:
    frames = [np.full((32, 48, 3), 20 * index, dtype=np.uint8) for index in range(8)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "check.mp4")
        try:
            with video.write(path, 25) as writer:
                for frame in frames:
                    writer.write(frame)
        except PursuitError as error:
            yield Finding("video", "h264 encode", str(error), ok=False)
            return
        yield Finding("video", "h264 encode", "works")
        try:
            number = sum(1 for _ in video.decode_frames(path))
        except PursuitError as error:
            yield Finding("video", "h264 decode", str(error), ok=False)
            return
    works = number == len(frames)
    text = "works" if works else f"gave {number} of {len(frames)} frames: install PyAV anew"
    yield Finding("video", "h264 decode", text, ok=works)
    others = [name for name in ("hevc", "vp9", "av1", "mjpeg") if _decodes(name)]
    yield Finding("video", "also decodes", ", ".join(others))


def _decodes(name: str) -> bool:
    try:
        av.Codec(name, "r")
    except (av.FFmpegError, ValueError):
        return False
    return True


def _extras() -> Iterator[Finding]:
    for extra, modules in _EXTRAS.items():
        if not all(map(installed, modules)):
            yield Finding("extras", extra, f"not installed: pip install 'pursuit[{extra}]'")
            continue
        try:
            for name in modules:
                imported(name)
        except EngineError as error:
            yield Finding("extras", extra, str(error), ok=False)
        else:
            yield Finding("extras", extra, "installed")


def _weights() -> Iterator[Finding]:
    shipped = weights.shipped()
    if not shipped:
        yield Finding("weights", "none", "no weights in this install: install it anew", ok=False)
    for name, path in shipped.items():
        try:
            _, card = weights.read(path)
        except PursuitError as error:
            yield Finding("weights", name, str(error), ok=False)
            continue
        size = path.stat().st_size / 1e6
        yield Finding("weights", name, f"sha256 {card.sha256[:12]} verified, {size:.1f} MB")


def _temporary() -> Finding:
    folder = tempfile.gettempdir()
    try:
        with tempfile.TemporaryDirectory() as inside:
            Path(inside, "check").write_bytes(b"pursuit")
        free = shutil.disk_usage(folder).free / 1e9
    except OSError as error:
        return Finding("files", "temporary", f"cannot write {folder}: {error.strerror}", ok=False)
    return Finding("files", "temporary", f"{folder} can be written, {free:.1f} GB free")


def _self_check() -> Iterator[Finding]:
    try:
        check = self_check()
    except PursuitError as error:
        yield Finding("self-check", "tracking", str(error), ok=False)
        return
    yield Finding("self-check", "mean overlap", round(check.overlap, 3), ok=check.passed)
    yield Finding("self-check", "lowest overlap", round(check.lowest, 3))
    yield Finding("self-check", "frames a second", round(check.fps, 1))
    yield Finding("self-check", "runtime", check.runtime)
