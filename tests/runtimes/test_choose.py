"""Choosing a runtime: the fastest is taken and remembered; what fails is left out."""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from pursuit import runtimes
from pursuit.errors import EngineError, MissingExtra, SettingsError
from pursuit.networks.goturn import GOTURN, GOTURNShape
from pursuit.networks.siamfc import SiamFC, SiamFCShape
from pursuit.runtimes import choose
from pursuit.runtimes.choose import cache_folder, fastest
from pursuit.runtimes.failures import EngineWarning, of_engine
from pursuit.runtimes.machine import version

NETWORK = SiamFC(SiamFCShape(channels=(2, 2, 2, 2, 2)))


class Worker:
    """A runtime that takes a known time a frame, on a clock that stands still otherwise."""

    def __init__(self, seconds: float, clock: list[float]) -> None:
        self.seconds = seconds
        self._clock = clock

    def embed(self, windows: Any) -> None:
        self._clock[0] += self.seconds / 2

    def score(self, exemplar: Any, search: Any) -> None:
        pass


Makers = Callable[..., dict[str, Callable[[], Worker]]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Remember trials in an empty folder, and shorten them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.setattr(choose, "_SECONDS", 0.05)
    monkeypatch.delenv(runtimes.PINNED)
    return tmp_path


@pytest.fixture
def makers(monkeypatch: pytest.MonkeyPatch) -> Makers:
    """Return makers of runtimes that take so long, and tell who was asked to make one."""
    clock = [0.0]
    monkeypatch.setattr(choose, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def maker(asked: list[str], name: str, wait: float) -> Callable[[], Worker]:
        def make() -> Worker:
            asked.append(name)
            if wait < 0:
                with of_engine(name):
                    raise RuntimeError("no memory" if wait == -1 else "too slow")
            return Worker(wait, clock)

        return make

    return lambda asked, **seconds: {
        name: maker(asked, name, wait) for name, wait in seconds.items()
    }


def test_the_fastest_is_taken_and_remembered(makers: Makers) -> None:
    asked: list[str] = []
    three = makers(asked, first=0.01, second=0.002, third=0.006)
    assert fastest(three, NETWORK, []).seconds == 0.002
    assert asked == ["first", "second", "third"]
    assert fastest(three, NETWORK, []).seconds == 0.002
    assert asked[3:] == ["second"]


def test_another_machine_network_or_engine_is_measured_anew(
    makers: Makers, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    two = makers(asked, first=0.004, second=0.001)
    fastest(two, NETWORK, [])
    wider = SiamFC(SiamFCShape(channels=(2, 2, 2, 2, 4)))
    fastest(two, wider, [])
    assert len(asked) == 4
    fastest({**two, **makers(asked, third=0.002)}, NETWORK, [])
    assert len(asked) == 7
    fastest(two, NETWORK, [], True)  # its trunk is in 8-bit integers now
    fastest(two, NETWORK, [], True)
    assert len(asked) == 10
    monkeypatch.setattr(choose, "cpu_name", lambda: "another")
    fastest(two, NETWORK, [])
    assert len(asked) == 12
    threads = torch.get_num_threads()
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads + 1)
    fastest(two, NETWORK, [])
    assert len(asked) == 14


@pytest.mark.parametrize("damage", ["", "{", '{"runtime": "second"}', "\xff", "[]"])
def test_a_damaged_memory_is_measured_again(damage: str, makers: Makers) -> None:
    asked: list[str] = []
    two = makers(asked, first=0.004, second=0.001)
    fastest(two, NETWORK, [])
    (file,) = cache_folder().rglob("*.json")
    good = json.loads(file.read_text())
    file.write_bytes(damage.encode("latin-1"))
    assert fastest(two, NETWORK, []).seconds == 0.001
    assert asked == ["first", "second"] * 2
    again = json.loads(file.read_text())
    assert again["facts"] == good["facts"] and again["runtime"] == "second"
    # What is remembered of other facts under this name is not ours.
    file.write_text(json.dumps({**good, "facts": {}, "runtime": "first"}))
    assert fastest(two, NETWORK, []).seconds == 0.001


@pytest.mark.parametrize(
    "times",
    [
        *({"first": time, "second": 1.0} for time in (None, np.nan, np.inf, -0.5, 0)),
        {"second": 1.0},
        {},
    ],
    ids=str,
)
def test_a_memory_whose_winner_cannot_have_won_is_measured_again(
    times: dict[str, object], makers: Makers
) -> None:
    asked: list[str] = []
    two = makers(asked, first=0.004, second=0.001)
    fastest(two, NETWORK, [])
    (file,) = cache_folder().rglob("*.json")
    good = json.loads(file.read_text())
    file.write_text(json.dumps({**good, "runtime": "first", "milliseconds": times}))
    assert fastest(two, NETWORK, []).seconds == 0.001
    assert asked == ["first", "second"] * 2
    assert json.loads(file.read_text()) == good


def test_a_memory_of_one_that_nobody_could_race_is_good(makers: Makers) -> None:
    asked: list[str] = []
    two = makers(asked, first=0.004, second=-1)
    with pytest.warns(EngineWarning):
        fastest(two, NETWORK, [])
    assert fastest(two, NETWORK, []).seconds == 0.004
    assert asked == ["first", "second", "first"]


def test_who_fails_is_left_out_and_named_once(makers: Makers) -> None:
    asked: list[str] = []
    three = makers(asked, first=0.004, second=-1, third=0.001)
    with pytest.warns(EngineWarning, match=r"second cannot run .* no memory; another .* taken"):
        assert fastest(three, NETWORK, []).seconds == 0.001
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fastest(three, NETWORK, []).seconds == 0.001


def test_a_remembered_one_that_no_longer_works_is_replaced(makers: Makers) -> None:
    asked: list[str] = []
    fastest(makers(asked, first=0.004, second=0.001), NETWORK, [])
    broken = makers(asked, first=0.004, second=-1)
    with pytest.warns(EngineWarning, match="second cannot run"):
        assert fastest(broken, NETWORK, []).seconds == 0.004


def test_without_a_place_to_remember_it_goes_on(folder: Path, makers: Makers) -> None:
    (folder / "pursuit").write_text("a file where the folder would be")
    asked: list[str] = []
    two = makers(asked, first=0.004, second=0.001)
    for _ in range(2):
        assert fastest(two, NETWORK, []).seconds == 0.001
    assert len(asked) == 4


def absent(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    monkeypatch.setattr(runtimes, "installed", lambda name: name not in modules)


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("openvino", "openvino", "openvino"),
        ("onnx", "onnxruntime", "onnx"),
        ("onnx", "onnx", "onnx"),
    ],
)
def test_an_engine_that_is_not_installed(
    name: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "installed", lambda name: name != module)
    with pytest.raises(MissingExtra, match=rf"^{module} is not installed: .*pursuit\[{extra}\]"):
        runtimes.compile(NETWORK, name)


def test_half_an_engine_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "openvino", "onnx")  # onnxruntime alone
    assert runtimes.compile(NETWORK).name == "tuned"


