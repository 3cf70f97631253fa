from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pursuit import boxes as bx
from pursuit import store as stores
from pursuit.errors import DataError, StoreError
from pursuit.learning import recipe
from pursuit.learning.frame_pairs import FramePairs, brought, reaches
from pursuit.learning.motion import within
from pursuit.learning.recipe import GOTURNRecipe


def _recipe(store: Path, *more: str) -> GOTURNRecipe:
    chosen = recipe.read("goturn-paper", [f"data={store}", *more])
    assert isinstance(chosen, GOTURNRecipe)
    return chosen


def _pairs(store: Path, *more: str) -> FramePairs:
    return FramePairs(stores.open(store), _recipe(store, *more))


def test_images_and_videos_take_turns(small_store: Path) -> None:
    store = stores.open(small_store)
    pairs = _pairs(small_store)
    kinds = [store.objects[store.object_of[pairs.pair(p).current]].kind for p in range(40)]
    assert kinds == ["still", "video"] * 20


@pytest.mark.parametrize(("still", "unlabelled"), [(1.0, 0.0), (0.0, 0.0), (0.25, 0.125)])
def test_each_kind_gets_its_share(small_store: Path, still: float, unlabelled: float) -> None:
    store = stores.open(small_store)
    pairs = _pairs(small_store, f"data.still={still}", f"data.unlabelled={unlabelled}")
    drawn = [pairs.pair(p) for p in range(64)]
    kinds = [store.objects[store.object_of[pair.current]].kind for pair in drawn]
    assert kinds.count("still") == 64 * still
    assert kinds.count("unlabelled") == 64 * unlabelled


def test_a_video_pair_is_of_successive_labelled_frames(small_store: Path) -> None:
    """The generated targets, 40 x 40, move by 3, 2 pixels a frame."""
    store = stores.open(small_store)
    pairs = _pairs(small_store, "data.still=0")
    scale = 127 / 80
    seen = set()
    for number in range(60):
        pair = pairs.pair(number)
        assert store.object_of[pair.previous] == store.object_of[pair.current]
        assert store.frame[pair.current] - store.frame[pair.previous] == 1
        middle = store.size / 2
        np.testing.assert_allclose(bx.centres(pair.target), middle, atol=1e-3)
        np.testing.assert_allclose(bx.centres(pair.box), middle, atol=1e-3)
        shift = bx.centres(pair.search[0]) - middle
        np.testing.assert_allclose(shift, [-3 * scale, -2 * scale], atol=1e-3)
        assert pair.search.shape == (11, 4)
        seen.add((pair.previous, pair.current))
    assert len(seen) > 30


def test_gaps_and_direction(small_store: Path) -> None:
    store = stores.open(small_store)
    pairs = _pairs(small_store, "data.still=0", "data.max_gap=3", "data.reversed=0.5")
    drawn = [pairs.pair(number) for number in range(400)]
    gaps = np.array([store.frame[pair.current] - store.frame[pair.previous] for pair in drawn])
    counts = [int((np.abs(gaps) == gap).sum()) for gap in (1, 2, 3)]
    assert sum(counts) == 400
    expected = np.array([1, 0.4, 0.16]) / 1.56
    np.testing.assert_allclose(np.array(counts) / 400, expected, atol=0.07)
    assert 0.4 < (gaps < 0).mean() < 0.6


def test_far_pairs_show_the_target_long_before(small_store: Path) -> None:
    store = stores.open(small_store)
    pairs = _pairs(small_store, "data.still=0", "data.far=1", "data.far_gap=8")
    drawn = [pairs.pair(number) for number in range(300)]
    assert all(store.object_of[p.previous] == store.object_of[p.current] for p in drawn)
    gaps = np.array([store.frame[p.current] - store.frame[p.previous] for p in drawn])
    assert set(np.abs(gaps)) == set(range(1, 9)) and 0.4 < (gaps < 0).mean() < 0.6
    # Search crops are moved ones, the first too: the model's, not the target's own way.
    shifts = [(bx.centres(p.search[0]) - bx.centres(p.box)) / p.box[2:] for p in drawn]
    assert np.abs(shifts).mean() == pytest.approx(0.2, rel=0.15)


def test_a_pair_is_a_function_of_seed_and_number(small_store: Path) -> None:
    one, two = _pairs(small_store), _pairs(small_store)
    for number in (7, 3, 7):
        first, second = one.pair(number), two.pair(number)
        assert (first.previous, first.current) == (second.previous, second.current)
        np.testing.assert_array_equal(first.search, second.search)
    other = _pairs(small_store, "seed=1").pair(7)
    assert not np.array_equal(other.search, one.pair(7).search)


