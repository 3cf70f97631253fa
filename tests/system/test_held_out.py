"""`pursuit train --report` and `pursuit evaluate held-out` as a person runs them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
import torch

from pursuit import cli, store, weights
from pursuit.datasets.synthetic import Scene
from pursuit.learning import recipe
from pursuit.networks.siamfc import SiamFC
from pursuit.protocols import held_out
from tests.commands import run as run_here
from tests.commands import run_apart

pytest.importorskip("matplotlib")

SMALL = ("network.channels=[4,8,8,8,8]", "batch=4", "pairs=60", "epochs=1", "optim.lr=0.001")
HELD = "data.held_out=[clip1,clip2]"
FIGURES = {
    "held-out auc",
    "held-out p20",
    "held-out centre error px",
    "held-out calibration error",
}


def write_videos(root: Path, names: list[str], frames: int, dark: int = 0) -> Path:
    """Write generated sequences in GOT-10k's layout.

    But for the first, they end in `dark` black frames, the target far from where it was: any
    network misses it there, and its peaks are low.
    """
    for number, name in enumerate(names):
        scene = Scene(160, 120, frames, target=(30, 24), speed=1 + 5 * (number % 2), seed=number)
        film, folder = scene.film(), root / name
        folder.mkdir(parents=True)
        boxes, light = film.boxes.copy(), frames - dark * (number > 0)
        boxes[light:, 0] = (boxes[light:, 0] + 80) % 130
        for index, frame in enumerate(film.frames(), 1):
            frame[:] *= index <= light
            picture = cv2.imencode(".png", frame[:, :, ::-1])[1].tobytes()
            (folder / f"{index:08d}.png").write_bytes(picture)
        rows = "".join(",".join(f"{value:.2f}" for value in box) + "\n" for box in boxes)
        (folder / "groundtruth.txt").write_text(rows, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_videos(tmp_path_factory.mktemp("data"), ["clip0", "clip1", "clip2"], 8, dark=3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, videos: Path) -> tuple[Path, list[str], str]:
    """Return a run's folder, the words that trained and judged it, and what they printed."""
    folder = tmp_path_factory.mktemp("run")
    done = run_apart("curate", folder / "crops", "--videos", videos, "--workers", "1")
    assert done.returncode == 0, done.stderr
    words = ["train", "siamfc-paper", f"data={folder / 'crops'}", *SMALL, HELD, "--device", "cpu"]
    words += ["--out", str(folder / "out"), "--report", str(videos)]
    done = run_apart(*words)
    assert done.returncode == 0, done.stderr
    return folder / "out", words, done.stdout


@pytest.fixture
def judged(run: tuple[Path, list[str], str], tmp_path: Path) -> Iterator[Path]:
    """Give a copy of the run's weights and card."""
    for suffix in (".safetensors", ".json"):
        source = run[0] / f"siamfc-paper{suffix}"
        (tmp_path / source.name).write_bytes(source.read_bytes())
    return tmp_path / "siamfc-paper.safetensors"


def test_train_reports_on_the_held_out_videos(run: tuple[Path, list[str], str]) -> None:
    folder, _, said = run
    table = said[said.index("target") :].splitlines()
    assert max(map(len, table[:10])) <= 80
    rows = {line.split()[0]: line.split()[1:] for line in table if line.strip()}
    assert "clip0" not in rows
    found = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert list(found["targets"]) == ["clip1", "clip2"]
    for name, target in found["targets"].items():
        assert rows[name] == [
            "8",
            f"{target['auc']:.3f}",
            f"{target['precision20']:.3f}",
            f"{target['centre_error']:.1f}",
        ]
    mean = sum(target["auc"] for target in found["targets"].values()) / 2
    assert found["auc"]["mean"] == pytest.approx(mean)
    assert rows["mean"][3:5] == ["16", f"{mean:.3f}"]
    assert f"of the score: {found['calibration']['error']:.3f} (2 folds" in said
    for name in ("reliability.png", "reliability.svg"):
        assert (folder / name).stat().st_size > 5000


