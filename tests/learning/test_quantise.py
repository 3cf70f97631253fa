"""Which windows of a store decide the steps of an 8-bit form, and which judge it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pursuit import store
from pursuit.errors import StoreError
from pursuit.learning import quantise
from pursuit.learning.recipe import (
    DataRecipe,
    GOTURNDataRecipe,
    GOTURNRecipe,
    Recipe,
    SiamFCRecipe,
)
from pursuit.networks.goturn import GOTURN, GOTURNShape
from pursuit.networks.siamfc import SEARCH, SiamFC, SiamFCShape
from pursuit.store import Store

SIAMFC = SiamFC(SiamFCShape(channels=(2, 2, 2, 2, 2)))
REGRESSOR = GOTURN(GOTURNShape((8, 8, 8, 8, 8), hidden=(8, 8, 8)))


@pytest.fixture(scope="module")
def crops(small_store: Path) -> Store:
    return store.open(small_store)


def rows_of(windows: list[np.ndarray], crops: Store) -> list[int]:  # type: ignore[type-arg]
    """Return the row that each of SiamFC's windows is the middle of."""
    edge = (crops.size - SEARCH) // 2
    inside = slice(edge, edge + SEARCH)
    known = {crops.crop(row)[inside, inside].tobytes(): row for row in range(len(crops))}
    return [known[one.tobytes()] for one in windows]


def kinds(rows: list[int], crops: Store) -> set[str]:
    return {crops.objects[crops.object_of[row]].kind for row in rows}


def test_siamfcs_windows_are_different_crops(crops: Store) -> None:
    measured, apart = quantise.windows(crops, SIAMFC, SiamFCRecipe())
    assert {one.shape for one in measured + apart} == {(1, 255, 255, 3)}
    rows = rows_of(measured + apart, crops)
    assert len(set(rows)) == len(rows) == 72  # of the videos, which the recipe draws from
    assert len(apart) in (14, 15) and kinds(rows, crops) == {"video"}
    again, _ = quantise.windows(crops, SIAMFC, SiamFCRecipe())
    assert all((one == other).all() for one, other in zip(measured, again, strict=True))


def test_no_more_are_drawn_than_there_is_need_of(
    crops: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantise, "MEASURED", 10)
    monkeypatch.setattr(quantise, "APART", 3)
    measured, apart = quantise.windows(crops, SIAMFC, None)
    assert (len(measured), len(apart)) == (10, 3)


def test_what_is_held_out_is_left_out(crops: Store) -> None:
    held = ("video0", "video3", "of other data")
    data = DataRecipe(held_out=held, still=0.3, held_out_stills=0.5)
    measured, apart = quantise.windows(crops, SIAMFC, SiamFCRecipe(data=data))
    rows = rows_of(measured + apart, crops)
    videos = {crops.objects[crops.object_of[row]].video for row in rows}
    assert videos.isdisjoint(held) and {"video1", "video2", "video4", "video5"} <= videos
    stills = {entry.video for entry in crops.objects if entry.kind == "still"}
    assert 0 < len(videos & stills) < len(stills)


@pytest.mark.parametrize(
    ("recipe", "kind"),
    [
        (None, "video"),
        (SiamFCRecipe(data=DataRecipe(unlabelled=1)), "unlabelled"),
        (SiamFCRecipe(data=DataRecipe(held_out=tuple(f"video{i}" for i in range(6)))), "still"),
    ],
)
def test_where_the_store_lacks_a_kind_another_is_taken(
    recipe: Recipe | None, kind: str, crops: Store
) -> None:
    measured, _ = quantise.windows(crops, SIAMFC, recipe)
    assert kinds(rows_of(measured, crops), crops) == {kind}


def test_goturns_windows_are_pairs_as_a_tracker_cuts_them(crops: Store) -> None:
    recipe = GOTURNRecipe(data=GOTURNDataRecipe(still=0.0))
    measured, apart = quantise.windows(crops, REGRESSOR, recipe)
    assert {one.shape for one in measured + apart} == {(1, 227, 227, 3)}
    assert len(measured) % 2 == len(apart) % 2 == 0 and 10 < len(apart) < len(measured) / 2


def test_pairs_apart_share_no_frame_with_those_measured() -> None:
    starts = np.random.default_rng(0).integers(0, 40, 400).tolist()
    drawn = (quantise._Draw(frozenset([row, row + 1]), list) for row in starts)
    measured, apart = quantise._split(drawn)
    seen, kept = (frozenset[int]().union(*(one.rows for one in some)) for some in (measured, apart))
    assert not seen & kept
    assert len(apart) >= 3 and len(measured) > 2 * len(apart)


def test_a_store_of_too_few_crops(crops: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantise, "_DRAWN", 1)
    for network in (SIAMFC, REGRESSOR):
        with pytest.raises(StoreError, match="holds too few crops to measure some and judge"):
            quantise.windows(crops, network, None)
