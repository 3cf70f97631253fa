"""The figures of speed that are asked for, measured in one run, in turn (A B A B).

    python benchmarks/speed_figures.py [CLIP X,Y,W,H] [--nano BACKBONE.onnx,HEAD.onnx]
                                       [--threads 2] [--rounds 5] [--no-bf16]

Each tracker counts on its fastest runtime, which is named. Without a clip it is the one that comes
with pursuit. `--no-bf16` measures as on a processor that has neither bfloat16 nor AMX: run both;
with `ONEDNN_MAX_CPU_ISA=AVX2_VNNI` set too, as on a laptop that has no AVX-512 either.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence

import torch
from roofline import FULL, SIAMFC, full_goturn, type_of

from pursuit import weights
from pursuit.bench import contenders, peaks, speed
from pursuit.bench.counts import siamfc_layers, trunk
from pursuit.bench.peaks import Peaks
from pursuit.bench.speed import Timing, times
from pursuit.runtimes.machine import cpu_features, has_fast_bf16
from pursuit.trackers.opencv import NANO
from pursuit.trackers.registry import weights_file

SLIM, PAPER = SIAMFC

Row = tuple[str, str, str, str]  # what, asked without AMX, asked with AMX, measured


def without_bf16() -> None:
    """Let PyTorch say that this processor has no bfloat16, as most have none, and engines use none.

    Both have a oneDNN, which asks the variable when it is first used.
    """
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_VNNI")
    for check in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        setattr(torch.cpu, check, lambda: False)


def fastest(timings: Sequence[Timing], tracker: str, targets: int = 1) -> Timing:
    """Return the timing of a tracker on its fastest runtime."""
    rows = [one for one in timings if one.tracker == tracker and one.targets == targets]
    return min(rows, key=lambda one: one.median_ms)


def against(one: Timing, other: Timing) -> str:
    text = f"**{times(one, other):.2f} x** ({one.median_ms:.2f} ms, {one.runtime}"
    return f"{text}; {other.median_ms:.2f} ms)"


def rows(timings: Sequence[Timing], many: Sequence[Timing], most: Peaks) -> Iterator[Row]:
    """Yield the figures; `many` are siamfc-slim's with 1 and with 8 targets."""
    slim, paper = fastest(timings, SLIM), fastest(timings, PAPER)
    csrt = fastest(timings, contenders.MAIN_PEER)
    yield "siamfc-slim against CSRT", "0.3 / 0.12 x", "0.2 / 0.08 x", against(slim, csrt)
    if any(one.tracker == NANO for one in timings):
        nano = fastest(timings, NANO)
        yield "siamfc-slim against Nano", "1.5 / 0.7 x", "1.0 / 0.5 x", against(slim, nano)
    yield "siamfc-3s against CSRT", "1.5 / 1.0 x", "0.5 / 0.3 x", against(paper, csrt)
    (eager,) = (one for one in timings if (one.tracker, one.runtime) == (PAPER, "eager"))
    faster = f"**{times(eager, paper):.2f} x** ({eager.median_ms:.2f} and {paper.median_ms:.2f} ms)"
    yield "siamfc-3s against eager fp32, faster by", "4 / 6 x", "9 / 14 x", faster
    full = fastest(timings, FULL)
    pace = f"**{full.pace.fps:.1f}** ({full.runtime})"
    yield "goturn, 4096 wide, one view, frames/s", "35 / 70", "80 / 130", pace
    one, eight = fastest(many, SLIM), fastest(many, SLIM, 8)
    share = times(eight, one) / 8
    each = f"**{share:.2f} x** ({eight.median_ms / 8:.2f} ms, {eight.runtime})"
    yield "siamfc-slim, 8 targets, time of each against 1", "0.8 / 0.5 x", "0.7 / 0.5 x", each
    for tracker in (slim, paper):
        parts = tracker.stage_ms
        rest = sum(parts[name] for name in ("cut", "decode", "rest"))
        split = ", ".join(f"{name} {parts[name]:.2f}" for name in ("cut", "decode", "rest"))
        what = f"{tracker.tracker}: all but the network, ms"
        yield what, "1.2 / 0.5", "1.2 / 0.5", f"**{rest:.2f}** ({split})"
    asked = {PAPER: ("100 %", "90 %"), SLIM: ("60 / 90 %", "40 / 80 %")}
    asked_int8 = {PAPER: ("180 / 220 %", "130 / 180 %"), SLIM: ("- / above 100 %", "-")}
    for name in (PAPER, SLIM):
        for whole, wanted in ((False, asked), (True, asked_int8)):
            some = [one for one in timings if (type_of(one.runtime) == "int8") == whole]
            if any(one.tracker == name for one in some):
                yield trunk_row(fastest(some, name), *wanted[name], most)


def trunk_row(one: Timing, plain: str, amx: str, most: Peaks) -> Row:
    network, _ = weights.read(weights_file(one.tracker))
    work = sum(layer.operations for layer in trunk(siamfc_layers(network, 3)))
    rate, kind = work / one.stage_ms["trunk"] / 1e9, type_of(one.runtime)
    # Without bfloat16 in hardware its product says nothing.
    asked = "bf16" if has_fast_bf16() else "fp32"
    product, own = most.products[asked], most.products.get(kind, most.products[asked])
    text = f"**{rate / product:.0%}** ({rate:.3f} of {product:.3f} TFLOP/s"
    if kind != asked:
        text += f"; {rate / own:.0%} of the {kind} product"
    what = f"{one.tracker}'s trunk{' in int8' * (kind == 'int8')} against the {asked} product"
    return what, plain, amx, f"{text}; {one.runtime})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", nargs="?")
    parser.add_argument("box", nargs="?", metavar="X,Y,W,H")
    parser.add_argument("--nano", metavar="BACKBONE,HEAD")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-bf16", action="store_true")
    given = parser.parse_args()
    if given.clip and not given.box:
        parser.error("a clip needs a box X,Y,W,H")
    torch.set_num_threads(given.threads)
    if given.no_bf16:
        without_bf16()
    box = [float(part) for part in given.box.split(",")] if given.box else None
    clip = speed.read_clip(given.clip, box)
    busy = peaks.business()
    names = [*SIAMFC, contenders.MAIN_PEER, *([f"{NANO}:{given.nano}"] if given.nano else [])]
    entered, left_out = contenders.load(names)
    most = peaks.peaks()
    full, _ = full_goturn(1)
    timings = speed.measure([*entered, *full], clip, targets=(1,), rounds=given.rounds)
    slim = [one for one in entered if one.name == SLIM]
    many = speed.measure(slim, clip, targets=(1, 8), rounds=given.rounds)
    column = "with" if cpu_features()["amx"] else "without"
    print(f"{clip.name}, {given.threads} threads, {given.rounds} rounds; {column} AMX counts\n")
    print("| what | asked / aim, without AMX | with AMX | measured |\n|---|---|---|---|")
    for row in rows(timings, many, most):
        print("|", " | ".join(row), "|")
    worst = max(one.unrest for one in [*timings, *many])
    print(f"\nRounds differ by {worst:.0%} at most.")
    for line in [*left_out, *([busy] if busy else [])]:
        print("note:", line)


if __name__ == "__main__":
    main()
