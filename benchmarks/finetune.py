"""What fine-tuning gains on a kind of clip that the shipped network is poor at.

    python benchmarks/finetune.py FOLDER [--threads 1]

Generates clips of a night camera into FOLDER: no colours, a fifth of the contrast, noise,
a small car among others. Eight are learnt from, as a user's own clips would be (curate,
train siamfc-finetune), and eight others are tracked with siamfc-slim's weights and with the
new ones. Prints the AUC of each clip before and after; minutes on one core.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from pursuit import video
from pursuit.datasets import open_videos
from pursuit.datasets.synthetic import Scene
from pursuit.frames import Frame
from pursuit.learning import recipe as recipes
from pursuit.learning import training
from pursuit.learning.loop import Report
from pursuit.measures import otb
from pursuit.protocols.otb import follow
from pursuit.store.curate import curate
from pursuit.trackers.registry import load

CLIPS, FRAMES = 8, 60
CONTRAST, NOISE = 0.2, 8.0  # of the scene's; gray levels


def night(frames: Iterator[Frame], seed: int) -> Iterator[Frame]:
    """Yield the frames (H, W, 3) as the night camera sees them."""
    rng = np.random.default_rng(seed)
    for frame in frames:
        gray = 100 + CONTRAST * (frame.mean(axis=2) - 100)
        gray += rng.normal(0, NOISE, gray.shape)
        yield np.repeat(np.clip(np.rint(gray), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def write_clips(folder: Path, first_seed: int) -> None:
    """Write NAME.mp4 with NAME.csv for each clip; the seed decides which."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(first_seed, first_seed + CLIPS):
        film = Scene(
            frames=FRAMES, seed=seed, target=(20, 14), shape="car", speed=4, look_alikes=8,
            background_speed=2,
        ).film()  # fmt: skip
        path = folder / f"night--{seed}.mp4"
        with video.write(path, fps=25) as writer:
            for frame in night(film.frames(), seed):
                writer.write(frame)
        rows = [
            f"{number},car,{x:.2f},{y:.2f},{w:.2f},{h:.2f}"
            for number, (x, y, w, h) in enumerate(film.boxes)
        ]
        text = "\n".join(["frame,object,x,y,w,h", *rows]) + "\n"
        path.with_suffix(".csv").write_text(text, encoding="utf-8")


def aucs(clips: Path, weights: Path | None) -> dict[str, float]:
    """Return the AUC of each clip, tracked with these weights or the shipped ones."""
    tracker = load("siamfc-slim", weights=weights, device="cpu")
    return {
        one.name: otb.auc(otb.success_curve(follow(tracker, one).boxes, one.boxes))
        for one in open_videos(clips)
    }


def fine_tune(folder: Path) -> Path:
    """Return weights learnt from the training clips: curate and train, as the commands do."""
    curate(folder / "crops", [folder / "train"], workers=1)
    chosen = recipes.read("siamfc-finetune", [f"data={folder / 'crops'}"])

    def tell(report: Report) -> None:
        left = (report.steps - report.step) * chosen.batch / report.pairs_per_second
        print(f"step {report.step}/{report.steps}: loss {report.loss:.3f}, {left:.0f} s left")

    trained = training.train(chosen, "siamfc-finetune", folder / "run", tell=tell)
    assert trained is not None  # it was not told to stop early
    return trained.weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(given.threads)
    start = time.monotonic()
    write_clips(given.folder / "train", 0)
    write_clips(given.folder / "held-out", 100)
    made = time.monotonic()
    weights = fine_tune(given.folder)
    learnt = time.monotonic()
    before = aucs(given.folder / "held-out", None)
    after = aucs(given.folder / "held-out", weights)
    for name in before:
        print(f"{name:12} AUC {before[name]:.3f} -> {after[name]:.3f}")
    means = [float(np.mean(list(each.values()))) for each in (before, after)]
    print(
        f"mean of {len(before)} clips: AUC {means[0]:.3f} -> {means[1]:.3f}; clips "
        f"{made - start:.0f} s, curating and training {learnt - made:.0f} s, tracking "
        f"{time.monotonic() - learnt:.0f} s, {given.threads} threads"
    )


if __name__ == "__main__":
    main()
