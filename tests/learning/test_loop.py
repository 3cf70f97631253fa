from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from pursuit import store, weights
from pursuit.errors import PursuitError, RecipeError, SettingsError, StoreError
from pursuit.learning import checkpoints, loop, recipe, training
from pursuit.learning.examples import PairSampler
from pursuit.learning.loop import Report
from pursuit.learning.recipe import NetworkRecipe
from pursuit.learning.world import World
from pursuit.networks.siamfc import EXEMPLAR, SEARCH, SiamFC

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


def test_held_out_stills_are_judged_beside_the_videos(small_store: Path, tmp_path: Path) -> None:
    chosen = _recipe(small_store, "data.held_out_stills=0.5")
    told, trained = _train(chosen, tmp_path)
    assert isinstance(trained, training.Trained)
    _, card = weights.read(trained.weights)
    assert card.data[0].note == "5 objects, still"
    ends = [report for report in told if report.epoch is not None]
    for name, values in (
        ("held-out stills loss", [one.held_out_stills_loss for one in ends]),
        ("held-out stills centre error, pixels", [one.held_out_stills_error for one in ends]),
        ("held-out loss", [one.held_out_loss for one in ends]),
    ):
        assert card.curves[name] == pytest.approx(values, abs=1e-4) and len(values) == 2
    assert card.curves["held-out stills loss"] != card.curves["held-out loss"]
    assert recipe.parse(card.recipe, "card").data.held_out_stills == 0.5
    alone = _train(
        _recipe(small_store, "data.held_out_stills=0.5", "data.held_out=[]"), tmp_path / "b"
    )
    assert alone[0][-1].held_out_loss is None and alone[0][-1].held_out_stills_loss is not None


