"""GOTURN as a person uses it: weights that fit or do not, and the road from clips to tracking."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest
import torch

from pursuit import store as stores
from pursuit import weights
from pursuit.results import tracks
from pursuit.store.reader import INDEX
from tests.caffemodels import encode, goturn, goturn_layers
from tests.commands import Done, run, run_apart, run_stopped
from tests.conftest import scene

Clip = Callable[..., Path]
BOX = ("--box", "10,40,20,20")
FRAMES = 30
# A network of some thousand values, which a core teaches in seconds.
TINY = (
    "network.channels=[4,8,8,8,8]", "network.hidden=[32,32,16]", "network.norm=batch",
    "network.dropout=0", "network.frozen=false", "network.first=he", "data.still=0",
    "motion.moved=5", "batch=12", "epochs=1", "optim.kind=adamw", "optim.schedule=cosine",
    "optim.lr=0.004", "optim.weight_decay=0", "optim.clip=1000",
)  # fmt: skip


def refused(done: Done, message: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert message in done.stderr


def write_video(folder: Path, *, dark: int = 0) -> None:
    """Write a square that moves 2 px a frame, in GOT-10k's layout.

    It ends in `dark` black frames, whose labels are far from where the square was: any network
    misses it there.
    """
    folder.mkdir(parents=True)
    boxes = np.array([[10 + 2 * number, 40, 20, 20] for number in range(FRAMES)])
    boxes[FRAMES - dark :, :2] = 120, 95
    for number in range(FRAMES):
        frame = scene(number) * (number < FRAMES - dark)
        cv2.imwrite(str(folder / f"{number + 1:08d}.png"), frame[:, :, ::-1])
    np.savetxt(folder / "groundtruth.txt", boxes, delimiter=",", fmt="%d")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    write_video(folder / "clip")
    for name, dark in (("dusk", 12), ("night", 16)):
        write_video(folder / name, dark=dark)
    return folder


@pytest.fixture(scope="module")
def store(videos: Path) -> Path:
    out = videos.parent / "goturn-crops"
    done = run("curate", out, "--videos", videos, "--workers", "1")
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def trained(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a tiny network that learnt the clip by heart."""
    path = tmp_path_factory.mktemp("run") / "goturn-paper.safetensors"
    done = run("train", *learning(store, path.parent))
    assert done.returncode == 0, done.stderr
    assert str(path) in done.stdout
    return path


def learning(store: Path, out: Path) -> list[object]:
    """Return the words after `pursuit train` that make the tiny network."""
    held_out = "data.held_out=[dusk,night]"
    words = [*TINY, held_out, "pairs=1200", "--device", "cpu", "--out", out]
    return ["goturn-paper", f"data={store}", *words]


def test_what_was_learnt_follows(trained: Path, videos: Path, tmp_path: Path) -> None:
    words = ["--tracker", "goturn", "--weights", trained, "--save", tmp_path / "a.csv"]
    done = run("track", videos / "clip", *BOX, *words)
    assert done.returncode == 0, done.stderr
    assert f"{FRAMES} frames" in done.stderr
    rows = tracks.read(tmp_path / "a.csv")
    # It ends three widths from where it started, where a box that stays would.
    assert np.abs(rows.boxes[:, 0] - (10 + 2 * rows.frames)).max() < 5
    assert np.abs(rows.boxes[:, 1] - 40).max() < 5
    assert np.abs(rows.boxes[:, 2:] / 20 - 1).max() < 0.5


