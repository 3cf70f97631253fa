"""How the score grows with the data (paper, Table 3): shares of the training videos.

    python benchmarks/data_size.py STORE [VIDEOS] [--shares 2,4,8,16,32,100] [--seeds 3]
                                   [--pairs 20000] [--out runs/data-size] [--threads 2]

Trains siamfc-slim on each share of STORE's videos that its recipe does not hold out, once a
seed, every run on as many pairs. As in the paper, videos are all there is: no stills, and
whatever is pasted comes from the share's own videos. Each run is judged by loss and centre
error on the pairs of the held-out videos; with VIDEOS, the data set that STORE was curated
from, by tracking AUC on them too. The same command goes on where it was stopped. Leaves
data-size.csv, data-size.png and data-size.svg in the folder --out.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from pursuit import store, weights
from pursuit.datasets import open_videos
from pursuit.errors import DataError
from pursuit.files import atomic_path
from pursuit.learning import recipe as recipes
from pursuit.learning import training
from pursuit.learning.examples import learnt_from
from pursuit.learning.loop import Report
from pursuit.learning.recipe import Recipe
from pursuit.measures import otb
from pursuit.protocols.otb import follow
from pursuit.reports.drawing import COLOURS, check_matplotlib, save_figure
from pursuit.trackers.registry import load

EPOCHS = 10  # steps of the rate's schedule
MEASURES = {
    "loss": "held-out loss",
    "centre_error": "held-out centre error, pixels",
    "auc": "AUC on held-out videos",
}


@dataclass(frozen=True)
class Row:
    """A finished run; `auc` is None until it is tracked."""

    share: float  # percent
    seed: int
    pairs: int
    videos: int
    loss: float
    centre_error: float  # pixels
    auc: float | None = None


def recipe_of(given: argparse.Namespace, share: float, seed: int) -> Recipe:
    """Return the recipe of a run: siamfc-slim's, from videos alone and on a small budget."""
    return recipes.read(
        "siamfc-slim",
        [
            f"data={given.store}",
            f"data.share={share / 100}",
            "data.still=0",
            "data.unlabelled=0",
            f"seed={seed}",
            f"epochs={EPOCHS}",
            f"pairs={given.pairs // EPOCHS}",
            f"optim.warmup={min(300, given.pairs // 160)}",
        ],
    )


def run(recipe: Recipe, share: float, out: Path, tell: Callable[[Report], None]) -> Row:
    """Train a run, or go on with it, and return what it reached; kept in `out/row.json`."""
    kept = out / "row.json"
    if kept.is_file():
        return Row(**json.loads(kept.read_text(encoding="utf-8")))
    trained = training.train(recipe, "siamfc-slim", out, tell=tell)
    assert trained is not None  # it was not told to stop early
    curves = weights.read_card(weights.card_path(trained.weights)).curves
    objects = learnt_from(store.open(recipe.data.store), recipe.data, recipe.seed)
    row = Row(
        share=share,
        seed=recipe.seed,
        pairs=recipe.pairs * recipe.epochs,
        videos=len({entry.video for entry in objects}),
        loss=curves["held-out loss"][-1],
        centre_error=curves["held-out centre error, pixels"][-1],
    )
    keep(row, out)
    return row


def keep(row: Row, out: Path) -> None:
    with atomic_path(out / "row.json") as part:
        part.write_text(json.dumps(asdict(row)) + "\n", encoding="utf-8")


def tracked(row: Row, out: Path, videos: Path, held_out: Sequence[str]) -> Row:
    """Return the row with the mean AUC of the run's weights on the held-out videos."""
    if row.auc is not None:
        return row
    tracker = load("siamfc-slim", weights=out / "siamfc-slim.safetensors", device="cpu")
    sequences = [one for one in open_videos(videos) if one.video in held_out]
    if not sequences:
        raise DataError(f"{videos} holds none of the videos that the recipe holds out")
    scores = [
        otb.auc(otb.success_curve(follow(tracker, one).boxes, one.boxes)) for one in sequences
    ]
    row = replace(row, auc=float(np.mean(scores)))
    keep(row, out)
    return row


