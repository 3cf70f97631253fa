"""`pursuit bench` as a person runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import run

from pursuit.bench import peaks
from pursuit.bench.peaks import Peaks

Clip = Callable[..., Path]
BOX = ("--box", "10,40,20,20")


@pytest.fixture(scope="module")
def clip(write_clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 3)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the machine's peaks out: they take seconds."""
    monkeypatch.setattr(peaks, "peaks", lambda device: Peaks({"fp32": 0.25}, 10))
    monkeypatch.setattr(peaks, "business", lambda: "this machine is busy")
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.usefixtures("quick")
def test_table_json_and_plot(clip: Path, tmp_path: Path) -> None:
    done = run(
        "bench", clip, *BOX, "--tracker", "siamfc-slim", "--tracker", "opencv-mosse",
        "--runtime", "tuned", "--rounds", 1,
        "--json", tmp_path / "a.json", "--plot", tmp_path / "a.svg",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == "note: this machine is busy\n"
    table = done.stdout.splitlines()
    assert "largest matrix product, TFLOP/s: 0.25 fp32; copy: 10 GB/s" in table
    assert sum(line.startswith("siamfc-slim") for line in table) == 3
    found = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    rows = [(one["tracker"], one["runtime"], one["targets"]) for one in found["timings"]]
    assert rows == [
        (tracker, runtime, targets)
        for targets in (1, 8, 32)
        for tracker, runtime in (
            ("siamfc-slim", "tuned"), ("opencv-mosse", "opencv"),
        )
    ]  # fmt: skip
    for one in found["timings"]:
        assert one["fps"] == pytest.approx(1000 / one["median_ms"])
        assert len(one["rounds_ms"]) == 1
        assert 1 <= one["updates"] <= 2
        if one["runtime"] == "tuned":
            stages = one["stages_ms"]
            assert set(stages) == {"cut", "trunk", "head", "decode", "rest"}
            # Of two updates, medians are means, and the parts are the whole.
            assert sum(stages.values()) == pytest.approx(one["median_ms"])
    assert found["warnings"][0] == "this machine is busy"
    assert found["clip"]["box"] == [10, 40, 20, 20]
    assert (tmp_path / "a.svg").stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nothing.mp4", *BOX), "nothing.mp4"),
        (("CLIP",), "--box"),
        (("CLIP", "--box", "10,40,20"), "four numbers"),
        (("CLIP", "--box", "900,900,20,20"), "box"),
        (("CLIP", *BOX, "--tracker", "siamfc-slimm"), "did you mean siamfc-slim"),
        (("CLIP", *BOX, "--tracker", "opencv-nano"), "BACKBONE.onnx"),
        (("CLIP", *BOX, "--tracker", "goturn"), "name a file, goturn:PATH ("),
        (("CLIP", *BOX, "--runtime", "tund"), "did you mean tuned"),
        (("CLIP", *BOX, "--device", "tpu"), "tpu"),
        (("CLIP", *BOX, "--device", "auto"), "name cpu or cuda"),
        (("CLIP", *BOX, "--device", "auto", "--tracker", "opencv-mosse"), "name cpu or cuda"),
        (("CLIP", *BOX, "--tracker", "opencv-mosse", "--runtime", "foo"), "name no runtime"),
        (("CLIP", *BOX, "--tracker", "opencv-mosse", "--device", "tpu"), "name no device"),
        (("CLIP", *BOX, "--rounds", "0"), "--rounds"),
        (("CLIP", *BOX, "--plot", "speed.jpg"), ".png or .svg"),
        (("CLIP", *BOX, "--json", "CLIP"), "is read by this command"),
        (("CLIP", *BOX, "--json", "a.svg", "--plot", "a.svg"), "named twice"),
    ],
)
def test_mistakes_are_one_line(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("bench", *(clip if word == "CLIP" else word for word in words))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []
