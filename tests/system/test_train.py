"""`pursuit train` as a person would run it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from commands import run, run_stopped

from pursuit.learning import checkpoints, training

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
    home = tmp_path_factory.mktemp("to-train-on")
    root = home / "data"
    for video in range(3):
        folder = root / f"clip{video}"
        folder.mkdir(parents=True)
        rng = np.random.default_rng(video)
        coarse = rng.integers(0, 255, (12, 16, 3)).astype(np.uint8)
        frame = cv2.resize(coarse, (160, 120))
        for number in range(6):
            cv2.imwrite(str(folder / f"{number + 1:08d}.jpg"), np.roll(frame, number, axis=1))
        rows = "".join(f"{50 + number},40,40,30\n" for number in range(6))
        (folder / "groundtruth.txt").write_text(rows, encoding="utf-8")
    out = home / "crops"
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
    assert "Precision" not in done.stderr  # Fabric's own words
    speeds = re.findall(r"step (\d+)/30: .* \(loader (\d+), network (\d+), waited", done.stderr)
    assert [int(step) for step, *_ in speeds] == [15, 30]  # a line an epoch
    assert all(int(loader) > 0 and int(network) > 0 for _, loader, network in speeds)


def test_fine_tuned_weights_track(store: Path, tmp_path: Path) -> None:
    """The road of the documentation: the store is curated; train on it, track with the result."""
    words = ["batch=4", "pairs=16", "epochs=1", "--out", str(tmp_path / "run"), "--device", "cpu"]
    done = _pursuit("train", "siamfc-finetune", f"data={store}", *words)
    assert done.returncode == 0, done.stderr
    weights = tmp_path / "run" / "siamfc-finetune.safetensors"
    assert weights.is_file() and str(weights) in done.stdout
    boxes = tmp_path / "boxes.csv"
    words = ["--box", "50,40,40,30", "--weights", str(weights), "--save", str(boxes)]
    done = _pursuit("track", str(store.parent / "data" / "clip0"), *words)
    assert done.returncode == 0, done.stderr
    assert len(boxes.read_text(encoding="utf-8").splitlines()) == 7


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_run_resumes_to_the_same_weights(store: Path, tmp_path: Path) -> None:
    words = ["train", "siamfc-paper", f"data={store}", *RECIPE, "--device", "cpu"]
    assert _pursuit(*words, "--out", str(tmp_path / "whole")).returncode == 0
    killed = run_stopped(10, signal.SIGKILL, *words, "--out", tmp_path / "killed")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    # Written once the step after it gave a loss: that of the ninth is the last.
    state = torch.load(tmp_path / "killed" / "checkpoint.pt", weights_only=True)
    assert state["step"] == 9
    done = _pursuit(*words, "--out", str(tmp_path / "killed"))
    assert done.returncode == 0, done.stderr
    whole, resumed = (
        (tmp_path / name / "siamfc-paper.safetensors").read_bytes() for name in ("whole", "killed")
    )
    assert whole == resumed


def _together(number: int, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `pursuit` in several processes of this machine, as torchrun does."""
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(number))
    command = [sys.executable, *launch, "-m", "pursuit", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="gloo and torchrun are tried on Linux")
