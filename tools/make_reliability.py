"""Draw docs/images/reliability.png: what the score says against what happens.

    python tools/make_reliability.py VIDEOS

For all shipped weights on both runtimes, on the videos of VIDEOS that their recipe held out; each
video's score by a fit on the others. Prints the expected calibration errors.
"""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib.figure import Figure

from pursuit import weights
from pursuit.protocols import held_out
from pursuit.reports.drawing import COLOURS, save_figure, style
from pursuit.reports.held_out import report

OUT = Path(__file__).parent.parent / "docs" / "images" / "reliability.png"
RUNTIMES = {"tuned": "-", "eager": (0, (2, 2))}


def main() -> None:
    """Judge every network on every runtime and draw the curves into one picture."""
    videos = Path(sys.argv[1])
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.plot((0, 1), (0, 1), color="#999999", linewidth=1.2, label="a score that is the share")
    for colour, (name, path) in zip(COLOURS, weights.shipped().items(), strict=False):
        recipe = held_out.recipe_of(path)
        for runtime, line in RUNTIMES.items():
            sequences = held_out.targets(recipe, videos)
            found = report(list(held_out.run(path, recipe, sequences, runtime))).calibration
            assert found.curve is not None and found.error is not None
            label = f"{name}, {runtime}: error {found.error:.3f}"
            print(label, flush=True)
            curve = found.curve
            axes.plot(curve.score, curve.share, color=colour, linestyle=line, marker="o",
                      markersize=4, linewidth=1.7, label=label)  # fmt: skip
    axes.set(xlabel="score", ylabel="share of boxes that overlap by half", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    style(axes)
    save_figure(figure, OUT)


if __name__ == "__main__":
    main()