def test_what_was_learnt_is_judged(trained: Path, videos: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    tracker, scores = f"goturn:{trained}", tmp_path / "scores.json"
    words = ["--tracker", tracker, "--out", tmp_path / "out", "--json", scores]
    done = run("evaluate", "otb", videos, *words)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(scores.read_text(encoding="utf-8")).values()
    assert not found["failed"]
    assert found["sequences"]["clip"]["auc"] > 0.7 > found["sequences"]["night"]["auc"]


def test_what_was_learnt_is_reported_on_held_out_videos(
    trained: Path, store: Path, videos: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    learnt = trained.read_bytes()
    done = run("train", *learning(store, trained.parent), "--report", videos)
    assert done.returncode == 0, done.stderr
    assert trained.read_bytes() == learnt  # the run had ended
    report = json.loads((trained.parent / "report.json").read_text(encoding="utf-8"))
    assert list(report["targets"]) == ["dusk", "night"]
    fit, place = report["calibration"], weights.card_path(trained)
    card = weights.read_card(place)
    assert fit["doubt"] is None and fit["folds"] == 2 and fit["error"] < 0.2
    assert 0.4 < fit["good"] < 0.6  # of 58 frames those that are not black
    assert card.scores["held-out auc"] == pytest.approx(report["auc"]["mean"], abs=1e-4)
    assert card.scores["held-out calibration error"] == pytest.approx(fit["error"], abs=1e-4)
    assert card.score_scale == pytest.approx(fit["score_scale"], rel=1e-5)
    assert card.score_offset == pytest.approx(fit["score_offset"], rel=1e-5)

    # Scores are now what the card says: high while the square is there, low in the dark.
    save = tmp_path / "a.csv"
    words = ["--tracker", f"goturn:{trained}", "--save", save]
    done = run("track", videos / "night", *BOX, *words)
    assert done.returncode == 0, done.stderr
    scores = tracks.read(save).scores
    assert scores[1 : FRAMES - 16].mean() > 0.7 and scores[FRAMES - 16 :].mean() < 0.3

    weights.write_card(place, card.with_values(scores={}, score_scale=3.0, score_offset=0.7))
    done = run("evaluate", "held-out", videos, trained, "--out", tmp_path / "again")
    assert done.returncode == 0, done.stderr
    again = json.loads((tmp_path / "again" / "report.json").read_text(encoding="utf-8"))
    assert again == report
    assert weights.read_card(place) == card


def test_weights_and_tracker_must_fit(trained: Path, videos: Path) -> None:
    clip = videos / "clip"
    for tracker, path, says in (
        ("goturn-compact", "siamfc-slim", "a SiamFC network and goturn-compact needs GOTURN's"),
        ("siamfc-slim", trained, "a GOTURN network and siamfc-slim needs SiamFC's"),
    ):
        refused(run("track", clip, *BOX, "--tracker", tracker, "--weights", path), says)
        refused(run("evaluate", "otb", videos, "--tracker", f"{tracker}:{path}"), says)
    done = run("track", clip, *BOX, "--tracker", "goturn")
    refused(done, "name a file, goturn:PATH")
    assert "its authors' tracker.caffemodel or what you trained" in done.stderr


def _classifier() -> dict[str, list[np.ndarray]]:
    return {"ip1": [np.ones((10, 64), np.float32), np.ones(10, np.float32)]}


def _opencvs() -> dict[str, list[np.ndarray]]:
    layers = goturn_layers(goturn())
    towers = {f"conv{tower}{i}": layers[f"conv{i}"] for tower in (1, 2) for i in range(1, 6)}
    end = [np.ones((4, 10), np.float32), np.ones(4, np.float32)]
    return {**towers, "fc6": layers["fc6-new"], "fc7": layers["fc7-new"], "fc8": end}


def _trunk() -> dict[str, list[np.ndarray]]:
    layers = goturn_layers(goturn())
    return {name: arrays for name, arrays in layers.items() if name[-1].isdigit()}


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        (_classifier, "no layer conv1: the weights of another network"),
        (_opencvs, "a GOTURN as OpenCV has it, which is another network"),
        (_trunk, "a trunk to start a training of GOTURN from, not a tracker"),
    ],
)
def test_a_caffemodel_of_another_network(
    layers: Callable[[], Mapping[str, list[np.ndarray]]], says: str, videos: Path, tmp_path: Path
) -> None:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(encode(layers()))
    done = run("track", videos / "clip", *BOX, "--tracker", "goturn", "--weights", path)
    refused(done, f"{path} holds ")
    assert says in done.stderr