def test_a_module_in_a_package_of_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"onnxruntime-gpu": "1.2.3", "torch": "9"}

    def tell(name: str) -> str:
        if name not in known:
            raise metadata.PackageNotFoundError(name)
        return known[name]

    monkeypatch.setattr(metadata, "version", tell)
    monkeypatch.setattr(
        metadata, "packages_distributions", lambda: {"onnxruntime": ["onnxruntime-gpu"]}
    )
    found = [version(name) for name in ("torch", "onnxruntime", "openvino")]
    assert found == ["9", "1.2.3", "unknown"]


def test_with_no_engine_there_is_no_trial(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "openvino", "onnxruntime")
    assert runtimes.compile(NETWORK).name == "tuned"
    assert not [*folder.rglob("*.json")]


@pytest.fixture
def broken_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an engine of any name be there and fail."""

    def fail(network: SiamFC | GOTURN, name: str) -> None:
        raise RuntimeError("no such operation\nat line 5")

    module = ModuleType("broken")
    module.compile_siamfc = module.compile_goturn = fail  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pursuit.runtimes.openvino", module)
    monkeypatch.setattr(runtimes, "installed", lambda name: name == "openvino")


@pytest.mark.usefixtures("broken_engine")
def test_an_engine_that_fails_is_an_error_by_name_and_left_out_by_auto() -> None:
    with pytest.raises(EngineError, match=r"openvino cannot run .*: no such operation$"):
        runtimes.compile(NETWORK, "openvino")
    with pytest.warns(EngineWarning, match="no such operation; another"):
        assert runtimes.compile(NETWORK).name == "tuned"
    assert runtimes.compile(NETWORK).name == "tuned"


@pytest.mark.usefixtures("broken_engine")
def test_what_stops_all_runtimes_of_an_engine_is_said_once(folder: Path) -> None:
    able = GOTURN(GOTURNShape((8,) * 5, (1,) * 5, (8,) * 3, "none"))  # in 8-bit integers too
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert runtimes.compile(able).name == "tuned"
    assert [str(one.message) for one in caught] == [
        "the runtime openvino cannot run this network here: no such operation; another runtime is "
        "taken"
    ]
    (file,) = folder.rglob("*.json")
    assert set(json.loads(file.read_text())["failed"]) == {"openvino", "openvino-int8"}


def test_what_stops_one_runtime_of_an_engine_is_said_beside_what_stops_another(
    makers: Makers,
) -> None:
    failing = makers([], **{"tuned": 0.004, "openvino": -1, "openvino-int8": -2, "onnx": -1})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fastest(failing, NETWORK, [])
    said = [re.sub(" cannot run .* here:", "", str(one.message)) for one in caught]
    assert said == [
        f"the runtime {why}; another runtime is taken"
        for why in ("openvino no memory", "openvino-int8 too slow", "onnx no memory")
    ]


@pytest.fixture
def picky_engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Return what lets OpenVINO fail on so many windows of a side, and on no others."""
    engine = pytest.importorskip("pursuit.runtimes.openvino")
    ready = engine._ready
    absent(monkeypatch, "onnxruntime")

    def refuse(number: int, side: int) -> None:
        def picky(model: Any, **how: Any) -> Any:
            if [*model.inputs[0].partial_shape.to_shape()] == [number, side, side, 3]:
                raise RuntimeError("could not create a primitive\nat line 5")
            return ready(model, **how)

        monkeypatch.setattr(engine, "_ready", picky)

    return refuse


