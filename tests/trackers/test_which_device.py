"""The device `auto`: a GPU where there is one that follows, else the CPU, and why is said once.

Where there is no GPU, PyTorch is made to say that there is: it then fails as it does without
CUDA. Where one is to work, a network on the CPU stands in for one there.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from commands import run

import pursuit
from pursuit import runtimes
from pursuit.bench import contenders
from pursuit.cli.track import track as track_command
from pursuit.errors import EngineError, SettingsError
from pursuit.networks.siamfc import SiamFC, SiamFCShape
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.held_out import load_preset
from pursuit.reports import surroundings
from pursuit.runtimes import EngineWarning
from pursuit.runtimes.cutting import CPUCutter
from pursuit.runtimes.tuned import TunedSiamFC
from pursuit.trackers import registry, siamfc

NETWORK = SiamFC(SiamFCShape(channels=(8, 16, 16, 16, 8))).eval()
TAKEN = "; another runtime is taken"
FULL = "cuda:0 has too little memory {}: end what else uses it, or name the device cpu" + TAKEN


@pytest.fixture(autouse=True)
def no_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `auto` be what it is for a user; on a CPU that is then `tuned`, without a trial."""
    monkeypatch.delenv(runtimes.PINNED)
    monkeypatch.setattr(runtimes, "installed", lambda _: False)


def say_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)


@pytest.fixture
def broken_gpu(monkeypatch: pytest.MonkeyPatch) -> str:
    """Let a GPU be there that does not start; return what is said of it."""
    say_there_is_one(monkeypatch)
    if torch.backends.cuda.is_built():

        def fail() -> int:
            raise AssertionError("Torch not compiled with CUDA enabled")

        monkeypatch.setattr(torch.cuda, "current_device", fail)
    return (
        "the runtime cuda cannot run this network here: Torch not compiled with CUDA enabled"
        + TAKEN
    )


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Let a GPU be there, whose networks are on the CPU, and count what they are asked.

    `on_gpu` is where such a network says that it is; `fails` is called when one is made (with 0)
    and at each look (with its number).
    """
    say_there_is_one(monkeypatch)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    told = SimpleNamespace(asked=[], on_gpu=torch.device("cpu"), fails=lambda looks: None)

    class StandIn(TunedSiamFC):
        def __init__(self, network: SiamFC, device: str = "cpu") -> None:
            super().__init__(network)
            self.on_gpu = device != "cpu"
            if self.on_gpu:
                told.asked.append(device)
                told.fails(0)
                self.name, self.device = "cuda", told.on_gpu

        def embed(self, windows: Any) -> torch.Tensor:
            if self.on_gpu:
                told.asked.append(len(windows))
                told.fails(len(told.asked) - 1)
            here, self.device = self.device, torch.device("cpu")
            found = super().embed(windows)
            self.device = here
            return found

    monkeypatch.setattr(runtimes, "TunedSiamFC", StandIn)
    return told


def said(call: Callable[[], object]) -> list[str]:
    """Return what a call warns of; only of engines."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert {one.category for one in caught} <= {EngineWarning}
    return [str(one.message) for one in caught]


def full() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has")


def follow(tracker: Any) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    tracker.init(frame, (60, 40, 30, 30))
    assert tracker.update(frame).box.shape == (4,)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_is_said() -> None:
    assert runtimes.compile(NETWORK, device="auto").name == "tuned"
    assert pursuit.load("siamfc-slim").runtime == "tuned"  # type: ignore[attr-defined]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("name", ["siamfc-slim", "goturn-compact"])
def test_a_gpu_that_is_there_is_taken(name: str) -> None:
    tracker: Any = pursuit.load(name)
    assert tracker.runtime == "cuda"
    follow(tracker)


def test_a_gpu_that_does_not_start(broken_gpu: str) -> None:
    made: list[Any] = []
    for call in (
        lambda: made.append(runtimes.compile(NETWORK, device="auto")),
        lambda: made.append(pursuit.load("siamfc-slim")),
    ):
        assert said(call) == [broken_gpu]
    assert made[0].name == "tuned" and made[0].device.type == "cpu"
    assert made[1].runtime == "tuned"
    follow(made[1])


def test_a_gpu_that_runs_the_network_is_taken(gpu: SimpleNamespace) -> None:
    compiled = runtimes.compile(NETWORK, device="auto")
    assert compiled.name == "cuda"
    # As a tracker asks it, and a second time: then calls are recorded.
    assert gpu.asked == ["cuda:0", 1, 3, 1, 3]


@pytest.mark.parametrize("look", [0, 1, 2, 4])  # at the last they are recorded
def test_a_gpu_without_memory_for_the_network(gpu: SimpleNamespace, look: int) -> None:
    gpu.fails = lambda looks: full() if looks == look else None
    made: list[Any] = []
    call = lambda: made.append(runtimes.compile(NETWORK, device="auto"))  # noqa: E731
    assert said(call) == [FULL.format("for this network")]
    assert made[0].name == "tuned" and len(gpu.asked) == look + 1


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (
            RuntimeError("CUDA error: no kernel image is available for execution on the device\n"),
            "cuda:0 failed for this network: CUDA error: no kernel image is available for "
            "execution on the device; name the device cpu, or look after the GPU's driver",
        ),
        (EngineError("cuda:0 cannot record this"), "cuda:0 cannot record this"),
        (
            ZeroDivisionError("of any\nkind"),
            "the runtime cuda cannot run this network here: of any",
        ),
    ],
    ids=["kernels", "recording", "any"],
)
def test_whatever_fails_on_a_gpu_is_one_line(
    gpu: SimpleNamespace, error: Exception, why: str
) -> None:
    def fail(looks: int) -> None:
        raise error

    gpu.fails = fail
    assert said(lambda: runtimes.compile(NETWORK, device="auto")) == [why + TAKEN]


