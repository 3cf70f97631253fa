"""A workspace of VOT's Python toolkit, in which it has run and judged trackers of ours.

`make test-vot` makes the toolkit's environment, and names it in PURSUIT_VOT_TOOLKIT.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from commands import run

from pursuit.boxes import corners
from pursuit.datasets.synthetic import Scene

TRACKERS = ("opencv-kcf", "opencv-mosse")
MADE_UP = "made-up"  # no program: its results are drawn at random
SIZE = (200, 150)

# Two that are easy, two that lose the trackers; the last ones have polygons for labels.
SCENES = {
    "calm": Scene(*SIZE, frames=70, seed=1, speed=2, target=(40, 30)),
    "fast": Scene(*SIZE, frames=45, seed=2, speed=14, target=(30, 24)),
    "hidden": Scene(*SIZE, frames=40, seed=3, speed=4, target=(30, 24), occlusion=1),
    "turning": Scene(*SIZE, frames=50, seed=4, speed=5, target=(30, 24), scale_change=1.5),
}
POLYGONS = ("hidden", "turning")

_STACK = """title: Generated
experiments:
  baseline:
    type: supervised
    repetitions: 2
    skip_initialize: 5
    analyses:
      - type: supervised_average_ar
        sensitivity: 30
      - type: supervised_eao_score
        low: {low}
        high: {high}
      - type: supervised_ar
        sensitivity: 30
  unsupervised:
    type: unsupervised
    repetitions: 2
    analyses:
      - type: average_accuracy
      - type: accuracy
"""

Vot = Callable[..., str]


@dataclass(frozen=True)
class Workspace:
    """Where the toolkit has run, what it says, and what we say of the same results."""

    folder: Path
    theirs: dict[str, Any]
    ours: dict[str, Any]

    def overall(self, experiment: str, analysis: int, tracker: str) -> list[Any]:
        """Return what the toolkit's analysis of that number in the stack says of a tracker."""
        row = list(self.theirs["trackers"]).index(tracker)
        return self.theirs["results"][experiment]["results"][analysis][row]

    def each(self, experiment: str, analysis: int, tracker: str) -> dict[str, list[Any]]:
        """Return the same, where it says something of each sequence."""
        names = list(self.theirs["sequences"])
        row = list(self.theirs["trackers"]).index(tracker) * len(names)
        values = self.theirs["results"][experiment]["results"][analysis]
        return dict(zip(names, values[row : row + len(names)], strict=True))


@pytest.fixture(scope="session")
def vot(tmp_path_factory: pytest.TempPathFactory) -> Vot:
    """Function that runs the toolkit's command and returns what it printed."""
    home = os.environ.get("PURSUIT_VOT_TOOLKIT")
    if not home:
        pytest.skip("needs VOT's Python toolkit: make test-vot (PURSUIT_VOT_TOOLKIT names it)")
    environment = {
        **os.environ,
        # It asks for newer versions of itself, and puts a film of its own into the folder for
        # temporary files.
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "TMPDIR": str(tmp_path_factory.mktemp("tmp")),
    }

    def command(*words: object, status: int = 0) -> str:
        done = subprocess.run(
            [Path(home) / "bin" / "python", "-m", "vot", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            timeout=300,
            check=False,
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    return command


@pytest.fixture(scope="session")
def workspace(vot: Vot, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a workspace in which everything has run."""
    folder = tmp_path_factory.mktemp("workspace")
    sequences, results = folder / "sequences", folder / "results"
    for name, scene in SCENES.items():
        _write_sequence(sequences / name, scene)
    (sequences / "list.txt").write_text("\n".join(SCENES) + "\n", encoding="utf-8")
    ask = [word for name in TRACKERS for word in ("--tracker", name)]

    # Results with restarts are ours: the toolkit (0.8.0) starts no TraX program in this experiment.
    done = run("evaluate", "vot", sequences, *ask, "--out", results)
    assert done.returncode == 0, done.stderr
    for name in POLYGONS:
        _label_with_polygons(sequences / name, SCENES[name])
    for seed, name in enumerate(SCENES):
        _make_up(results / MADE_UP, name, SCENES[name], np.random.default_rng(seed))

    scores = folder / "ours.json"
    words = ["score", "vot", results, "--ground-truth", sequences, "--rules", "toolkit"]
    done = run(*words, "--json", scores)
    assert done.returncode == 0, done.stderr
    ours = json.loads(scores.read_text(encoding="utf-8"))
    low, high = ours[MADE_UP]["eao_interval"]
    (folder / "stack.yaml").write_text(_STACK.format(low=low, high=high), encoding="utf-8")

    vot("initialize", "--workspace", folder, "--nodownload", folder / "stack.yaml")
    done = run("vot", "add", folder, *ask)
    assert done.returncode == 0, done.stderr
    with (folder / "trackers.ini").open("a", encoding="utf-8") as file:
        file.write(f"\n[{MADE_UP}]\nprotocol = trax\ncommand = none\n")
    said = vot("evaluate", "--workspace", folder, "--experiments", "unsupervised", *TRACKERS)
    assert "concluded" in said, said
    vot("analysis", "--workspace", folder, "--name", "all", "--format", "json")
    theirs = json.loads((folder / "analysis" / "all.json").read_text(encoding="utf-8"))
    return Workspace(folder, theirs, ours)


def _write_sequence(folder: Path, scene: Scene) -> None:
    """Write frames and boxes, in the toolkit's layout that is GOT-10k's too."""
    folder.mkdir(parents=True)
    film = scene.film()
    for number, frame in enumerate(film.frames(), 1):
        data = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1]
        (folder / f"{number:08d}.jpg").write_bytes(data.tobytes())
    _write_rows(folder / "groundtruth.txt", [_row(box) for box in film.boxes])
    about = f"channels.color=%08d.jpg\nfps=30\nwidth={scene.width}\nheight={scene.height}\n"
    (folder / "sequence").write_text(about, encoding="utf-8")


def _label_with_polygons(folder: Path, scene: Scene) -> None:
    """Write the boxes anew, each leaning by an eighth of its width."""
    boxes = scene.film().boxes
    shapes = corners(boxes)
    shapes[:, :2, 0] += boxes[:, 2:3] / 8
    _write_rows(folder / "groundtruth.txt", [_row(shape.ravel()) for shape in shapes])


def _make_up(folder: Path, name: str, scene: Scene, rng: np.random.Generator) -> None:
    """Write two runs of both experiments: the truth, shaken; some over the edge of the frame."""
    boxes = scene.film().boxes
    for number in (1, 2):
        shaken = boxes + rng.normal(0, 5, boxes.shape)
        shaken[:, 2:] = np.maximum(shaken[:, 2:], 3)
        shaken[rng.random(len(boxes)) < 0.1, 0] -= 20
        rows = [_row(box) for box in shaken]
        alone, helped = ["1", *rows[1:]], ["1", *rows[1:]]
        # The second failure leaves fewer than five frames: no start comes after it.
        early, late = int(rng.integers(8, len(rows) // 2)), len(rows) - int(rng.integers(1, 5))
        # One run reaches as far as EAO looks.
        for failed in () if (name, number) == ("calm", 2) else (early, late):
            helped[failed : failed + 6] = ["2", "0", "0", "0", "0", "1"][: len(rows) - failed]
        file = f"{name}/{name}_{number:03d}.txt"
        _write_rows(folder / "baseline" / file, helped)
        _write_rows(folder / "unsupervised" / file, alone)


def _row(numbers: np.ndarray) -> str:
    return ",".join(f"{value:.4f}" for value in numbers)


def _write_rows(path: Path, rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
