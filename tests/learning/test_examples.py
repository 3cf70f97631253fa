from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pursuit import store
from pursuit.errors import DataError
from pursuit.learning.examples import (
    PairSampler,
    StillSampler,
    held_out_sampler,
    held_out_stills,
    learnt_from,
)
from pursuit.learning.recipe import DataRecipe


def _kinds(crops: store.Store, rows: np.ndarray) -> list[str]:
    return [crops.objects[crops.object_of[row]].kind for row in rows]


def test_pairs_are_of_one_object_and_near_in_time(small_store: Path) -> None:
    crops = store.open(small_store)
    sampler = PairSampler(crops, DataRecipe(max_gap=3), seed=1)
    gaps = []
    for step in range(60):
        pairs = sampler.draw(step, 8)
        assert (crops.object_of[pairs.exemplar] == crops.object_of[pairs.search]).all()
        gaps.append(crops.frame[pairs.search] - crops.frame[pairs.exemplar])
    found = np.unique(np.concatenate(gaps))
    # Either side, never the frame itself, never further than T.
    assert found.tolist() == [-3, -2, -1, 1, 2, 3]


def test_videos_are_drawn_evenly_and_not_twice_in_a_batch(small_store: Path) -> None:
    crops = store.open(small_store)
    sampler = PairSampler(crops, DataRecipe(), seed=1)
    counts = np.zeros(len(crops.objects), dtype=int)
    for step in range(300):
        objects = sampler.draw(step, 4).objects
        assert len(set(objects.tolist())) == 4
        counts += np.bincount(objects, minlength=len(counts))
    videos = counts[[entry.kind == "video" for entry in crops.objects]]
    assert videos.sum() == 1200
    assert abs(videos - 200).max() < 60  # some 4.5 standard deviations


def test_stills_pair_with_themselves_in_their_share(small_store: Path) -> None:
    crops = store.open(small_store)
    sampler = PairSampler(crops, DataRecipe(still=0.3, unlabelled=0.2), seed=0)
    kinds: list[str] = []
    for step in range(200):
        pairs = sampler.draw(step, 8)
        batch = _kinds(crops, pairs.exemplar)
        kinds += batch
        assert [kind != "video" for kind in batch] == pairs.self_pair.tolist()
    shares = [kinds.count(kind) / len(kinds) for kind in ("video", "still", "unlabelled")]
    assert shares == pytest.approx([0.5, 0.3, 0.2], abs=0.06)


def test_a_batch_is_a_function_of_seed_and_step(small_store: Path) -> None:
    crops = store.open(small_store)
    recipe = DataRecipe(still=0.3)
    one, two = PairSampler(crops, recipe, 5).draw(7, 8), PairSampler(crops, recipe, 5).draw(7, 8)
    for left, right in zip(vars(one).values(), vars(two).values(), strict=True):
        assert np.array_equal(left, right)
    assert not np.array_equal(one.exemplar, PairSampler(crops, recipe, 6).draw(7, 8).exemplar)
    assert not np.array_equal(one.exemplar, PairSampler(crops, recipe, 5).draw(8, 8).exemplar)


def test_held_out_videos_are_never_trained_on_and_judged_alone(small_store: Path) -> None:
    crops = store.open(small_store)
    recipe = DataRecipe(still=0.3, held_out=("video2", "video4"))
    training, held = PairSampler(crops, recipe, 0), held_out_sampler(crops, recipe)
    assert held is not None
    held_objects = {i for i, e in enumerate(crops.objects) if e.video in recipe.held_out}
    for step in range(50):
        pairs = training.draw(step, 8)
        seen = set(pairs.objects.tolist()) | set(crops.object_of[pairs.scenery].tolist())
        assert not seen & held_objects
        assert set(held.draw(step, 4).objects.tolist()) <= held_objects


def test_a_held_out_video_that_is_missing_is_named(small_store: Path) -> None:
    crops = store.open(small_store)
    with pytest.raises(DataError, match=r"video22.*did you mean video2"):
        PairSampler(crops, DataRecipe(held_out=("video22",)), seed=0)


