from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pursuit import weights
from pursuit.errors import PursuitError, RecipeError, SettingsError
from pursuit.learning import recipe, training
from pursuit.learning.loop import Report
from pursuit.networks.siamfc import EXEMPLAR, SEARCH

SMALL = (
    "network.channels=[4,8,8,8,8]",
    "batch=4",
    "pairs=16",
    "epochs=2",
    "data.still=0.25",
    "data.held_out=[video0]",
    "optim.lr=0.001",
)


def _recipe(store: Path, *more: str) -> recipe.Recipe:
    return recipe.read("siamfc-paper", [f"data={store}", *SMALL, *more])


def _train(chosen: recipe.Recipe, out: Path, **options: object) -> tuple[list[Report], object]:
    told: list[Report] = []
    trained = training.train(chosen, "small", out, tell=told.append, **options)  # type: ignore[arg-type]
    return told, trained


def test_training_leaves_weights_with_a_card(small_store: Path, tmp_path: Path) -> None:
    told, trained = _train(_recipe(small_store), tmp_path)
    assert isinstance(trained, training.Trained)
    network, card = weights.read(trained.weights)
    maps = network(torch.zeros(1, 3, EXEMPLAR, EXEMPLAR), torch.zeros(1, 3, SEARCH, SEARCH))
    assert maps.shape == (1, 17, 17)
    assert card.channels == (4, 8, 8, 8, 8)
    assert [(source.name, source.note) for source in card.data] == [
        ("generated", "8 objects, still"),
        ("generated", "5 objects, video"),
    ]
    assert len(card.curves["loss"]) == 2 and "still: 0.25" in card.recipe
    assert told[-1].step == told[-1].steps == 8
    assert list((tmp_path / "log").iterdir())


def test_a_run_that_stopped_goes_on_bit_for_bit(small_store: Path, tmp_path: Path) -> None:
    chosen = _recipe(small_store)
    _train(chosen, tmp_path / "whole")
    _, first = _train(chosen, tmp_path / "parts", stop_after=3)
    assert first is None
    _train(chosen, tmp_path / "parts")
    whole, parts = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)
        for name in ("whole", "parts")
    )
    assert whole["step"] == parts["step"] == 8
    for name, value in whole["learner"].items():
        assert torch.equal(value, parts["learner"][name]), name


def test_a_run_from_weights_resumes_bit_for_bit_and_keeps_their_card(
    small_store: Path, tmp_path: Path
) -> None:
    _, first = _train(_recipe(small_store, "epochs=1"), tmp_path / "first")
    assert isinstance(first, training.Trained)
    network, card = weights.read(first.weights)
    changed = card.with_values(licence="for research", score_offset=2.5)
    weights.save(first.weights, network, changed)
    chosen = _recipe(small_store, f"network.start={first.weights}", "data.share=0.3")
    _train(chosen, tmp_path / "whole")
    _train(chosen, tmp_path / "parts", stop_after=3)
    _, trained = _train(chosen, tmp_path / "parts")
    whole, parts = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["learner"]
        for name in ("whole", "parts")
    )
    for name, value in whole.items():
        assert torch.equal(value, parts[name]), name
    assert isinstance(trained, training.Trained)
    _, card = weights.read(trained.weights)
    assert (card.licence, card.score_offset) == ("for research", 2.5)
    assert [source.note for source in card.data] == [
        "8 objects, still",
        "2 objects, video",
        "8 objects, still (by way of small)",
        "5 objects, video (by way of small)",
    ]


def test_a_run_that_has_ended_keeps_its_card(small_store: Path, tmp_path: Path) -> None:
    chosen = _recipe(small_store, "epochs=1")
    _, trained = _train(chosen, tmp_path)
    assert isinstance(trained, training.Trained)
    card = weights.read_card(weights.card_path(trained.weights))
    judged = card.with_values(score_scale=0.5, scores={"held-out auc": 0.5})
    weights.write_card(weights.card_path(trained.weights), judged)
    told, again = _train(chosen, tmp_path)
    assert again == trained and told == []
    assert weights.read_card(weights.card_path(trained.weights)) == judged
    whole = trained.weights.read_bytes()
    trained.weights.write_bytes(whole[:-1])
    _train(chosen, tmp_path)
    assert trained.weights.read_bytes() == whole


def test_the_loss_falls_on_easy_pairs(small_store: Path, tmp_path: Path) -> None:
    chosen = _recipe(small_store, "pairs=160", "epochs=1", "optim.lr=0.01")
    told, _ = _train(chosen, tmp_path)
    chosen = _recipe(small_store, "pairs=4", "epochs=1")
    first, _ = _train(chosen, tmp_path / "first")
    assert told[-1].held_out_loss is not None and first[-1].held_out_loss is not None
    assert told[-1].held_out_loss < 0.8 * first[-1].held_out_loss


def test_a_checkpoint_of_another_recipe_is_refused(small_store: Path, tmp_path: Path) -> None:
    _train(_recipe(small_store), tmp_path, stop_after=1)
    with pytest.raises(RecipeError, match="another recipe"):
        _train(_recipe(small_store, "optim.lr=0.002"), tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"PK\x03\x04 half of it")
    with pytest.raises(RecipeError, match="cannot be read"):
        _train(_recipe(small_store), tmp_path)


def test_a_loss_that_is_not_a_number_stops_the_run(small_store: Path, tmp_path: Path) -> None:
    chosen = _recipe(small_store, "optim.lr=1e30", "precision=32-true")
    with pytest.raises(PursuitError, match="not a number any more at step"):
        _train(chosen, tmp_path)


def test_momentum_starts_anew_each_epoch_where_asked(small_store: Path, tmp_path: Path) -> None:
    def last(*more: str) -> torch.Tensor:
        out = tmp_path / ("-".join(more) or "kept")
        _train(_recipe(small_store, *more), out)
        state = torch.load(out / "checkpoint.pt", weights_only=True)
        return state["learner"]["network.trunk.0.0.weight"]  # type: ignore[no-any-return]

    assert not torch.equal(last(), last("optim.reset_momentum=true"))


def test_a_recipe_without_a_store_and_an_unknown_device_say_so(tmp_path: Path) -> None:
    chosen = recipe.read("siamfc-paper")
    with pytest.raises(RecipeError, match="data=PATH"):
        _train(chosen, tmp_path)
    with pytest.raises(SettingsError, match="cpu, cuda or auto"):
        _train(_recipe(tmp_path), tmp_path, device="tpu")