def test_two_processes_follow_one(store: Path, tmp_path: Path) -> None:
    # All that couples the pairs of a batch, and the held-out videos that one process judges.
    words = ["train", "siamfc-slim", f"data={store}", *RECIPE, "pairs=80", "epochs=1"]
    words += ["data.held_out=[clip0]", "data.still=0", "data.unlabelled=0", "optim.lr=0.02"]
    words += ["loss.negatives=0.5", "precision=32-true", "--device", "cpu", "--out"]
    one, two = tmp_path / "one", tmp_path / "two"
    assert _pursuit(*words, str(one)).returncode == 0
    done = _together(2, *words, str(two))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("weights: ") == 1 and done.stderr.count("step 20/20") == 1
    assert len(list((two / "log").iterdir())) == 1
    states = [torch.load(out / "checkpoint.pt", weights_only=True) for out in (one, two)]
    assert [(state["step"], state["world"]) for state in states] == [(20, 1), (20, 2)]
    first, second = (state["history"][0] for state in states)
    assert second["loss"] == pytest.approx(first["loss"], rel=1e-4)
    assert second["held_out_loss"] == pytest.approx(first["held_out_loss"], rel=1e-3)
    alone, shared = (state["learner"] for state in states)
    for name, value in alone.items():
        # Biases start at 0, and those before a norm stay there but for rounding: they are
        # measured by the weights beside them.
        size = alone.get(name.replace("bias", "weight"), value).double().norm()
        assert (shared[name] - value).double().norm() <= 1e-4 * size, name
    (two / "siamfc-slim.safetensors").unlink()  # as if it had not ended
    done = _pursuit(*words, str(two))
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "run of 2 processes, this is one of 1 process" in done.stderr


def test_a_batch_that_the_processes_cannot_share_is_refused(tmp_path: Path) -> None:
    done = _together(2, "train", "siamfc-paper", f"data={tmp_path}", "batch=5", "--device", "cpu")
    assert done.returncode != 0
    assert "error: a batch of 5 pairs cannot be shared evenly by 2 processes" in done.stderr


def test_a_loss_that_is_not_a_number_names_step_and_pairs(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_SECONDS", 0)
    out = tmp_path / "run"
    words = ["train", "siamfc-paper", f"data={store}", *RECIPE, "pairs=40", "optim.lr_last=1e30"]
    done = run(*words, "--device", "cpu", "--out", out)
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert re.match(r"error: the (loss is|weights are) not a number any more at step 1\d, ", line)
    assert re.search(r"whose pairs are of (clip\d, ){3}clip\d;", line)
    assert f"the last good checkpoint is {out / 'checkpoint.pt'};" in line
    state = torch.load(out / "checkpoint.pt", weights_only=True)
    # The eleventh step spoilt the weights; they were numbers still.
    assert state["step"] == 10
    assert all(bool(value.isfinite().all()) for value in state["learner"].values())
    assert not list(out.glob("*.safetensors"))


def test_a_store_too_small_for_its_batch_is_refused(store: Path, tmp_path: Path) -> None:
    words = ["train", "siamfc-paper", f"data={store}", *RECIPE, "batch=19", "--device", "cpu"]
    done = _pursuit(*words, "--out", str(tmp_path / "run"))
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "has 18 crops for the recipe to draw from, too few for a batch of 19" in done.stderr
    assert not (tmp_path / "run").exists()


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


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["siamfc-slim"], "none of the 18 videos that data.held_out names"),
        (["siamfc-slim"], "'data.held_out=[]' holds nothing out"),
        (["siamfc-3s", "data.held_out=[]"], "add data.still=0, or curate a COCO data set with"),
        (["siamfc-slim", "data.held_out=[]", "data.still=0"], "add data.unlabelled=0, or curate"),
        (["empty.yaml"], "recipe empty.yaml is empty: "),
    ],
)
def test_other_data_and_empty_recipes_say_how_to_go_on(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.yaml").touch()
    done = run("train", *words, f"data={store}", "--device", "cpu")
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("rank", "saved", "says"),
    [(0, True, "stopped; the same command goes on from {}\n"), (0, False, ""), (1, True, "")],
)
def test_only_what_can_be_resumed_is_said_to_be(
    store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rank: int,
    saved: bool,
    says: str,
) -> None:
    """Torchrun stops the other processes with SIGTERM where the first has refused the run."""
    world = {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": 2}
    for name, value in {**world, "TORCHELASTIC_RUN_ID": "none"}.items():
        monkeypatch.setenv(name, str(value))

    def stopped(*words: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", stopped)
    checkpoint = tmp_path / "checkpoint.pt"
    if saved:
        checkpoint.touch()
    done = run("train", "siamfc-paper", f"data={store}", *RECIPE, "--out", tmp_path)
    assert (done.returncode, done.stderr) == (130, says.format(checkpoint))


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
