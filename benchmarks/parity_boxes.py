"""Compare our SiamFC-3s, with the authors' network, with the boxes that the authors published.

    python benchmarks/parity_boxes.py OTB_FOLDER otb100.tar.xz siamfc-3s-colour-int8.npz

OTB_FOLDER holds sequences in any layout that `pursuit evaluate otb` reads; the archive holds
raw/SiamFC-3s/NAME_siamfc3s.mat, a cell array of runs whose first is the OPE run. Prints the
Markdown table of docs/parity.md. Needs the extra `evaluate`.
"""

from __future__ import annotations

import argparse
import io
import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

import pursuit
from pursuit import boxes
from pursuit.datasets import open_videos
from pursuit.measures import otb
from pursuit.protocols.otb import follow


def published_boxes(archive: Path, names: list[str]) -> dict[str, NDArray[np.float64]]:
    """Return the authors' OPE boxes (T, 4) by sequence, moved to count from 0."""
    # Jogging-1 here is Jogging_1 there.
    wanted = {f"{name.replace('-', '_')}_siamfc3s.mat": name for name in names}
    found = {}
    with tarfile.open(archive) as files:
        for member in files:
            name = wanted.get(Path(member.name).name)
            handle = files.extractfile(member) if name and member.isfile() else None
            if name and handle:
                runs = loadmat(io.BytesIO(handle.read()), squeeze_me=True)["results"]
                found[name] = runs[0]["res"].item().astype(np.float64) - [1, 1, 0, 0]
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sequences", type=Path)
    parser.add_argument("published", type=Path)
    parser.add_argument("network", type=Path)
    parser.add_argument("--only", default="", help="names, comma between")
    given = parser.parse_args()
    tracker = pursuit.load("siamfc-3s", weights=given.network, device="cpu")
    only = given.only.split(",") if given.only else []
    sequences = [s for s in open_videos(given.sequences) if not only or s.name in only]
    theirs = published_boxes(given.published, [s.name for s in sequences])
    print("| sequence | frames | authors' AUC | ours | mean overlap of ours with theirs |")
    print("|---|---|---|---|---|")
    rows = []
    for sequence in sequences:
        ours, other = follow(tracker, sequence).boxes, theirs[sequence.name]
        truth = sequence.boxes
        row = (
            otb.auc(otb.success_curve(other, truth)),
            otb.auc(otb.success_curve(ours, truth)),
            float(boxes.overlap(ours, other).mean()),
        )
        rows.append(row)
        numbers = " | ".join(f"{value:.3f}" for value in row)
        print(f"| {sequence.name} | {len(sequence)} | {numbers} |", flush=True)
    mean = " | ".join(f"{value:.3f}" for value in np.mean(rows, axis=0))
    print(f"| **mean** | {sum(len(s) for s in sequences)} | {mean} |")


if __name__ == "__main__":
    main()
