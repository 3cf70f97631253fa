"""Learning on a device: nobody waits for it, neither batches nor steps.

What computes nothing stands in for a GPU: reading anything back from it is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from apart import APART, Watch
from torch import Tensor

from pursuit import store
from pursuit.errors import EngineError
from pursuit.learning import goturn, loop, pool, recipe, rows, siamfc, training
from pursuit.learning.pool import CropPool
from pursuit.learning.world import World
from pursuit.networks import siamfc as siamfc_network

# All that happens to windows happens often.
SIAMFC = ("augment.blur=0.5", "augment.low_resolution=0.5", "augment.surround=1", "data.gray=0.5")
LAID_OVER = ("augment.background=0.6", "augment.look_alike=0.6", "augment.occlusion=0.6")
GOTURN = ("augment.blur=0.5", "augment.low_resolution=0.5", "data.gray=0.5")
METHODS: dict[str, tuple[Any, Callable[..., Tensor], tuple[str, ...]]] = {
    "siamfc-slim": (siamfc, lambda out, batch: siamfc.centre_error(out, batch.offset), SIAMFC),
    "goturn-compact": (goturn, goturn.centre_error, GOTURN),
}


def read(name: str, folder: Path) -> Any:
    plain = (f"data={folder}", "data.held_out=[]", "data.held_out_stills=0", "data.still=0.2")
    return recipe.read(name, (*plain, "batch=6", *METHODS[name][2], *LAID_OVER))


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("name", METHODS)
def test_batches_are_made_without_waiting(name: str, whole: bool, small_store: Path) -> None:
    opened, chosen = store.open(small_store), read(name, small_store)
    there = CropPool(opened, APART, whole=whole)
    assert there.resident == whole
    examples = METHODS[name][0].training_examples(opened, chosen, there, World())
    here = CropPool(opened, torch.device("cpu"))
    same = METHODS[name][0].training_examples(opened, chosen, here, World())
    for step in range(3):
        with Watch() as watch:
            batch = examples.batch(step)
        assert watch.waited == watch.mixed == []
        assert watch.went >= 10
        for found, expected in zip(batch, same.batch(step), strict=True):
            assert found.shape == expected.shape and found.dtype == expected.dtype


@pytest.mark.parametrize("name", METHODS)
def test_steps_are_taken_without_waiting(
    name: str, small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siamfc_network, "in_full", lambda _: nullcontext())
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    (method, error, _), opened = METHODS[name], store.open(small_store)
    chosen = read(name, small_store)
    network = method.build_network(chosen.network).to(APART, memory_format=torch.channels_last)
    is_siamfc = method is siamfc
    learner = method.Learner(network, chosen.loss if is_siamfc else chosen).train()
    optimiser = method.optimiser(network, chosen.optim if is_siamfc else chosen)
    there = CropPool(opened, APART)
    batch = method.training_examples(opened, chosen, there, World()).batch(0)
    with Watch() as watch:
        for _ in range(2):
            loss, output = learner(batch)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            error(output, batch).mean()
    assert watch.waited == watch.mixed == []
    assert watch.went == 0


def test_a_gpu_fetches_from_memory_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[object] = []

    def pin(tensor: Tensor) -> Tensor:
        log.append("pinned")
        return tensor

    def to(tensor: Tensor, device: object, *, non_blocking: bool) -> Tensor:
        log.append((device, non_blocking))
        return tensor

    monkeypatch.setattr(Tensor, "pin_memory", pin)
    monkeypatch.setattr(Tensor, "to", to)
    gpu: Any = SimpleNamespace(type="cuda")
    found = rows.uploaded(np.arange(6).reshape(2, 3)[:, ::-1], gpu)
    assert log == ["pinned", (gpu, True)]
    assert found.tolist() == [[2, 1, 0], [5, 4, 3]]


def test_crops_decoded_by_many_threads_keep_their_places(small_store: Path) -> None:
    opened, chosen = store.open(small_store), np.array([40, 3, 77, 3, 0, 12, 40])
    with ThreadPoolExecutor(4) as threads:
        found = pool._decode(opened, chosen, threads.map)
    assert np.array_equal(found, np.stack([opened.crop(int(row)) for row in chosen]))
    assert len({one.tobytes() for one in found}) == 5


def test_weights_are_asked_once_whether_they_are_numbers() -> None:
    learner = torch.nn.Linear(2, 2)
    held: Any = SimpleNamespace(_learner=learner, _values=[torch.ones(2)])
    assert loop._Loop._finite(held)
    held._values.append(torch.tensor([1.0, torch.inf]))
    assert not loop._Loop._finite(held)
    held._values.pop()
    with torch.no_grad():
        learner.bias[1] = torch.nan
    assert not loop._Loop._finite(held)


def test_a_gpu_too_small_for_a_batch_is_told_in_a_line(
    small_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(loop, "train", full)
    with pytest.raises(EngineError, match="memory to learn from batches of 6: take a smaller"):
        training.train(
            read("siamfc-slim", small_store), "one", tmp_path, device="cpu", tell=lambda _: None
        )