def test_a_share_of_what_the_store_lacks_is_an_error(small_store: Path) -> None:
    crops = store.open(small_store)
    held = tuple(f"video{i}" for i in range(6))
    with pytest.raises(DataError, match="labelled videos"):
        PairSampler(crops, DataRecipe(held_out=held), seed=0)


@pytest.mark.parametrize(
    ("held_out", "says"),
    [
        (("video22",), "take it off the list or curate it; 'data.held_out=\\[]' holds"),
        (("video1", "davis--video"), "names davis--video.*'data.held_out=\\[]' holds nothing out"),
        (
            ("davis2016_val--video1", "davis2016_val--kite-surf"),
            "none of the 2 videos .* such as davis2016_val--video1: name videos of the store, "
            "'data.held_out=\\[A,B]'; 'data.held_out=\\[]' holds nothing out$",
        ),
    ],
)
def test_a_list_of_other_data_says_how_to_go_on(
    small_store: Path, held_out: tuple[str, ...], says: str
) -> None:
    with pytest.raises(DataError, match=says):
        PairSampler(store.open(small_store), DataRecipe(held_out=held_out), seed=0)


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("still", "data.still=0, or curate a COCO data set with --stills"),
        ("unlabelled", "data.unlabelled=0, or curate a folder of pictures with --stills"),
    ],
)
def test_what_the_store_lacks_says_how_to_go_on(
    small_store: Path, monkeypatch: pytest.MonkeyPatch, field: str, says: str
) -> None:
    crops = store.open(small_store)
    kept = [entry for entry in crops.objects if entry.kind == "video"]
    monkeypatch.setattr(crops, "objects", kept)
    with pytest.raises(DataError, match=says):
        PairSampler(crops, DataRecipe(**{field: 0.1}), seed=0)  # type: ignore[arg-type]


def _seen(crops: store.Store, recipe: DataRecipe, seed: int) -> set[str]:
    return {e.video for e in learnt_from(crops, recipe, seed) if e.kind == "video"}


def test_shares_of_the_videos_are_nested_and_chosen_by_the_seed(small_store: Path) -> None:
    crops = store.open(small_store)
    shares = (0.02, 1 / 3, 0.5, 1.0)
    seen = [_seen(crops, DataRecipe(share=s, held_out=("video1",)), 4) for s in shares]
    assert [len(videos) for videos in seen] == [1, 2, 3, 5]  # of five, rounded up
    assert all(few < many for few, many in pairwise(seen))
    assert len({tuple(_seen(crops, DataRecipe(share=0.02), seed)) for seed in range(20)}) > 3


def test_a_run_sees_its_share_and_no_pictures_it_does_not_draw_from(small_store: Path) -> None:
    crops = store.open(small_store)
    recipe = DataRecipe(share=0.5, still=0.3)
    seen = {i for i, e in enumerate(crops.objects) if e in learnt_from(crops, recipe, 2)}
    assert [crops.objects[i].kind for i in sorted(seen)].count("still") == 8
    drawn: set[int] = set()
    for step in range(100):
        pairs = PairSampler(crops, recipe, 2).draw(step, 8)
        drawn |= set(pairs.objects.tolist())
        drawn |= set(crops.object_of[pairs.scenery].tolist())
    assert drawn == seen


def test_the_held_out_pairs_do_not_depend_on_the_share(small_store: Path) -> None:
    crops = store.open(small_store)
    held = ("video2", "video4")
    one = held_out_sampler(crops, DataRecipe(held_out=held))
    two = held_out_sampler(crops, DataRecipe(held_out=held, share=0.1))
    assert one is not None and two is not None
    assert np.array_equal(one.draw(3, 8).search, two.draw(3, 8).search)