def test_a_last_step_that_spoils_the_weights_is_named(small_store: Path, tmp_path: Path) -> None:
    # Its own loss is still a number; the weights after it are, too.
    chosen = _recipe(small_store, "pairs=4", "optim.lr_last=1e30", "optim.clip=0")
    with pytest.raises(PursuitError, match=r"^the held-out loss is not a number .* at step 2, wh"):
        _train(chosen, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_cards_of_runs_without_held_out_stills_stay_as_they_were(
    small_store: Path, tmp_path: Path
) -> None:
    _, trained = _train(_recipe(small_store, "epochs=1"), tmp_path)
    assert isinstance(trained, training.Trained)
    _, card = weights.read(trained.weights)
    assert "held_out_stills" not in card.recipe
    assert list(card.curves) == ["loss", "held-out loss", "held-out centre error, pixels"]


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


QUICK = ("pairs=8", "epochs=1", "data.held_out=[]")
FORM = NetworkRecipe(channels=(4, 8, 8, 8, 8))


def _first_weights(path: Path, network: SiamFC) -> Path:
    """Write weights whose card says what weights that go on from them have to say too."""
    card = weights.card_for(
        network.shape,
        name="first",
        data=[weights.Source(name="films", licence="CC0-1.0", note="3 objects, video")],
        licence="for research",
        score_scale=4.0,
        score_offset=2.5,
    )
    weights.save(path, network, card)
    return path


def _without_card(checkpoint: Path) -> None:
    """Make a checkpoint what it was before checkpoints held cards."""
    state = torch.load(checkpoint, weights_only=True)
    del state["card"]
    torch.save(state, checkpoint)


def test_a_run_on_other_data_is_refused_ended_or_stopped(
    small_store: Path, other_store: Path, tmp_path: Path
) -> None:
    _, ended = _train(_recipe(small_store, *QUICK), tmp_path / "ended")
    _train(_recipe(small_store, *QUICK), tmp_path / "stopped", stop_after=1)
    for name in ("ended", "stopped"):
        file = tmp_path / name / "checkpoint.pt"
        before = file.read_bytes()
        with pytest.raises(RecipeError) as raised:
            _train(_recipe(other_store, *QUICK), tmp_path / name)
        assert str(raised.value) == (
            f"checkpoint {file} is of a run on other data than {other_store} holds; give "
            "another --out, or the data it was made with"
        )
        with pytest.raises(StoreError, match=r"no store at .*nowhere"):
            _train(_recipe(tmp_path / "nowhere", *QUICK), tmp_path / name)
        assert file.read_bytes() == before
    moved = _recipe(shutil.copytree(small_store, tmp_path / "moved"), *QUICK)
    assert _train(moved, tmp_path / "ended") == ([], ended)
    told, trained = _train(moved, tmp_path / "stopped")
    assert isinstance(trained, training.Trained) and told[-1].step == 2
    assert weights.read(trained.weights)[1] == weights.read(ended.weights)[1]  # type: ignore[attr-defined]


def test_a_run_from_other_weights_is_refused_ended_or_stopped(
    small_store: Path, trained: Callable[[NetworkRecipe], SiamFC], tmp_path: Path
) -> None:
    network = trained(FORM)
    one = _first_weights(tmp_path / "one" / "w.safetensors", network)
    with torch.no_grad():
        network.bias.add_(1)
    two = _first_weights(tmp_path / "two" / "w.safetensors", network)
    chosen = _recipe(small_store, *QUICK, f"network.start={one}")
    _, ended = _train(chosen, tmp_path / "ended")
    _train(chosen, tmp_path / "stopped", stop_after=1)
    for name in ("ended", "stopped"):
        for other in (str(two), "siamfc-slim"):
            with pytest.raises(RecipeError, match=re.escape(f"other weights than {other};")):
                _train(_recipe(small_store, *QUICK, f"network.start={other}"), tmp_path / name)
        with pytest.raises(RecipeError, match="no checkpoint or weights file gone"):
            _train(_recipe(small_store, *QUICK, "network.start=gone"), tmp_path / name)
    assert _train(chosen, tmp_path / "ended") == ([], ended)


def test_a_run_resumes_without_the_weights_it_started_from(
    small_store: Path, trained: Callable[[NetworkRecipe], SiamFC], tmp_path: Path
) -> None:
    first = _first_weights(tmp_path / "first.safetensors", trained(FORM))
    chosen = _recipe(small_store, *QUICK, f"network.start={first}")
    _, whole = _train(chosen, tmp_path / "whole")
    _train(chosen, tmp_path / "parts", stop_after=1)
    first.unlink()
    first.with_suffix(".json").unlink()
    _, parts = _train(chosen, tmp_path / "parts")
    assert _train(chosen, tmp_path / "parts") == ([], parts)
    one, two = (weights.read(run.weights)[1] for run in (whole, parts))  # type: ignore[attr-defined]
    assert one == two
    assert (two.licence, two.score_scale, two.score_offset) == ("for research", 4.0, 2.5)
    assert two.data[-1].note == "3 objects, video (by way of first)"
    assert "start: first.safetensors" in two.recipe


def test_a_run_from_a_checkpoint_keeps_its_data_and_licence(
    small_store: Path, trained: Callable[[NetworkRecipe], SiamFC], tmp_path: Path
) -> None:
    first = _first_weights(tmp_path / "first.safetensors", trained(FORM))
    _train(_recipe(small_store, *QUICK, f"network.start={first}"), tmp_path / "one")
    checkpoint = tmp_path / "one" / "checkpoint.pt"
    chosen = _recipe(small_store, *QUICK, f"network.start={checkpoint}", "data.still=0")
    _, two = _train(chosen, tmp_path / "two")
    card = weights.read(two.weights)[1]  # type: ignore[attr-defined]
    assert (card.licence, card.score_scale, card.score_offset) == ("for research", 4.0, 2.5)
    assert [(source.licence, source.note) for source in card.data] == [
        ("unknown", "6 objects, video"),
        ("unknown", "8 objects, still (by way of small)"),
        ("CC0-1.0", "3 objects, video (by way of first) (by way of small)"),
    ]
    _without_card(checkpoint)
    _, three = _train(chosen, tmp_path / "three")
    card = weights.read(three.weights)[1]  # type: ignore[attr-defined]
    assert card.licence == ""
    assert [(source.name, source.licence, source.note) for source in card.data] == [
        ("generated", "unknown", "6 objects, video"),
        ("checkpoint.pt", "unknown", "first weights; their data is not known"),
    ]


def test_runs_from_before_their_data_was_noted_go_on(
    small_store: Path, other_store: Path, tmp_path: Path
) -> None:
    _, ended = _train(_recipe(small_store, *QUICK), tmp_path / "ended")
    assert isinstance(ended, training.Trained)
    path = weights.card_path(ended.weights)
    weights.write_card(path, weights.read_card(path).with_values(roots={}))
    _train(_recipe(small_store, *QUICK), tmp_path / "stopped", stop_after=1)
    for name in ("ended", "stopped"):
        _without_card(tmp_path / name / "checkpoint.pt")
    chosen = _recipe(other_store, *QUICK)
    assert _train(chosen, tmp_path / "ended") == ([], ended)
    told, trained = _train(chosen, tmp_path / "stopped")
    assert isinstance(trained, training.Trained) and told[-1].step == 2
    with pytest.raises(RecipeError, match="other data"):  # noted from here on
        _train(_recipe(small_store, *QUICK), tmp_path / "stopped")


def test_a_run_does_not_write_over_what_it_starts_from(small_store: Path, tmp_path: Path) -> None:
    _, first = _train(_recipe(small_store, *QUICK), tmp_path)
    assert isinstance(first, training.Trained)
    (tmp_path / "checkpoint.pt").unlink()
    before = first.weights.read_bytes()
    with pytest.raises(RecipeError, match=r"would write over .*small.safetensors"):
        _train(_recipe(small_store, *QUICK, f"network.start={first.weights}"), tmp_path)
    assert first.weights.read_bytes() == before


def test_the_loss_falls_on_easy_pairs(small_store: Path, tmp_path: Path) -> None:
    chosen = _recipe(small_store, "pairs=160", "epochs=1", "optim.lr=0.01")
    told, _ = _train(chosen, tmp_path)
    chosen = _recipe(small_store, "pairs=4", "epochs=1")
    first, _ = _train(chosen, tmp_path / "first")
    assert told[-1].held_out_loss is not None and first[-1].held_out_loss is not None
    assert told[-1].held_out_loss < 0.8 * first[-1].held_out_loss


def test_a_checkpoint_of_another_recipe_is_refused(small_store: Path, tmp_path: Path) -> None:
    _train(_recipe(small_store), tmp_path, stop_after=1)
    lr = _recipe(small_store).optim.lr
    with pytest.raises(RecipeError, match=rf"another recipe \(optim.lr: {lr} there, 0.002 here\)"):
        _train(_recipe(small_store, "optim.lr=0.002"), tmp_path)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    torch.save({**state, "world": 2}, tmp_path / "checkpoint.pt")
    with pytest.raises(RecipeError, match="run of 2 processes, this is one of 1 process"):
        _train(_recipe(small_store), tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"PK\x03\x04 half of it")
    with pytest.raises(RecipeError, match="cannot be read"):
        _train(_recipe(small_store), tmp_path)


def test_a_loss_that_is_not_a_number_stops_the_run(small_store: Path, tmp_path: Path) -> None:
    chosen = _recipe(small_store, "optim.lr=1e30", "precision=32-true")
    with pytest.raises(PursuitError, match="not a number any more at step"):
        _train(chosen, tmp_path)


@pytest.mark.parametrize("clip", [0, 1])
def test_a_checkpoint_is_not_replaced_by_weights_that_are_not_numbers(
    clip: int, small_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_SECONDS", 0.0)  # a checkpoint each step
    # Steps 1 to 4 learn; the rate of the second epoch breaks the network.
    changes = ("optim.lr_last=1e30", "precision=32-true", f"optim.clip={clip}")
    chosen = _recipe(small_store, *changes)
    with pytest.raises(PursuitError, match="at step") as raised:
        _train(chosen, tmp_path)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert all(bool(value.isfinite().all()) for value in state["learner"].values())
    step = int(str(raised.value).split("at step ")[1].split(",")[0])
    # Step 5 spoilt the weights, finite still; step 6 shows it. Those of step 4 gave a loss.
    assert (state["step"], step) == (4, 6)
    crops = store.open(small_store)
    pairs = PairSampler(crops, chosen.data, chosen.seed).draw(step - 1, 4)
    names = ", ".join(crops.objects[number].name for number in pairs.objects)
    assert f"whose pairs are of {names};" in str(raised.value)
    assert str(tmp_path / "checkpoint.pt") in str(raised.value)


def test_reports_tell_loader_from_network(small_store: Path, tmp_path: Path) -> None:
    told, _ = _train(_recipe(small_store), tmp_path)
    assert [report.epoch for report in told] == [1, 2]
    for report in told:
        assert 0 <= report.waited < 1 and report.loader > 0
        assert report.pairs_per_second == pytest.approx(report.network * (1 - report.waited))
    log = EventAccumulator(str(tmp_path / "log")).Reload()
    for kind, value in (("loader", told[1].loader), ("network", told[1].network)):
        written = log.Scalars(f"train/pairs a second, {kind}")
        assert [event.step for event in written] == [4, 8]
        assert written[1].value == pytest.approx(value, rel=1e-5)
    waited = log.Scalars("train/share of time waiting for batches")
    assert waited[1].value == pytest.approx(told[1].waited, rel=1e-5)


class _Numbers(nn.Module):
    """Learns one number, in no less than these seconds a step."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.number, self.seconds = nn.Parameter(torch.ones(())), seconds

    def forward(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        time.sleep(self.seconds)
        return (self.number * batch).mean(), batch


class _Slow:
    """Batches that take these seconds to make."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def batch(self, step: int) -> torch.Tensor:
        time.sleep(self.seconds)
        return torch.ones(4)

    def names(self, step: int) -> list[str]:
        return []


@pytest.mark.parametrize(("loading", "learning"), [(0.2, 0.001), (0.001, 0.2)])
def test_who_waits_for_whom(loading: float, learning: float, tmp_path: Path) -> None:
    learner = _Numbers(learning)
    optimiser = torch.optim.SGD([{"params": learner.parameters(), "lr": 1.0, "multiplier": 1}])
    task = loop.Task(learner, optimiser, _Slow(loading), None, lambda out, _: out, lambda *_: None)  # type: ignore[arg-type, return-value]
    chosen = recipe.check({"batch": 4, "pairs": 20, "epochs": 1, "precision": "32-true"}, "test")
    told: list[Report] = []
    loop.train(task, chosen, tmp_path, "cpu", World(), told.append)
    (report,) = told
    assert report.loader <= 4 / loading
    assert report.network <= 4 / learning
    if loading > learning:
        assert report.waited > 0.5 and report.network > report.loader > 0.5 * 4 / loading
    else:
        assert report.waited < 0.3 and report.network < report.loader


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