def test_a_gpu_that_is_named_and_fails_is_an_error(gpu: SimpleNamespace) -> None:
    gpu.fails = lambda looks: full()
    with pytest.raises(EngineError, match="cuda:0 has too little memory"):
        pursuit.load("siamfc-slim", device="cuda")
    with pytest.raises(SettingsError, match="no device 'cuda:7'"):
        pursuit.load("siamfc-slim", device="cuda:7")


def test_a_runtime_that_is_named_or_pinned_runs_on_the_cpu(
    gpu: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tuned", "eager"):
        compiled = runtimes.compile(NETWORK, name, "auto")
        assert (compiled.name, compiled.device.type) == (name, "cpu")
    monkeypatch.setenv(runtimes.PINNED, "eager")
    assert runtimes.compile(NETWORK, device="auto").name == "eager"
    assert gpu.asked == []
    monkeypatch.setenv(runtimes.PINNED, "")
    assert runtimes.compile(NETWORK, device="auto").name == "cuda"


def test_a_tracker_takes_the_gpu_and_says_so(gpu: SimpleNamespace) -> None:
    tracker = pursuit.load("siamfc-slim")
    assert tracker.runtime == "cuda"  # type: ignore[attr-defined]
    follow(tracker)


@pytest.mark.parametrize(
    ("fails", "why"),
    [
        ("reader", "cuda:0 has too little memory to read score maps: end"),
        ("warm-up", "cuda:0 has too little memory to follow 1 target: follow fewer at once, end"),
    ],
)
def test_a_gpu_with_memory_for_the_network_alone(
    gpu: SimpleNamespace, fails: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the tracker itself has there may be too much."""
    gpu.on_gpu = torch.device("cuda:0")
    plain = siamfc.reader

    def reader(cells: int, settings: Any, device: torch.device) -> Any:
        if fails == "reader" and device.type == "cuda":
            full()
        return plain(cells, settings, torch.device("cpu"))

    monkeypatch.setattr(siamfc, "reader", reader)
    monkeypatch.setattr(siamfc, "cutter", lambda _: CPUCutter())
    gpu.fails = lambda looks: full() if looks > 4 else None
    made: list[Any] = []
    (line,) = said(lambda: made.append(pursuit.load("siamfc-slim")))
    assert line == f"{why} what else uses it, or name the device cpu{TAKEN}"
    assert made[0].runtime == "tuned"
    with pytest.raises(EngineError, match=why):
        pursuit.load("siamfc-slim", device="cuda")


def test_what_tracks_takes_any_device() -> None:
    for function in (pursuit.load, pursuit.track, track_command):
        assert inspect.signature(function).parameters["device"].default == "auto"
    for function in (runtimes.compile, registry.load_preset, contenders.load):
        assert inspect.signature(function).parameters["device"].default == "cpu"


def test_what_compares_stays_on_the_cpu(gpu: SimpleNamespace) -> None:
    judged: Any = Entrant("label", "siamfc-slim", runtime="auto").load()
    (measured,), _ = contenders.load(["siamfc-slim"], ["auto"])
    (path,) = registry.with_files("siamfc-slim:siamfc-slim")[1]
    held_out: Any = load_preset("siamfc-slim", path, {})
    known: Any = {"a": SimpleNamespace(name="siamfc-slim", weights="siamfc-slim")}
    reported = surroundings.followers(known)["a"]
    for one in (judged, measured.tracker, held_out, reported):
        assert one.runtime == "tuned"
    assert gpu.asked == []


def test_others_trackers_are_not_asked_for_a_device() -> None:
    for device in ("auto", "cpu"):
        assert pursuit.load("opencv-kcf", device=device).name == "opencv-kcf"


@pytest.fixture(scope="module")
def clip(write_clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 4)


@pytest.fixture
def as_users_see_it() -> Iterator[None]:
    """Let warnings be what they are outside of tests: no errors."""
    with warnings.catch_warnings(action="default"):
        yield


@pytest.mark.usefixtures("as_users_see_it")
@pytest.mark.parametrize("more", [(), ("--budget-fps", 100_000)], ids=str)
def test_the_command_says_it_once_and_names_what_it_took(
    clip: Path, broken_gpu: str, tmp_path: Path, more: tuple[object, ...]
) -> None:
    words = ("track", clip, "--box", "10,40,20,20", "--save", tmp_path / "a.csv", *more)
    done = run(*words)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == f"warning: {broken_gpu}"
    assert done.stderr.count(broken_gpu) == 1
    assert "fps (tuned)" in done.stderr
    assert broken_gpu not in run(*words, "--device", "cpu").stderr


@pytest.mark.usefixtures("as_users_see_it")
def test_the_last_line_of_the_command_names_the_gpu(
    clip: Path, gpu: SimpleNamespace, tmp_path: Path
) -> None:
    done = run("track", clip, "--box", "10,40,20,20", "--save", tmp_path / "a.csv")
    assert done.returncode == 0 and "fps (cuda)" in done.stderr and "warning" not in done.stderr
    listed = tmp_path / "list.csv"
    listed.write_text(f"video,x,y,w,h\n{clip},10,40,20,20\n")
    done = run("track", listed, "--save", tmp_path / "boxes", "--workers", 1)
    assert done.returncode == 0 and "fps, cuda)" in done.stderr