def test_an_engine_that_fails_on_search_windows_alone(
    picky_engine: Callable[[int, int], None],
) -> None:
    picky_engine(3, 255)
    with pytest.raises(EngineError, match=r"openvino cannot run .*: could not create a primitive$"):
        runtimes.compile(NETWORK, "openvino")
    with pytest.warns(EngineWarning, match="could not create a primitive; another"):
        assert runtimes.compile(NETWORK).name == "tuned"


def test_an_engine_that_fails_midway(picky_engine: Callable[[int, int], None]) -> None:
    compiled = runtimes.compile(NETWORK, "openvino")
    picky_engine(6, 255)  # two targets; forms that came before are ready
    with pytest.raises(EngineError, match=r"openvino cannot run .*: could not create a primitive$"):
        compiled.embed(np.zeros((6, 255, 255, 3), np.uint8))


def test_the_environment_says_what_auto_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(runtimes.PINNED, "eager")
    assert runtimes.compile(NETWORK).name == "eager"
    assert runtimes.compile(NETWORK, "tuned").name == "tuned"
    monkeypatch.setenv(runtimes.PINNED, "egaer")
    with pytest.raises(SettingsError, match=r"no runtime 'egaer' \(from PURSUIT_RUNTIME\)"):
        runtimes.compile(NETWORK)


def test_an_empty_environment_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "openvino", "onnxruntime")
    monkeypatch.setenv(runtimes.PINNED, "")
    assert runtimes.compile(NETWORK).name == "tuned"


def test_auto_takes_an_engine_that_is_there() -> None:
    pytest.importorskip("openvino")
    name = runtimes.compile(NETWORK).name
    (file,) = cache_folder().rglob("*.json")
    trial = json.loads(file.read_text())
    assert trial["runtime"] == name and set(trial["milliseconds"]) >= {"tuned", "openvino"}
    assert trial["facts"]["versions"]["openvino"]
    assert all(value > 0 for value in trial["milliseconds"].values())


def test_a_device_too_small_for_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(runtimes, "TunedSiamFC", full)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(EngineError, match=r"^cuda:0 has too little memory for this network"):
        runtimes.compile(NETWORK, device="cuda:0")
