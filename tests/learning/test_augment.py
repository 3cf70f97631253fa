from __future__ import annotations

import numpy as np
import pytest
import torch

from pursuit.learning import augment
from pursuit.learning.recipe import AugmentRecipe

CROP, B = 351, 6
NONE = AugmentRecipe(stretch=0, shift_exemplar=0, shift_search=0)


def _crops() -> torch.Tensor:
    """Return (B, 3, S, S): gray, with a white spot of 9 pixels on the target's centre."""
    crops = torch.full((B, 3, CROP, CROP), 100, dtype=torch.uint8)
    crops[:, :, 171:180, 171:180] = 255
    return crops


def _plan(recipe: AugmentRecipe, gray: float = 0.0, seed: int = 0, **changes: object):
    box = np.tile([CROP / 2 - 30.0, CROP / 2 - 30, 60, 60], (B, 1))
    full = np.tile([0.0, 0, CROP, CROP], (B, 1))
    values = {
        "boxes": (box, box),
        "inside": (full, full),
        "foreign": np.ones(B, dtype=bool),
        "self_pair": np.zeros(B, dtype=bool),
        "crop": CROP,
        "search": 255,
        **changes,
    }
    return augment.draw(recipe, gray, np.random.default_rng(seed), **values)


def _render(view: augment.View, crops: torch.Tensor) -> torch.Tensor:
    border = torch.full((B, 3), 100.0)
    scenery = torch.full_like(crops, 30)
    return augment.render(view, crops, border, scenery, torch.full((B, 3), 30.0))


def _spot(window: torch.Tensor) -> np.ndarray:
    """Return x, y of the white spot's middle, in pixels of the window."""
    light = (window.mean(0) - 100).clamp(min=0)
    grid = torch.arange(light.shape[-1]) + 0.5
    total = light.sum()
    return np.array(
        [float((light.sum(0) * grid).sum() / total), float((light.sum(1) * grid).sum() / total)]
    )


def test_without_augmentation_windows_are_the_middle_of_the_crop() -> None:
    crops = torch.randint(0, 255, (B, 3, CROP, CROP), dtype=torch.uint8)
    plan = _plan(NONE)
    assert torch.equal(_render(plan.exemplar, crops), crops[:, :, 112:239, 112:239].float())
    assert torch.equal(_render(plan.search, crops), crops[:, :, 48:303, 48:303].float())


@pytest.mark.parametrize(
    "recipe",
    [
        AugmentRecipe(stretch=0.1, shift_exemplar=3, shift_search=20),
        AugmentRecipe(flip=True, rotate=30, shift_search=20, scale_search=0.2),
    ],
)
def test_the_target_lies_where_the_plan_says(recipe: AugmentRecipe) -> None:
    plan = _plan(recipe)
    for view in (plan.exemplar, plan.search):
        for window, offset in zip(_render(view, _crops()), view.offset, strict=True):
            assert _spot(window) == pytest.approx(view.size / 2 + offset, abs=0.15)
    assert np.abs(plan.search.offset).max() > 5


def test_a_random_patch_is_in_both_windows() -> None:
    recipe = AugmentRecipe(patch=1.0, stretch=0, shift_exemplar=0, shift_search=0)
    plan = _plan(recipe, self_pair=np.ones(B, dtype=bool))
    crops = (
        torch.nn.functional.interpolate(
            torch.randint(0, 255, (B, 3, 40, 40)).float(), size=CROP, mode="bicubic"
        )
        .clamp(0, 255)
        .to(torch.uint8)
    )
    exemplar, search = _render(plan.exemplar, crops), _render(plan.search, crops)
    # Undisturbed, the exemplar is the middle of the search window.
    assert float((search[:, :, 64:191, 64:191] - exemplar).abs().mean()) < 2
    plain = _render(_plan(NONE).exemplar, crops)
    assert float((plain - exemplar).abs().mean()) > 20


