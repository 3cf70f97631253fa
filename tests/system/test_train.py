"""`pursuit train` as a person would run it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

RECIPE = (
    "network.channels=[4,8,8,8,8]",
    "batch=4",
    "pairs=60",
    "epochs=2",
    "data.held_out=[]",
    "optim.lr=0.001",
)


def _pursuit(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pursuit", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)  # type: ignore[call-overload, no-any-return]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store curated by the command from three short sequences in GOT-10k's layout."""
    root = tmp_path_factory.mktemp("data")
    for video in range(3):
        folder = root / f"clip{video}"
        folder.mkdir()
        rng = np.random.default_rng(video)
        coarse = rng.integers(0, 255, (12, 16, 3)).astype(np.uint8)
        frame = cv2.resize(coarse, (160, 120))
        for number in range(6):
            cv2.imwrite(str(folder / f"{number + 1:08d}.jpg"), np.roll(frame, number, axis=1))
        rows = "".join(f"{50 + number},40,40,30\n" for number in range(6))
        (folder / "groundtruth.txt").write_text(rows, encoding="utf-8")
    out = root.parent / "crops"
    done = _pursuit("curate", str(out), "--videos", str(root), "--workers", "1")
    assert done.returncode == 0, done.stderr
    return out


def test_train_says_where_the_weights_are(store: Path, tmp_path: Path) -> None:
    done = _pursuit(
        "train",
        "siamfc-paper",
        f"data={store}",
        *RECIPE,
        "--out",
        str(tmp_path / "run"),
        "--device",
        "cpu",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "siamfc-paper.safetensors").is_file()
    assert "siamfc-paper.safetensors" in done.stdout


def test_fine_tuned_weights_track(store: Path, tmp_path: Path) -> None:
    """The road of the documentation: the store is curated; train on it, track with the result."""
    words = ["batch=4", "pairs=16", "epochs=1", "--out", str(tmp_path / "run"), "--device", "cpu"]
    done = _pursuit("train", "siamfc-finetune", f"data={store}", *words)
    assert done.returncode == 0, done.stderr
    weights = tmp_path / "run" / "siamfc-finetune.safetensors"
    assert weights.is_file() and str(weights) in done.stdout
    boxes = tmp_path / "boxes.csv"
    words = ["--box", "50,40,40,30", "--weights", str(weights), "--save", str(boxes)]
    done = _pursuit("track", str(next(store.parent.glob("data*/clip0"))), *words)
    assert done.returncode == 0, done.stderr
    assert len(boxes.read_text(encoding="utf-8").splitlines()) == 7


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_run_resumes_to_the_same_weights(store: Path, tmp_path: Path) -> None:
    words = ["train", "siamfc-paper", f"data={store}", *RECIPE, "pairs=400", "--device", "cpu"]
    assert _pursuit(*words, "--out", str(tmp_path / "whole")).returncode == 0
    command = [sys.executable, "-m", "pursuit", *words, "--out", str(tmp_path / "killed")]
    # Checkpoints every second instead of every five minutes, so that one is there to kill after.
    environment = {**os.environ, "PURSUIT_CHECKPOINT_SECONDS": "0.5"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    checkpoint = tmp_path / "killed" / "checkpoint.pt"
    limit = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < limit and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    process.wait()
    step = torch.load(checkpoint, weights_only=True)["step"]
    assert 0 < step < 200
    done = _pursuit(*words, "--out", str(tmp_path / "killed"))
    assert done.returncode == 0, done.stderr
    whole, killed = (
        (tmp_path / name / "siamfc-paper.safetensors").read_bytes() for name in ("whole", "killed")
    )
    assert whole == killed


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["siamfc-papper"], "did you mean siamfc-paper"),
        (["siamfc-paper"], "data=PATH"),
        (["siamfc-paper", "data=nowhere"], "nowhere"),
        (["siamfc-paper", "optim.lrate=1"], "unknown key optim.lrate"),
        (["siamfc-paper", "epochs=many"], "epochs"),
    ],
)
def test_bad_input_is_one_line_and_status_2(words: list[str], says: str, tmp_path: Path) -> None:
    done = _pursuit("train", *words, "--out", str(tmp_path / "run"), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert says in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_damaged_store_is_named(store: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in store.iterdir():
        if path.is_file():
            data = path.read_bytes()
            cut = data[: len(data) // 2] if path.name.startswith("shard") else data
            (broken / path.name).write_bytes(cut)
    done = _pursuit(
        "train", "siamfc-paper", f"data={broken}", *RECIPE, "--out", str(tmp_path / "r")
    )
    assert done.returncode == 2 and "shard-00000.arrow" in done.stderr, done.stderr
    next(broken.glob("shard*")).unlink()
    done = _pursuit(
        "train", "siamfc-paper", f"data={broken}", *RECIPE, "--out", str(tmp_path / "r")
    )
    assert done.returncode == 2 and "shard-00000.arrow" in done.stderr, done.stderr