def test_the_crops_to_draw_from_are_of_the_kinds_that_are_drawn(small_store: Path) -> None:
    crops = store.open(small_store)  # 6 videos of 12 frames, 8 stills, 4 without labels
    for recipe, number in (
        (DataRecipe(), 72),
        (DataRecipe(held_out=("video0", "video3")), 48),
        (DataRecipe(still=0.5), 80),
        (DataRecipe(still=0.9, unlabelled=0.1), 12),
    ):
        assert PairSampler(crops, recipe, 0).crops == number


def _held(crops: store.Store, share: float) -> set[str]:
    return {entry.video for entry in held_out_stills(crops, DataRecipe(held_out_stills=share))}


def test_held_out_stills_are_a_fixed_set_that_grows_with_the_share(small_store: Path) -> None:
    crops = store.open(small_store)
    # By the first digits of the names' SHA-256, so on any machine and in any year.
    assert _held(crops, 0.5) == {"still0", "still1", "still5"}
    held = [_held(crops, share) for share in (0.0, 0.2, 0.5, 0.8, 1.0)]
    assert all(few <= many for few, many in pairwise(held))
    assert held[0] == set() and held[-1] == {f"still{i}" for i in range(8)}
    # Pictures without labels have no name among them, whatever the store holds beside.
    assert not _held(crops, 1.0) & {f"still{i}" for i in range(8, 12)}


def test_all_objects_of_a_picture_are_held_out_together(
    small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops = store.open(small_store)
    objects = [
        replace(entry, video=f"picture{number // 3}.jpg") if entry.kind == "still" else entry
        for number, entry in enumerate(crops.objects)
    ]
    monkeypatch.setattr(crops, "objects", objects)
    pictures = {entry.video for entry in objects if entry.kind == "still"}
    for share in (0.3, 0.6):
        held = held_out_stills(crops, DataRecipe(held_out_stills=share))
        names = {entry.video for entry in held}
        assert held == [entry for entry in objects if entry.video in names]
    assert 0 < len(names) < len(pictures)


def test_held_out_stills_are_never_learnt_from(small_store: Path) -> None:
    crops = store.open(small_store)
    recipe = DataRecipe(still=0.5, held_out_stills=0.5)
    held = {crops.objects.index(entry) for entry in held_out_stills(crops, recipe)}
    training = PairSampler(crops, recipe, 0)
    seen: set[int] = set()
    for step in range(100):
        pairs = training.draw(step, 8)
        seen |= set(pairs.objects.tolist()) | set(crops.object_of[pairs.scenery].tolist())
    assert held and not seen & held
    assert len(seen) == 6 + 8 - len(held)  # all the other stills and videos
    assert training.crops == 72 + 8 - len(held)


def test_held_out_stills_come_one_after_another(small_store: Path) -> None:
    crops = store.open(small_store)
    stills = held_out_stills(crops, DataRecipe(held_out_stills=0.5))
    sampler = StillSampler(crops, stills)
    own = [crops.objects.index(entry) for entry in stills]
    two = [sampler.draw(step, 4) for step in range(2)]
    drawn = np.concatenate([pairs.objects for pairs in two]).tolist()
    assert drawn == [own[i % len(own)] for i in range(8)]
    for pairs in two:
        assert pairs.self_pair.all() and np.array_equal(pairs.exemplar, pairs.search)
        assert set(crops.object_of[pairs.scenery].tolist()) <= set(own)


def test_a_share_that_holds_no_still_out_is_an_error(
    small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops = store.open(small_store)
    with pytest.raises(DataError, match=r"stills=1e-06 holds out none of the 8 labelled stills"):
        learnt_from(crops, DataRecipe(held_out_stills=1e-6), 0)
    with pytest.raises(DataError, match=r"add data\.still=0"):
        PairSampler(crops, DataRecipe(still=0.5, held_out_stills=1.0), 0)
    monkeypatch.setattr(crops, "objects", crops.objects[:6])
    with pytest.raises(DataError, match=r"none of the 0 labelled stills .* with --stills"):
        learnt_from(crops, DataRecipe(held_out_stills=0.5), 0)
