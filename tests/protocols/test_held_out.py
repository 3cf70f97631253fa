"""Held-out videos: which they are, and what a tracker's maps show on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from pursuit import weights
from pursuit.datasets.synthetic import Scene
from pursuit.errors import DataError, RecipeError, SettingsError, WeightsError
from pursuit.learning import recipe as recipes
from pursuit.protocols import held_out
from pursuit.trackers import registry

SLIM = weights.find("siamfc-slim")


def test_peaks_and_boxes_are_the_trackers() -> None:
    film = Scene(frames=6, speed=2, seed=3).film()
    sequence = film.sequence("clip")
    boxes = sequence.boxes.copy()
    boxes[:2] = np.nan
    boxes[4] = np.nan
    late = replace(sequence, boxes=boxes)
    chosen = recipes.read("siamfc-slim")
    second = replace(late, name="again")
    found, again = held_out.run(SLIM, chosen, [late, second])

    card = weights.read_card(weights.card_path(SLIM))
    tracker = registry.load("siamfc-slim")
    frames = list(late.frames())
    tracker.init(frames[2], boxes[2])
    results = [tracker.update(frame) for frame in frames[3:]]
    scores = np.array([float(result.score) for result in results])
    peaks = np.log(scores / (1 - scores)) / card.score_scale + card.score_offset
    assert np.isnan(found.peaks[:3]).all() and np.isnan(found.boxes[:2]).all()
    np.testing.assert_allclose(found.peaks[3:], peaks)
    np.testing.assert_array_equal(found.boxes[3:], [result.box for result in results])
    np.testing.assert_array_equal(found.truth, boxes)
    np.testing.assert_array_equal(found.peaks, again.peaks)


@pytest.mark.parametrize(("scale", "offset"), [(0.4, -1.0), (100.0, 0.36)])
def test_peaks_do_not_depend_on_the_card(tmp_path: Path, scale: float, offset: float) -> None:
    network, card = weights.read(SLIM)
    other = tmp_path / "other.safetensors"
    weights.save(other, network, card.with_values(score_scale=scale, score_offset=offset))
    sequence = Scene(frames=4, seed=3).film().sequence("clip")
    chosen = recipes.read("siamfc-slim")
    (one,), (two,) = (held_out.run(path, chosen, [sequence]) for path in (SLIM, other))
    np.testing.assert_allclose(one.peaks[1:], two.peaks[1:], rtol=1e-9)
    assert np.ptp(one.peaks[1:]) > 1e-3


def test_a_tracker_that_does_not_take_weights_is_refused() -> None:
    chosen = recipes.read("siamfc-slim", ["tracker=opencv-mosse"])
    with pytest.raises(SettingsError, match="'opencv-mosse' is not one of siamfc-3s"):
        next(held_out.run(SLIM, chosen, []))


def test_targets_are_those_of_the_held_out_videos(
    tmp_path: Path, write_labelled_video: Callable[..., Path]
) -> None:
    for name in ("left", "right", "third"):
        rows = [(0, key, 10, 10, 20, 20) for key in ((1, 2) if name == "right" else (1,))]
        write_labelled_video(tmp_path, name, rows)
    chosen = recipes.read("siamfc-slim", ["data.held_out=[right, third]"])
    names = [sequence.name for sequence in held_out.targets(chosen, tmp_path)]
    assert names == ["right-1", "right-2", "third"]
    chosen = recipes.read("siamfc-slim", ["data.held_out=[rihgt, third]"])
    with pytest.raises(DataError, match=r"held-out video rihgt \(did you mean right\?\): add"):
        held_out.targets(chosen, tmp_path)
    chosen = recipes.read("siamfc-slim", ["data.held_out=[a, b, third]"])
    with pytest.raises(DataError, match="held-out video a, and 1 more are missing"):
        held_out.targets(chosen, tmp_path)
    # By `evaluate held-out`, too, which takes no data.held_out.
    advice = r"holds no videos out: train with data.held_out=\[A,B\], or .* pursuit evaluate otb"
    with pytest.raises(RecipeError, match=advice):
        held_out.targets(recipes.read("siamfc-slim", ["data.held_out=[]"]), tmp_path)


def test_bad_videos_matter_where_they_are_held_out(
    tmp_path: Path, write_labelled_video: Callable[..., Path]
) -> None:
    for name in ("left", "left-hand", "right", "third"):
        write_labelled_video(tmp_path, name, [(0, 1, 10, 10, 20, 20)])
    for name in ("left-hand", "right"):
        with (tmp_path / f"{name}.csv").open("a", encoding="utf-8") as file:
            file.write("1,1,a,b,c,d\n")
    chosen = recipes.read("siamfc-slim", ["data.held_out=[left, third]"])
    assert [one.name for one in held_out.targets(chosen, tmp_path)] == ["left", "third"]
    chosen = recipes.read("siamfc-slim", ["data.held_out=[left, right]"])
    found = held_out.usable_targets(chosen, tmp_path)
    assert ([one.name for one in found.sequences], [*found.faults]) == (["left"], ["right"])
    with pytest.raises(DataError, match=r"held-out right cannot be .*right\.csv:3: .* is wrong\)$"):
        held_out.targets(chosen, tmp_path)
    chosen = recipes.read("siamfc-slim", ["data.held_out=[left-hand, right]"])
    with pytest.raises(DataError, match=r"left-hand cannot .*; 1 more cannot be used either$"):
        held_out.targets(chosen, tmp_path)


def test_frames_that_cannot_be_read_cost_no_other_where_they_are_left_out() -> None:
    good = Scene(frames=4, seed=3).film().sequence("good")
    short = replace(good, name="short", open_frames=lambda: islice(good.frames(), 2))
    chosen = recipes.read("siamfc-slim")
    left_out: dict[str, str] = {}
    found = list(held_out.run(SLIM, chosen, [good, short, good], left_out=left_out))
    assert [one.name for one in found] == ["good", "good"]
    np.testing.assert_array_equal(found[0].boxes, found[1].boxes)
    assert left_out == {"short": "short: its frames end after 2 of 4"}
    with pytest.raises(DataError, match="its frames end after 2 of 4"):
        list(held_out.run(SLIM, chosen, [short]))


def test_the_recipe_is_in_the_card(tmp_path: Path) -> None:
    chosen = held_out.recipe_of(SLIM)
    assert chosen.tracker == "siamfc-slim" and len(chosen.data.held_out) == 18
    network, card = weights.read(SLIM)
    bare = tmp_path / "bare.safetensors"
    weights.save(bare, network, card.with_values(recipe=""))
    with pytest.raises(WeightsError, match=r"bare.safetensors has not seen.*no card with a recipe"):
        held_out.recipe_of(bare)
    weights.save(bare, network, card.with_values(recipe="epochs: many"))
    with pytest.raises(RecipeError, match=r"in the card of .*bare.safetensors: epochs"):
        held_out.recipe_of(bare)
