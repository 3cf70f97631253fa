"""Choosing a runtime: a short trial of all there are, remembered for a machine and a network."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import pursuit
from pursuit.errors import EngineError, OutputError
from pursuit.files import atomic_path
from pursuit.networks import goturn, siamfc
from pursuit.networks.goturn import GOTURN
from pursuit.networks.siamfc import SiamFC
from pursuit.runtimes.failures import first_line, left_out
from pursuit.runtimes.machine import cpu_features, cpu_name, version

_SECONDS = 0.6  # of a race between two runtimes, once both are warm
_ROUNDS = 20  # at most
_FORM = 3  # of what runs the engines: trials from before it was made faster say nothing of it


class Trial(BaseModel):
    """What a trial found; `facts` are what it holds for.

    Attributes:
        facts: machine, versions, network, runtimes tried.
        runtime: the fastest.
        milliseconds: of a call, by runtime, in the last race that it was in.
        failed: why a runtime cannot run this network here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    facts: dict[str, Any]
    runtime: str
    milliseconds: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]]
    failed: dict[str, str]


def fastest(
    makers: Mapping[str, Callable[[], Any]],
    network: SiamFC | GOTURN,
    modules: Sequence[str],
    eight_bit: bool = False,
) -> Any:
    """Return what the fastest of some makers makes, by a trial, or as a trial found before.

    A maker that raises EngineError is left out; why is said by a warning, at the trial only.

    Args:
        makers: of the network compiled, by runtime; the first does not fail.
        network: what they compile.
        modules: the engines in use besides PyTorch; a trial holds for their versions.
        eight_bit: whether the trunk is there in 8-bit integers; without it, GOTURN's head is.
    """
    facts = _facts(network, [*makers], modules, eight_bit)
    file = _file(facts)
    known = _recall(file, facts)
    if known is not None and known.runtime in makers:
        # One that no longer works is found out by another trial.
        with suppress(EngineError):
            return makers[known.runtime]()
    made, trial = _try(makers, update_of(network), facts)
    # Without a place to remember it, it is measured each time.
    with suppress(OutputError), atomic_path(file) as part:
        part.write_text(trial.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return made


def cache_folder() -> Path:
    """Return the folder where this user's programs keep what can be made again."""
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "pursuit"


def update_of(network: SiamFC | GOTURN) -> Callable[[Any], Any]:
    """Return what calls a compiled network as a tracker does: one target, three windows.

    It returns what the network says.
    """
    rng = np.random.default_rng(0)
    if isinstance(network, SiamFC):
        target = rng.integers(0, 256, (1, siamfc.EXEMPLAR, siamfc.EXEMPLAR, 3), np.uint8)
        search = rng.integers(0, 256, (3, siamfc.SEARCH, siamfc.SEARCH, 3), np.uint8)
        return lambda compiled: compiled.score(compiled.embed(target), compiled.embed(search))
    crops = rng.integers(0, 256, (4, goturn.CROP, goturn.CROP, 3), np.uint8)

    def regress(compiled: Any) -> Any:
        features = compiled.embed(crops)
        return compiled.regress(features[:1], features[1:])

    return regress


def _facts(
    network: SiamFC | GOTURN, runtimes: Sequence[str], modules: Sequence[str], eight_bit: bool
) -> dict[str, Any]:
    """Return what decides which runtime is the fastest; the weights' values do not."""
    return {
        "cpu": cpu_name(),
        "cpu can": [name for name, able in cpu_features().items() if able],
        "threads": torch.get_num_threads(),
        "versions": {name: version(name) for name in ("torch", *modules)},
        "pursuit": [pursuit.__version__, _FORM],
        "network": repr(network.shape),
        "runtimes": [*runtimes],
        "8-bit trunk": eight_bit,
    }


def _file(facts: Mapping[str, Any]) -> Path:
    text = json.dumps(facts, sort_keys=True)
    return cache_folder() / "runtimes" / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"


def _recall(file: Path, facts: Mapping[str, Any]) -> Trial | None:
    """Return a remembered trial; None of one that is not there, damaged or of other facts."""
    try:
        trial = Trial.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
    # Who had nobody to race against has won without a time.
    alone = {*trial.failed} == {*facts["runtimes"]} - {trial.runtime}
    won = alone or trial.runtime in trial.milliseconds
    return trial if trial.facts == facts and won else None


def _try(
    makers: Mapping[str, Callable[[], Any]],
    work: Callable[[Any], object],
    facts: Mapping[str, Any],
) -> tuple[Any, Trial]:
    """Return what the winner makes, and the trial: each races against the best before it.

    No more than two are in memory at a time.
    """
    (best, maker), *others = makers.items()
    champion = maker()
    times: dict[str, float] = {}
    failed: dict[str, str] = {}
    causes: set[tuple[str, str]] = set()
    for name, maker in others:
        try:
            challenger = maker()
            mine, its = _race(partial(work, champion), partial(work, challenger))
        except EngineError as error:
            failed[name] = str(error)
            # An engine that is broken fails in each of its forms.
            cause = name.partition("-")[0], first_line(error.__cause__ or error)
            if cause not in causes:
                left_out(error)
            causes.add(cause)
            continue
        times[best], times[name] = mine, its
        if its < mine:
            best, champion = name, challenger
    return champion, Trial(facts=dict(facts), runtime=best, milliseconds=times, failed=failed)


def _race(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """Return the milliseconds that calls of two take, the least of several, in turn."""
    for _ in range(2):  # the first calls prepare what later ones find
        first(), second()
    least = [float("inf")] * 2
    end = time.perf_counter() + _SECONDS
    for done in range(_ROUNDS):
        if done >= 2 and time.perf_counter() > end:
            break
        for i, call in enumerate((first, second)):
            started = time.perf_counter()
            call()
            least[i] = min(least[i], 1e3 * (time.perf_counter() - started))
    return round(least[0], 3), round(least[1], 3)
