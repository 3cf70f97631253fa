"""GOTURN's Figure 8: errors on objects of classes that training showed often, and on others.

    pursuit evaluate vot VIDEOS --tracker few=goturn:A --tracker full=goturn:B --json scores.json
    python benchmarks/goturn_figure8.py scores.json --classes classes.csv --training training.csv
                                        --videos few=14 --videos full=157 [--out figure8]

SCORES is the JSON of `pursuit evaluate vot` (or `pursuit score vot`). The CSV files have lines
NAME,CLASS: of each object that was judged, and of each training video (of all of them, also where
a network learnt from a part). A class is seen often where 25 or more training videos share it.
Nothing names classes but whoever draws the figure: neither ALOV300++ nor VOT2014 has any. Prints
a table, and leaves figure8.csv, .png and .svg in the folder --out.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pursuit.errors import DataError, PursuitError
from pursuit.files import atomic_path
from pursuit.measures.goturn import errors_by_class, seen_often

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """A network's errors: its training videos, and on each side of the figure."""

    label: str
    videos: int
    often: float
    others: float


def classes(path: Path) -> dict[str, str]:
    """Return name -> class of a CSV file of NAME,CLASS."""
    found: dict[str, str] = {}
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}") from None
    for number, row in enumerate(rows, start=1):
        fields = [field.strip() for field in row]
        if len(fields) != 2 or not all(fields):
            raise DataError(f"{path}:{number}: not NAME,CLASS: {','.join(row)[:40]!r}")
        if fields[0] in found:
            raise DataError(f"{path}:{number}: {fields[0]} is named twice")
        found[fields[0]] = fields[1]
    return found


def counts(one: dict[str, Any], label: str, names: Several[str]) -> Array:
    """Return sums of overlaps, frames that count, failures and frames (4, N) of N objects."""
    lacking = [name for name in names if name not in one["sequences"]]
    if lacking:
        raise DataError(f"{label} has no result on {lacking[0]}: the points would not compare")
    parts = [one["sequences"][name] for name in names]
    rows = [
        (
            (part["accuracy"] or 0) * part["counted"],
            part["counted"],
            part["failures"],
            part["frames"],
        )
        for part in parts
    ]
    return np.array(rows, dtype=np.float64).T


def points(
    scores: dict[str, Any], videos: dict[str, int], judged: dict[str, str], training: dict[str, str]
) -> tuple[list[Point], NDArray[np.bool_]]:
    """Return the points by number of training videos, and which objects are seen often."""
    unknown = [label for label in videos if label not in scores]
    if unknown:
        raise DataError(f"no tracker {unknown[0]} in the scores; there are {', '.join(scores)}")
    names = sorted({name for label in videos for name in scores[label]["sequences"]})
    nameless = [name for name in names if name not in judged]
    if nameless:
        raise DataError(f"{len(nameless)} objects have no class: {', '.join(nameless[:5])}")
    often = seen_often([judged[name] for name in names], list(training.values()))
    order = sorted(videos, key=lambda label: videos[label])
    columns = np.stack([counts(scores[label], label, names) for label in order], axis=1)
    both = zip(order, *errors_by_class(*columns, often), strict=True)
    return [Point(label, videos[label], float(a), float(b)) for label, a, b in both], often


def draw(found: Several[Point], path: Path) -> None:
    from matplotlib.figure import Figure

    from pursuit.reports.drawing import COLOURS, save_figure, style

    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.add_subplot()
    at = [one.videos for one in found]
    for side, colour in (("often", COLOURS[0]), ("others", COLOURS[1])):
        axes.plot(at, [getattr(one, side) for one in found], "o-", color=colour, label=side)
    axes.set(xlabel="training videos", ylabel="overall error 1 - (A + R) / 2")
    axes.legend(title="classes seen", frameon=False)
    style(axes)
    for suffix in ("png", "svg"):
        save_figure(figure, path.with_suffix(f".{suffix}"))


def number_of(text: str) -> tuple[str, int]:
    label, _, count = text.rpartition("=")
    if not label or not count.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not LABEL=NUMBER")
    return label, int(count)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scores", type=Path)
    parser.add_argument("--classes", type=Path, required=True, help="NAME,CLASS of the objects")
    parser.add_argument("--training", type=Path, required=True, help="NAME,CLASS of the videos")
    parser.add_argument("--videos", type=number_of, action="append", required=True)
    parser.add_argument("--out", type=Path, default=Path("figure8"))
    return parser.parse_args()


def main() -> None:
    given = arguments()
    scores = json.loads(given.scores.read_text(encoding="utf-8"))
    training = classes(given.training)
    found, often = points(scores, dict(given.videos), classes(given.classes), training)
    print(f"{often.sum()} objects of classes seen often, {(~often).sum()} others")
    for one in found:
        print(
            f"{one.videos:6d} videos  often {one.often:.3f}  others {one.others:.3f}  {one.label}"
        )
    with atomic_path(given.out / "figure8.csv") as part:
        lines = [f"{one.label},{one.videos},{one.often:.6f},{one.others:.6f}" for one in found]
        part.write_text("\n".join(["label,videos,often,others", *lines, ""]), encoding="utf-8")
    draw(found, given.out / "figure8")


if __name__ == "__main__":
    try:
        main()
    except PursuitError as error:
        sys.exit(f"error: {error}")