def test_moved_crops_stay_in_what_the_store_holds(small_store: Path) -> None:
    store = stores.open(small_store)
    pairs = _pairs(small_store, "motion.shift=0.6")
    for number in range(60):
        pair = pairs.pair(number)
        reach = reaches(store.inside[[pair.current]], store.size)
        assert within(pair.search, np.tile(reach, (11, 1))).all()


def test_an_error_of_the_box_before_is_in_both_crops(small_store: Path) -> None:
    plain = _pairs(small_store, "data.still=0")
    wrong = _pairs(small_store, "data.still=0", "augment.jitter=0.1")
    shifts = []
    for number in range(200):
        one, two = plain.pair(number), wrong.pair(number)
        shift = (bx.centres(two.target) - bx.centres(one.target)) / one.target[2:]
        same = (bx.centres(two.search[0]) - bx.centres(one.search[0])) / one.search[0, 2:]
        np.testing.assert_allclose(shift, same, atol=1e-9)
        np.testing.assert_allclose(
            two.target[2:] / one.target[2:], two.search[0, 2:] / one.search[0, 2:], rtol=1e-9
        )
        shifts.append(shift)
    assert np.abs(shifts).mean() == pytest.approx(0.1, rel=0.15)


def test_random_patches_lie_in_their_pictures(small_store: Path) -> None:
    store = stores.open(small_store)
    pairs = _pairs(small_store, "data.still=1", "augment.patch=1")
    for number in range(50):
        pair = pairs.pair(number)
        x, y, w, h = store.inside[pair.current]
        left, top, right, bottom = bx.xyxy(pair.box)
        assert x <= left < right <= x + w and y <= top < bottom <= y + h
        np.testing.assert_allclose(pair.box, pair.target, rtol=1e-12)


def test_a_box_of_one_frame_in_the_crop_of_another() -> None:
    box, label = np.array([10.0, 20, 30, 40]), np.array([20.0, 20, 20, 20])
    found = brought(box, label, 2.0, 351)
    # Centres 25, 40 and 30, 30; the label's is in the middle of the crop.
    np.testing.assert_allclose(found, [175.5 - 10 - 30, 175.5 + 20 - 40, 60, 80])


def test_stills_that_their_box_fills_are_left_out(small_store: Path) -> None:
    store = stores.open(small_store)
    first = next(entry for entry in store.objects if entry.kind == "still")
    assert store.place is not None and store.frame_size is not None
    place = store.place.copy()
    place[first.first, 2] = 0.67 * store.frame_size[first.first, 0]
    store.place = place
    pairs = FramePairs(store, _recipe(small_store, "data.still=1"))
    rows = {pairs.pair(number).current for number in range(100)}
    assert first.first not in rows and len(rows) == 7
    place[:, 3] = store.frame_size[:, 1]
    with pytest.raises(DataError, match="draws from labelled stills, but the store has none"):
        FramePairs(store, _recipe(small_store, "data.still=1"))


def test_videos_with_a_single_labelled_frame_give_no_pair(small_store: Path) -> None:
    store = stores.open(small_store)
    store.objects = tuple(
        replace(entry, count=1) if entry.kind == "video" else entry for entry in store.objects
    )
    with pytest.raises(DataError, match="draws from labelled videos, but the store has none"):
        FramePairs(store, _recipe(small_store))
    FramePairs(store, _recipe(small_store, "data.still=1"))


def test_a_jump_out_of_the_search_crop_is_no_pair(small_store: Path) -> None:
    store = stores.open(small_store)
    assert store.place is not None
    store.place = store.place.copy()
    entry = store.objects[0]
    store.place[entry.first + 5 : entry.first + entry.count, 0] += 50  # more than its width
    pairs = FramePairs(store, _recipe(small_store, "data.still=0"))
    seen = {pairs.pair(number).previous for number in range(400)}
    assert entry.first + 4 not in seen and {entry.first + 3, entry.first + 5} <= seen


def test_a_store_of_format_1_is_said(small_store: Path) -> None:
    store = stores.open(small_store)
    store.place = None
    with pytest.raises(StoreError, match=r"is of format 1, .*GOTURN learns from that: curate anew"):
        FramePairs(store, _recipe(small_store))