def test_the_card_says_what_was_found(run: tuple[Path, list[str], str]) -> None:
    card = weights.read_card(run[0] / "siamfc-paper.json")
    found = json.loads((run[0] / "report.json").read_text(encoding="utf-8"))
    assert set(card.scores) == FIGURES
    assert card.scores["held-out auc"] == pytest.approx(found["auc"]["mean"], abs=1e-4)
    assert card.score_scale == pytest.approx(found["calibration"]["score_scale"], rel=1e-5)
    assert card.score_offset == pytest.approx(found["calibration"]["score_offset"], rel=1e-5)
    assert (card.score_scale, card.score_offset) != (1, 0)
    weights.read(run[0] / "siamfc-paper.safetensors")  # card and weights still fit


def test_a_run_that_has_ended_only_reports(run: tuple[Path, list[str], str]) -> None:
    folder, words, said = run
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    report, card = ((folder / name).read_bytes() for name in ("report.json", "siamfc-paper.json"))
    done = run_apart(*words)
    assert done.returncode == 0, done.stderr
    after = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    changed = {name for name in before if before[name] != after[name]}
    assert "report.json" in changed
    assert not changed & {"siamfc-paper.safetensors", "checkpoint.pt", "log"}
    # The card has the fit by now: the report does not hear of it.
    again = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert again["targets"] == json.loads(report)["targets"]
    assert (folder / "siamfc-paper.json").read_bytes() == card
    assert done.stdout.splitlines()[2:] == said.splitlines()[2:]


