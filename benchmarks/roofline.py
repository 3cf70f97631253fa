"""What each network has to do, and how near each runtime comes to what the machine can do.

    python benchmarks/roofline.py [--threads 2] [--rounds 5] [--write docs/speed.md]

Prints two tables: the operations, weights and values of a frame, counted from the layers; and the
time of the same on each runtime, one target, beside the least time that the machine's peaks allow.
With `--write` they replace those of a page. The full `goturn` has random weights: what it finds
does not change its time.
"""

from __future__ import annotations

import argparse
import datetime
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from goturn_speed import untaught

from pursuit import runtimes, weights
from pursuit.bench import contenders, peaks, speed
from pursuit.bench.contenders import Contender
from pursuit.bench.counts import Layer, goturn_layers, siamfc_layers, trunk
from pursuit.bench.peaks import Peaks
from pursuit.bench.speed import Timing
from pursuit.errors import PursuitError
from pursuit.runtimes.machine import has_fast_bf16
from pursuit.trackers.goturn import GOTURNTracker
from pursuit.trackers.registry import weights_file
from pursuit.trackers.settings import PRESETS, GOTURNSettings, with_changes

BYTES = {"fp32": 4, "bf16": 2, "int8": 1}
SIAMFC = ("siamfc-slim", "siamfc-3s")
FULL = "goturn"

Parts = dict[tuple[str, str], Sequence[Layer]]  # by network and stage


def type_of(runtime: str) -> str:
    """Return the type that a runtime multiplies in."""
    if "int8" in runtime:
        return "int8"
    plain = runtime in ("eager", "onnx") or runtime.endswith("f32")
    return "bf16" if has_fast_bf16() and not plain else "fp32"


def type_in(name: str, stage: str, runtime: str) -> str:
    """Return the type that a runtime multiplies in, in a stage of a network."""
    if name in SIAMFC and stage == "head":
        return "fp32"
    # The full GOTURN does not ship: it has no trunk in 8 bits.
    if (name, stage, runtime) == (FULL, "trunk", "openvino-int8"):
        return type_of("openvino")
    return type_of(runtime)


def full_goturn(views: int) -> tuple[list[Contender], list[str]]:
    """Return `goturn`, 4096 wide, on each runtime there is, and what was left out."""
    found, left_out = [], []
    settings = with_changes(PRESETS[FULL], {"views": views})
    for name in contenders.runtime_names():
        try:
            network = runtimes.compile(untaught(), name)
        except PursuitError as error:
            left_out.append(f"{name} is left out: {error}")
            continue
        found.append(Contender(FULL, name, GOTURNTracker(network, settings)))
    return found, left_out


def parts() -> Parts:
    """Return the layers of a frame with one target, by network and stage."""
    found: Parts = {}
    for name in (*SIAMFC, "goturn-compact", FULL):
        settings = PRESETS[name]
        network = untaught() if name == FULL else weights.read(weights_file(name))[0]
        if isinstance(settings, GOTURNSettings):
            crops = settings.views + (settings.first < 1)
            layers = goturn_layers(network, crops, settings.views)
        else:
            layers = siamfc_layers(network, settings.scales)
        found[name, "trunk"] = trunk(layers)
        found[name, "head"] = layers[len(trunk(layers)) :]
    return found


def counted(work: Parts) -> Iterator[str]:
    """Yield the table of what there is to do."""
    yield "| network | stage | operations, 10^9 | of these conv1 | weights, 10^6 | values, 10^6 |"
    yield "|---|---|---|---|---|---|"
    for (name, stage), layers in work.items():
        operations = sum(layer.operations for layer in layers)
        first = f"{layers[0].operations / operations:.0%}" if stage == "trunk" else ""
        yield (
            f"| {name} | {stage} | {operations / 1e9:.3f} | {first} "
            f"| {sum(layer.weights for layer in layers) / 1e6:.3f} "
            f"| {sum(layer.values for layer in layers) / 1e6:.2f} |"
        )


def least_ms(layers: Sequence[Layer], kind: str, most: Peaks) -> tuple[float, str]:
    """Return the least milliseconds that the peaks allow, and which of them it is."""
    operations = sum(layer.operations for layer in layers)
    read = sum(layer.weights for layer in layers) * BYTES[kind]
    # PyTorch has no product of some types on some processors.
    product = 1e3 * operations / (1e12 * most.products.get(kind, max(most.products.values())))
    copy = 1e3 * read / (1e9 * most.copy)
    return max((product, "product"), (copy, "copy"))


def measured(work: Parts, timings: Sequence[Timing], most: Peaks) -> Iterator[str]:
    """Yield the table of what was measured."""
    yield "| network | stage | runtime | type | ms | TFLOP/s | least ms | by the | of it |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for (name, stage), layers in work.items():
        for one in timings:
            if one.tracker != name:
                continue
            kind = type_in(name, stage, one.runtime)
            took = one.stage_ms[stage]
            least, which = least_ms(layers, kind, most)
            rate = sum(layer.operations for layer in layers) / took / 1e9
            yield (
                f"| {name} | {stage} | {one.runtime} | {kind} | {took:.2f} | {rate:.3f} "
                f"| {least:.2f} | {which} | {least / took:.0%} |"
            )


def described(most: Peaks) -> str:
    """Return the machine, its peaks and the date in words."""
    found = peaks.machine()
    here, versions = found["machine"], found["versions"]
    used = [name for name in ("torch", "openvino", "onnxruntime") if name in versions]
    products = ", ".join(f"{value:.3f} ({name})" for name, value in most.products.items())
    return (
        f"{datetime.date.today().isoformat()}, {here['cpu']}, {here['cores']} cores, "
        f"{here['torch threads']} threads, {here['cpu can']}; "
        f"{', '.join(f'{name} {versions[name]}' for name in used)}. Largest matrix product, "
        f"TFLOP/s: {products}; copy: {most.copy:.1f} GB/s."
    )


def put(page: Path, name: str, text: str) -> None:
    """Replace what stands between two comments of a page."""
    before = page.read_text(encoding="utf-8")
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    after, number = pattern.subn(lambda _: f"{start}\n{text}\n{end}", before)
    if number != 1:
        raise SystemExit(f"{page} has no {start} .. {end}")
    page.write_text(after, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", type=Path, metavar="PAGE")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    work = parts()
    first = "\n".join(counted(work))
    print(first, end="\n\n", flush=True)
    most = peaks.peaks()
    entered, left_out = contenders.load([*SIAMFC, "goturn-compact"])
    full, also = full_goturn(PRESETS[FULL].views)
    timings = speed.measure([*entered, *full], speed.read_clip(), targets=(1,), rounds=given.rounds)
    second = "\n".join([described(most), "", *measured(work, timings, most)])
    print(second)
    busy = peaks.business()
    for line in dict.fromkeys([*left_out, *also, *([busy] if busy else [])]):
        print("note:", line)
    if given.write:
        put(given.write, "counted", first)
        put(given.write, "measured", second)


if __name__ == "__main__":
    main()
