"""Time a frame of GOTURN against OpenCV's CSRT, in turn (A B A B), frames in memory.

    python benchmarks/goturn_speed.py VIDEO X,Y,W,H [--weights FILE] [--threads 2] [--rounds 5]
                                      [--frames 100]

The full `goturn`, 4096 wide, and `goturn-compact`, each with one view, as in the paper, and with
three, which give the score. The full network has random weights whose answer is that the target
stays: what it finds does not change its time. `--weights` are `goturn-compact`'s, where not the
shipped ones. Prints what against_csrt.py prints.
"""

from __future__ import annotations

from pathlib import Path

import torch
from against_csrt import arguments, compare

import pursuit
from pursuit import runtimes
from pursuit.networks.goturn import CONTEXT, GOTURN, OUTPUT, initialise, linears
from pursuit.trackers.base import Tracker
from pursuit.trackers.goturn import GOTURNTracker
from pursuit.trackers.settings import PRESETS, with_changes

VIEWS = (1, 3)


def untaught() -> GOTURN:
    """Return the full network with random weights; it says of any target that it stays."""
    network = GOTURN().eval()
    initialise(network, torch.Generator().manual_seed(0))
    margin = OUTPUT / 2 / CONTEXT
    last = linears(network)[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.tensor([margin, margin, OUTPUT - margin, OUTPUT - margin]))
    return network


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--weights", type=Path, help="of goturn-compact")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)  # the runtime may try what is fastest
    full = runtimes.compile(untaught(), "auto", "cpu")
    trackers: dict[str, Tracker] = {}
    for views in VIEWS:
        settings = with_changes(PRESETS["goturn"], {"views": views})
        trackers[f"goturn, views {views}"] = GOTURNTracker(full, settings)
    for views in VIEWS:
        name = f"goturn-compact, views {views}"
        trackers[name] = pursuit.load(
            "goturn-compact", weights=given.weights, device="cpu", views=views
        )
    compare(given, trackers)


if __name__ == "__main__":
    main()