def test_weights_in_a_file_are_judged_alike(
    run: tuple[Path, list[str], str], judged: Path, videos: Path, tmp_path: Path
) -> None:
    place = weights.card_path(judged)
    card = weights.read_card(place)
    forgotten = card.with_values(scores={"otb-dev auc": 0.5}, score_scale=1.0, score_offset=0.0)
    weights.write_card(place, forgotten)
    done = run_apart("evaluate", "held-out", videos, judged, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert f"card: {place}" in done.stdout
    own, first = (
        json.loads((folder / "report.json").read_text(encoding="utf-8"))
        for folder in (tmp_path / "out", run[0])
    )
    assert own["targets"] == first["targets"]
    found = weights.read_card(place)
    assert found.scores == {"otb-dev auc": 0.5, **card.scores}
    assert found.score_scale == pytest.approx(card.score_scale, rel=1e-4)


def test_a_fit_to_one_video_is_not_written(
    judged: Path, videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    place = weights.card_path(judged)
    card = weights.read_card(place)
    own = re.sub(r"\s*- clip2\b", "", card.recipe)
    assert own != card.recipe
    before = card.with_values(recipe=own, scores={}, score_scale=7.0, score_offset=0.3)
    weights.write_card(place, before)
    assert cli.main(["evaluate", "held-out", str(videos), str(judged), "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "the card keeps its score_scale and score_offset: only one video\n" in said
    found = weights.read_card(place)
    assert (found.score_scale, found.score_offset) == (7.0, 0.3)
    assert set(found.scores) == FIGURES - {"held-out calibration error"}
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["calibration"]["doubt"] == "only one video"


def test_shipped_weights_are_judged_and_their_card_stays(tmp_path: Path) -> None:
    names = list(recipe.read("siamfc-slim").data.held_out)
    root = write_videos(tmp_path / "videos", names, 3)
    place = weights.card_path(weights.find("siamfc-slim"))
    before = place.read_bytes()
    done = run_apart("evaluate", "held-out", root, "siamfc-slim", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert place.read_bytes() == before and "card:" not in done.stdout
    found = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert set(found["targets"]) == set(names)
    assert found["calibration"]["folds"] == 18 and found["calibration"]["frames"] == 36
    assert found["auc"]["mean"] > 0.6  # easy pictures, a network that has learnt


def test_an_interrupt_leaves_the_old_card(
    judged: Path, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, followed = held_out.run, []

    def interrupted(*words: object, **more: object) -> Iterator[held_out.Followed]:
        followed.append(next(real(*words, **more)))  # type: ignore[arg-type]
        yield followed[0]
        raise KeyboardInterrupt

    monkeypatch.setattr(held_out, "run", interrupted)
    before = weights.card_path(judged).read_bytes()
    out = tmp_path / "out"
    assert cli.main(["evaluate", "held-out", str(videos), str(judged), "--out", str(out)]) == 130
    assert len(followed) == 1
    assert weights.card_path(judged).read_bytes() == before and not out.exists()


def test_a_missing_video_shows_before_training(
    run: tuple[Path, list[str], str], videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    store = run[1][2]
    words = ["train", "siamfc-paper", store, *SMALL, "--report", str(videos), "--out"]
    for held, says in (
        ("data.held_out=[clip1,clip7]", f"{videos} does not hold the held-out video clip7"),
        ("data.held_out=[]", "holds no videos out"),
    ):
        assert cli.main([*words, str(tmp_path / "out"), held]) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ") and said.count("\n") == 1
        assert says in said
    assert not (tmp_path / "out").exists()


def test_weights_that_cannot_be_judged_are_named(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    foreign = tmp_path / "foreign.pth"
    torch.save(SiamFC().state_dict(), foreign)
    for name, says in (
        ("siamfc-slm", "no weights siamfc-slm (did you mean siamfc-slim?)"),
        ("nowhere.safetensors", "; shipped weights: goturn-compact, siamfc"),
        (str(foreign), "foreign.pth"),
        ("siamfc-slim", "does not hold the held-out video davis2016_val--bmx-trees"),
    ):
        assert cli.main(["evaluate", "held-out", str(videos), name]) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ") and said.count("\n") == 1
        assert says in said


@pytest.mark.parametrize("fault", ["labels", "frame"])
def test_a_bad_video_costs_no_other(judged: Path, videos: Path, tmp_path: Path, fault: str) -> None:
    root, out = tmp_path / "videos", tmp_path / "out"
    shutil.copytree(videos, root)
    (root / "clip0" / "groundtruth.txt").write_text("of no matter", encoding="utf-8")  # learnt from
    if fault == "labels":
        bad = root / "clip2" / "groundtruth.txt"
        bad.write_text("a,b,c,d\n" * 8, encoding="utf-8")
        why = f"{bad}:1: x, y, w, h must be numbers; got 'a,b,c,d'"
    else:
        bad = root / "clip2" / "00000005.png"  # met when clip1 has been followed
        bad.write_bytes(b"no picture")
        why = f"{bad} is not a picture that can be read"
    before = weights.card_path(judged).read_bytes()
    done = run_here("evaluate", "held-out", root, judged, "--out", out)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"left out: clip2: {why}")
    lines = done.stdout.splitlines()
    assert line in lines
    assert "* of the sequences that could be followed: the card stays as it is" in lines
    (mean,) = [row for row in lines if "mean of 1 target*" in row]
    (own,) = [row for row in lines if row.split()[:1] == ["clip1"]]
    assert mean.split()[-4:] == own.split()[-4:]
    assert not any(row.split()[:1] in (["clip0"], ["clip2"]) for row in lines)
    assert weights.card_path(judged).read_bytes() == before and "card:" not in done.stdout
    found = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert list(found["targets"]) == ["clip1"]
    assert f"left out: clip2: {found['left_out']['clip2']}" == line

    shutil.copy(videos / "clip2" / bad.name, bad)
    done = run_here("evaluate", "held-out", root, judged, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert (list(found["targets"]), found["left_out"]) == (["clip1", "clip2"], {})
    assert "mean of 2 targets " in done.stdout and "card:" in done.stdout


def test_where_no_held_out_video_is_good_nothing_is_judged(
    judged: Path, videos: Path, tmp_path: Path
) -> None:
    root = tmp_path / "videos"
    shutil.copytree(videos, root)
    for name in ("clip1", "clip2"):
        (root / name / "00000001.png").write_bytes(b"no picture")
    done = run_here("evaluate", "held-out", root, judged, "--out", tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    *named, last = done.stderr.splitlines()
    starts = [["left out", "clip1"], ["left out", "clip2"]]
    assert [line.split(": ")[:2] for line in named] == starts
    assert last == "error: nothing can be judged: no held-out sequence is good"
    assert not (tmp_path / "out").exists()


def test_a_bad_held_out_video_shows_before_training(
    run: tuple[Path, list[str], str], videos: Path, tmp_path: Path
) -> None:
    root = tmp_path / "videos"
    shutil.copytree(videos, root)
    (root / "clip0" / "groundtruth.txt").write_text("of no matter", encoding="utf-8")
    (root / "clip2" / "groundtruth.txt").write_text("1,2,3,4\n" * 7, encoding="utf-8")
    words = ["train", "siamfc-paper", run[1][2], *SMALL, HELD, "--report", root]
    done = run_here(*words, "--out", tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: the held-out clip2 cannot be used: ")
    assert f"{root / 'clip2' / 'groundtruth.txt'}: 7 boxes for 8 pictures" in line
    assert not (tmp_path / "out").exists()


def write_stills(root: Path, number: int) -> Path:
    """Write generated pictures with two boxes each, and their COCO file."""
    (root / "images").mkdir(parents=True)
    images, boxes = [], []
    for index in range(number):
        scene = Scene(160, 120, 2, target=(30, 24), seed=100 + index)
        film = scene.film()
        picture = cv2.imencode(".png", next(film.frames())[:, :, ::-1])[1].tobytes()
        (root / "images" / f"{index}.png").write_bytes(picture)
        images.append({"id": index, "file_name": f"{index}.png"})
        box = film.boxes[0].tolist()
        boxes += [{"image_id": index, "bbox": box}, {"image_id": index, "bbox": [40, 30, 25, 20]}]
    content = {"images": images, "annotations": boxes}
    (root / "annotations.json").write_text(json.dumps(content), encoding="utf-8")
    return root


def test_held_out_stills_are_judged_beside_the_videos(videos: Path, tmp_path: Path) -> None:
    stills, crops, out = write_stills(tmp_path / "stills", 12), tmp_path / "crops", tmp_path / "out"
    done = run_here("curate", crops, "--videos", videos, "--stills", stills, "--workers", "1")
    assert done.returncode == 0, done.stderr
    words = ["siamfc-paper", f"data={crops}", *SMALL, HELD, "data.held_out_stills=0.5"]
    words += ["data.still=0.3", "--device", "cpu", "--out", out, "--report", videos]
    done = run_here("train", *words)
    assert done.returncode == 0, done.stderr
    assert re.search(r"; held out: loss .* px; stills: loss \d\.\d+ error \d+\.\d px", done.stderr)
    found = json.loads((out / "report.json").read_text(encoding="utf-8"))["stills"]
    held = store.open(crops).objects
    assert 0 < found["pictures"] < 12 and found["targets"] == 2 * found["pictures"]
    assert f"{found['targets']} targets of {found['pictures']} held-out stills" in done.stdout
    weights_file = out / "siamfc-paper.safetensors"
    card = weights.read_card(weights.card_path(weights_file))
    learnt = sum(entry.kind == "still" for entry in held) - found["targets"]
    assert f"{learnt} objects, still" in [source.note for source in card.data]
    assert card.scores["held-out stills p16"] == round(found["near"]["mean"], 4)

    words = ["evaluate", "held-out", videos, weights_file, "--out", tmp_path / "again"]
    done = run_here(*words)
    assert done.returncode == 0, done.stderr
    assert "its held-out stills were not judged: add --crops STORE" in done.stdout
    done = run_here(*words, "--crops", crops)
    assert done.returncode == 0, done.stderr
    again = json.loads((tmp_path / "again" / "report.json").read_text(encoding="utf-8"))["stills"]
    # Weights are kept in half precision, and both are judged as kept: not a digit differs.
    assert again == found
    assert weights.read_card(weights.card_path(weights_file)).scores == card.scores


def test_crops_that_have_no_held_out_stills_are_named(
    run: tuple[Path, list[str], str], judged: Path, videos: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["evaluate", "held-out", str(videos), str(judged), "--crops"]
    crops = run[1][2].removeprefix("data=")
    assert cli.main([*words, crops]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    assert f"the recipe of {judged} held no stills out: leave --crops out" in said
    place = weights.card_path(judged)
    card = weights.read_card(place)
    asked = card.recipe.replace("  max_gap:", "  held_out_stills: 0.5\n  max_gap:")
    weights.write_card(place, card.with_values(recipe=asked))
    for folder, says in (
        (crops, "holds out none of the 0 labelled stills"),
        ("nowhere", "no store at nowhere"),
    ):
        assert cli.main([*words, folder]) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ") and said.count("\n") == 1
        assert says in said
