"""Time `pursuit score otb` on the results of 16 trackers on OTB-100.

    python benchmarks/score_otb.py otb100.tar.xz

The archive holds 11 trackers with whole results and one with nearly all (MDnet); four are taken
twice, under another name, to make 16. SiamFC-3s has the 20 runs of TRE. Results and labels are
unpacked into a temporary folder first, which is not timed; the command is, from its
start to its end, three times. Prints seconds by the clock and of the processor.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

TWICE = ("IVT", "SRDCF", "DSST")


def sixteen_trackers(archive: Path, folder: Path) -> tuple[Path, Path]:
    """Unpack results and labels; return their folders."""
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    results, labels = folder / "results", folder / "otb100/anno_TB100"
    shutil.move(folder / "otb100/raw", results)
    shutil.move(folder / "otb100_got10k_toolkit/results/OTB2015", results / "got10k")
    for path in (results / "OPE").iterdir():
        name, _, tracker = path.stem.partition("_")
        if tracker == "CFWLB":  # it lacks four rows in each sequence
            path.unlink()
        elif tracker in TWICE:
            shutil.copy(path, path.with_name(f"{name}_{tracker}again.mat"))
    for path in (results / "SiamFC-3s").glob("*.mat"):
        again = re.sub("siamfc3s$", "siamfc3sagain", path.stem)
        shutil.copy(path, path.with_name(f"{again}.mat"))
    return results, labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    with tempfile.TemporaryDirectory() as name:
        results, labels = sixteen_trackers(parser.parse_args().archive, Path(name))
        words = [str(results), "--ground-truth", str(labels), "--json", f"{name}/scores.json"]
        for _ in range(3):
            began, before = time.perf_counter(), os.times()
            done = subprocess.run(
                [sys.executable, "-m", "pursuit", "score", "otb", *words],
                capture_output=True,
                text=True,
                check=False,
            )
            after, trackers = os.times(), done.stdout.count("/100")
            used = sum(after[2:4]) - sum(before[2:4])
            seconds = time.perf_counter() - began
            print(f"{trackers} trackers: {seconds:.1f} s, {used:.1f} s of the processor")


if __name__ == "__main__":
    main()