def write_csv(rows: Sequence[Row], path: Path) -> None:
    with atomic_path(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def draw(rows: Sequence[Row], out: Path) -> None:
    """Write the plot: for each measure the mean of the seeds over the share, and their spread."""
    from matplotlib.figure import Figure

    shown = {
        name: title
        for name, title in MEASURES.items()
        if all(getattr(row, name) is not None for row in rows)
    }
    figure = Figure(figsize=(4 * len(shown), 3.6), layout="constrained")
    for index, (name, title) in enumerate(shown.items()):
        draw_measure(figure.add_subplot(1, len(shown), index + 1), rows, name, title)
    for kind in ("png", "svg"):
        save_figure(figure, out / f"data-size.{kind}")


def draw_measure(axes: Any, rows: Sequence[Row], name: str, title: str) -> None:
    by_share: dict[float, list[float]] = defaultdict(list)
    videos: dict[float, int] = {}
    for row in sorted(rows, key=lambda row: row.share):
        by_share[row.share].append(getattr(row, name))
        videos[row.share] = row.videos
    shares = list(by_share)
    means = [np.mean(values) for values in by_share.values()]
    lows, highs = ([edge(v) for v in by_share.values()] for edge in (min, max))
    axes.fill_between(shares, lows, highs, color=COLOURS[0], alpha=0.18, linewidth=0)
    axes.plot(shares, means, color=COLOURS[0], linewidth=1.9)
    axes.plot(
        [row.share for row in rows], [getattr(row, name) for row in rows],
        "o", color=COLOURS[0], markersize=3.5,
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(shares, [f"{share:g} %\n{videos[share]}" for share in shares], fontsize=8)
    axes.minorticks_off()
    axes.set_xlabel("share of the training videos, and their number")
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


class Clock:
    """Says how far the study is and the time left, by the time its runs have taken so far."""

    def __init__(self, runs: int) -> None:
        self._runs, self._ended = runs, 0
        self._start = time.monotonic()

    def tell(self, title: str, report: Report) -> None:
        """Say where a run is, each time its held-out pairs were judged."""
        if report.held_out_loss is None or report.held_out_error is None:
            return
        done = self._ended + report.step / report.steps
        left = (self._runs - done) * (time.monotonic() - self._start) / done
        print(
            f"[{self._ended + 1}/{self._runs}] {title}, step {report.step}/{report.steps}: "
            f"held out: loss {report.held_out_loss:.3f} error {report.held_out_error:.1f} px; "
            f"{left / 60:.0f} min left",
            flush=True,
        )

    def end(self) -> None:
        """Note the end of a run."""
        self._ended += 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("videos", type=Path, nargs="?")
    parser.add_argument("--shares", default="2,4,8,16,32,100", help="percent, comma between")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=20_000, help="of each run")
    parser.add_argument("--out", type=Path, default=Path("runs/data-size"))
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    given.shares = [float(share) for share in given.shares.split(",")]
    return given


def main() -> None:
    given = arguments()
    check_matplotlib()  # before hours of work
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(given.threads)
    # A seed's whole round first: a study that is stopped early has every share.
    plan = [(share, seed) for seed in range(given.seeds) for share in given.shares]
    folders = {
        (share, seed): given.out / f"{share:g}-percent-seed-{seed}-{given.pairs}-pairs"
        for share, seed in plan
    }
    rows, kept = [], {key for key, out in folders.items() if (out / "row.json").is_file()}
    clock = Clock(len(plan) - len(kept))
    for (share, seed), out in folders.items():
        recipe = recipe_of(given, share, seed)
        title = f"{share:g} % of the videos, seed {seed}"
        row = run(recipe, share, out, lambda report, title=title: clock.tell(title, report))
        if given.videos:
            row = tracked(row, out, given.videos, recipe.data.held_out)
        if (share, seed) not in kept:
            clock.end()
        rows.append(row)
        write_csv(rows, given.out / "data-size.csv")
    draw(rows, given.out)
    for row in rows:
        auc = "" if row.auc is None else f" AUC {row.auc:.3f}"
        print(
            f"{row.share:5g} % {row.videos:4d} videos, seed {row.seed}: loss {row.loss:.3f} "
            f"error {row.centre_error:.1f} px{auc}"
        )
    print(f"{given.out / 'data-size.csv'}, data-size.png, data-size.svg")


if __name__ == "__main__":
    main()