def test_a_caffemodel_is_tracked_with_and_cut_off_refused(videos: Path, tmp_path: Path) -> None:
    path, save = tmp_path / "net.caffemodel", tmp_path / "a.csv"
    whole = encode(goturn_layers(goturn()))
    path.write_bytes(whole)
    words = ["--tracker", f"goturn:{path}", "--save", save, "--max-frames", 3]
    done = run("track", videos / "clip", *BOX, *words)
    assert done.returncode == 0, done.stderr
    assert np.isfinite(tracks.read(save).boxes).all()
    for data in (whole[:-100], whole[: len(whole) // 2], whole[:2]):
        path.write_bytes(data)
        done = run("track", videos / "clip", *BOX, *words)
        refused(done, f"{path} is not a whole .caffemodel")


def test_one_may_start_from_the_authors_trunk(store: Path, tmp_path: Path) -> None:
    path, network = tmp_path / "init.caffemodel", goturn()
    path.write_bytes(encode(_trunk()))
    form = ["network.channels=[4,6,8,8,4]", "network.hidden=[12,10,8]"]
    words = [f"data={store}", *form, "data.still=0", "batch=4", "pairs=8", "epochs=1"]
    words += [f"network.start={path}", "--device", "cpu", "--out", tmp_path / "run"]
    done = run("train", "goturn-paper", *words)
    assert done.returncode == 0, done.stderr
    learnt, card = weights.read_goturn(tmp_path / "run" / "goturn-paper.safetensors")
    # The paper's trunk is not learnt; the file has half precision.
    kept = dict(learnt.trunk.named_parameters())
    for name, value in network.trunk.named_parameters():
        torch.testing.assert_close(kept[name].detach(), value.detach(), rtol=1e-3, atol=1e-4)
    assert "init.caffemodel" in [source.name for source in card.data]
    words += ["network.channels=[4,8,8,8,8]", "--out", tmp_path / "wide"]
    done = run("train", "goturn-paper", *words)
    refused(done, "has channels (4, 6, 8, 8, 4) in groups (1, 2, 1, 2, 2); it cannot start (4, 8,")


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_an_interrupted_run_resumes_to_the_same_weights(store: Path, tmp_path: Path) -> None:
    words = ["train", "goturn-paper", f"data={store}", *TINY, "network.dropout=0.5", "pairs=360"]
    words += ["--device", "cpu", "--out"]
    # All in processes of their own: other tests change this one's number of threads.
    assert run_apart(*words, tmp_path / "whole").returncode == 0
    out = tmp_path / "stopped"
    stopped = run_stopped(9, signal.SIGINT, *words, out)
    assert stopped.returncode == 130, stopped.stderr
    told = f"stopped; the same command goes on from {out / 'checkpoint.pt'}\n"
    assert stopped.stderr.endswith(told)
    # The step that was interrupted, the tenth, is done.
    assert torch.load(out / "checkpoint.pt", weights_only=True)["step"] == 10
    done = run_apart(*words, out)
    assert done.returncode == 0, done.stderr
    whole, resumed = (
        (folder / "goturn-paper.safetensors").read_bytes() for folder in (tmp_path / "whole", out)
    )
    assert whole == resumed


def test_a_video_with_a_single_label_gives_no_pair(
    videos: Path, write_clip: Clip, tmp_path: Path
) -> None:
    folder, crops = tmp_path / "videos", tmp_path / "crops"
    folder.mkdir()
    write_clip(folder / "clip.mp4", 3)
    (folder / "clip.csv").write_text("frame,object,x,y,w,h\n1,0,12,40,20,20\n", encoding="utf-8")
    done = run("data", "check", folder)
    assert done.returncode == 0 and "labelled once" in done.stdout
    assert run("curate", crops, "--videos", folder, "--workers", "1").returncode == 0
    done = run(
        "train", "goturn-videos", f"data={crops}", "network.frozen=false", "--out", tmp_path / "run"
    )
    refused(done, "curate videos whose objects are labelled in two frames or more")
    assert not (tmp_path / "run").exists()


def test_a_still_whose_box_fills_it_is_left_out(tmp_path: Path) -> None:
    folder, crops = tmp_path / "stills", tmp_path / "crops"
    (folder / "images").mkdir(parents=True)
    picture = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / "images" / "a.png"), picture)
    content = {
        "images": [{"id": 0, "file_name": "a.png"}],
        "annotations": [{"image_id": 0, "bbox": [0, 0, 80, 60]}],
    }
    (folder / "annotations.json").write_text(json.dumps(content), encoding="utf-8")
    assert run("curate", crops, "--stills", folder, "--workers", "1").returncode == 0
    done = run(
        "train", "goturn-images", f"data={crops}", "network.frozen=false", "--out", tmp_path / "run"
    )
    refused(done, "none of use: add data.still=0, or curate a COCO data set with --stills; boxes")
    assert "boxes that fill 66% of a picture's side are left out" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_store_of_format_1_is_to_be_made_anew(store: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for path in store.iterdir():
        if path.is_file():
            (old / path.name).write_bytes(path.read_bytes())
    with pa.memory_map(str(store / INDEX)) as source:
        table = pa.ipc.open_file(source).read_all().drop_columns(["place", "frame_size"])
        about = table.schema.metadata[b"store"].replace(b'"version": 2', b'"version": 1')
        content = pa.BufferOutputStream()
        with pa.ipc.new_file(content, table.schema.with_metadata({b"store": about})) as writer:
            writer.write_table(table.replace_schema_metadata({b"store": about}))
    (old / INDEX).write_bytes(content.getvalue().to_pybytes())
    assert stores.open(old).place is None
    done = run("train", "goturn-paper", f"data={old}", *TINY, "--out", tmp_path / "run")
    refused(done, f"the store {old} is of format 1, ")
    assert "curate anew, to another folder" in done.stderr
    assert not (tmp_path / "run").exists()