def test_scenery_fills_what_the_frame_does_not() -> None:
    inside = np.tile([100.0, 100, 150, 150], (B, 1))
    recipe = AugmentRecipe(surround=1.0, stretch=0, shift_exemplar=0, shift_search=0)
    plan = _plan(recipe, inside=(inside, inside))
    window = _render(plan.search, _crops())
    assert (window[:, :, :50] == 30).all()  # the window's 0 is the crop's 48
    assert (window[:, :, 54:200, 54:200] >= 100).all()


def test_nothing_is_pasted_from_the_same_object() -> None:
    recipe = AugmentRecipe(surround=1, background=1, look_alike=1, occlusion=1)
    plan = _plan(recipe, foreign=np.zeros(B, dtype=bool), inside=(np.zeros((B, 4)),) * 2)
    assert not len(plan.search.surround.onto) and not plan.search.pastes


def test_a_background_leaves_the_target_and_a_look_alike_lies_beside_it() -> None:
    plan = _plan(AugmentRecipe(background=1.0, stretch=0, shift_search=0))
    window = _render(plan.search, _crops())
    assert (window[:, :, 127, 127] == 255).all()
    assert (window[:, :, 10, 10] == 30).all()
    plan = _plan(AugmentRecipe(look_alike=1.0, stretch=0, shift_search=0))
    window = _render(plan.search, _crops())
    share = (window == 30).float().mean((1, 2, 3))
    assert (share > 0.01).all() and (share < 0.12).all()


def test_gray_pairs_have_equal_channels_in_both_windows() -> None:
    crops = torch.randint(0, 255, (B, 3, CROP, CROP), dtype=torch.uint8)
    plan = _plan(NONE, gray=0.5, seed=3)
    gray = plan.exemplar.look.gray
    assert 0 < gray.sum() < B and np.array_equal(gray, plan.search.look.gray)
    for view in (plan.exemplar, plan.search):
        window = _render(view, crops)
        spread = (window.amax(1) - window.amin(1)).amax((1, 2)).numpy()
        assert np.array_equal(spread < 1e-3, gray)


def test_blur_and_low_resolution_keep_the_mean_and_lose_detail() -> None:
    crops = torch.randint(0, 255, (B, 3, CROP, CROP), dtype=torch.uint8)
    plain = _render(_plan(NONE).search, crops)
    for field in ("blur", "low_resolution"):
        recipe = NONE.model_copy(update={field: 1.0})
        changed = _render(_plan(recipe).search, crops)
        assert float(changed.mean()) == pytest.approx(float(plain.mean()), abs=1)
        assert float(changed.std()) < 0.9 * float(plain.std())


def test_light_and_tint_stay_within_their_bounds() -> None:
    recipe = NONE.model_copy(update={"light": 0.2, "tint": 0.1})
    for seed in range(20):
        view = _plan(recipe, seed=seed).search
        assert (view.look.gain <= 1.2 * 1.1 + 1e-9).all()
        assert (view.look.gain >= 1 / (1.2 * 1.1) - 1e-9).all()
    window = _render(view, _crops())
    assert float(window.min()) >= 0 and float(window.max()) <= 255


def test_a_part_of_a_plan_renders_those_rows_of_the_whole() -> None:
    share = {"surround": 0.8, "background": 0.5, "look_alike": 0.5, "occlusion": 0.5, "blur": 0.6}
    recipe = AugmentRecipe(**share, low_resolution=0.5, rotate=20, flip=True, light=0.2, tint=0.2)
    half = np.tile([40.0, 0, CROP - 40, CROP], (B, 1))
    crops = (torch.rand(B, 3, CROP, CROP, generator=torch.Generator().manual_seed(0)) * 255).byte()
    scenery, border = crops.flip(0), torch.full((B, 3), 30.0)
    plan = _plan(recipe, gray=0.5, inside=(half, half))
    for view in (plan.exemplar, plan.search):
        assert (
            len(view.look.blurred)
            and len(view.look.coarse)
            and len(view.surround.onto)
            and view.pastes
        )
        whole = augment.render(view, crops, border, scenery, border)
        for rows in (slice(0, 2), slice(2, 4), slice(4, 6)):
            part = [values[rows] for values in (crops, border, scenery, border)]
            torch.testing.assert_close(
                augment.render(view.part(rows), *part), whole[rows], rtol=0, atol=0.01
            )
