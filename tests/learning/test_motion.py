from __future__ import annotations

import numpy as np
import pytest

from pursuit import boxes as bx
from pursuit.learning.motion import moved, within
from pursuit.learning.recipe import MotionRecipe

N = 40_000
FRAME = np.array([[0.0, 0, 1000, 800]])
EVERYWHERE = np.array([[-np.inf, -np.inf, np.inf, np.inf]])


def _motions(box: list[float], **fields: object) -> tuple[np.ndarray, np.ndarray]:
    """Return shifts (N, 2) in box widths and factors (N, 2) of sizes."""
    boxes = np.tile(np.array(box, dtype=float), (N, 1))
    recipe = MotionRecipe.model_validate(fields)
    drawn = moved(
        boxes, FRAME.repeat(N, 0), EVERYWHERE.repeat(N, 0), recipe, np.random.default_rng(0)
    )
    shift = (bx.centres(drawn) - bx.centres(boxes)) / boxes[:, 2:]
    return shift, drawn[:, 2:] / boxes[:, 2:]


def _scale(values: np.ndarray, limit: float) -> float:
    """Return b of a Laplace distribution about 0 that is cut off at +- limit, fitted."""
    mean = np.abs(values).mean()
    tries = np.linspace(0.5 * mean, 2 * mean, 2000)
    expected = tries - limit / np.expm1(limit / tries)
    return float(tries[np.abs(expected - mean).argmin()])


@pytest.mark.parametrize("rule", ["paper", "program"])
def test_motions_fit_back_to_the_papers_scales(rule: str) -> None:
    shift, factor = _motions([450, 350, 60, 40], rule=rule)
    for axis in (0, 1):
        assert _scale(shift[:, axis], 1) == pytest.approx(1 / 5, rel=0.02)
        assert _scale(factor[:, axis] - 1, 0.4) == pytest.approx(1 / 15, rel=0.02)
        assert shift[:, axis].mean() == pytest.approx(0, abs=0.005)
        assert factor[:, axis].mean() == pytest.approx(1, abs=0.002)
    assert abs(np.corrcoef(shift[:, 0], shift[:, 1])[0, 1]) < 0.02


def test_the_papers_rule_keeps_half_of_the_target_in_the_crop() -> None:
    shift, factor = _motions([450, 350, 60, 40], rule="paper", shift=0.6, scale=0.3)
    assert (np.abs(factor - 1) < 0.4).all() and np.abs(factor - 1).max() > 0.39
    # In target widths: the crop is shift +- factor, the target is +- 1/2.
    seen = np.minimum(0.5, shift + factor) - np.maximum(-0.5, shift - factor)
    assert seen.min() >= 0.5 and seen.min() < 0.51


def test_the_programs_rule_sets_sizes_to_its_limits_and_stays_in_the_frame() -> None:
    shift, factor = _motions([450, 350, 60, 40], rule="program")
    at_limit = np.isclose(np.abs(factor - 1), 0.4)
    assert at_limit.mean() == pytest.approx(np.exp(-6), rel=0.25)
    assert np.abs(factor - 1).max() <= 0.4 + 1e-9
    assert np.abs(shift).max() <= 1 and np.abs(shift).max() > 0.95
    # A box in the corner moves inwards alone.
    shift, factor = _motions([0, 0, 60, 40], rule="program")
    left = 0.5 + shift - factor / 2
    assert left.min() >= -1e-9 and (np.abs(left) < 1e-9).mean() > 0.3


@pytest.mark.parametrize("rule", ["paper", "program"])
def test_uniform_motions_are_even(rule: str) -> None:
    shift, factor = _motions([450, 350, 60, 40], rule=rule, law="uniform")
    low, high = np.quantile(factor - 1, [0.25, 0.75], axis=0)
    if rule == "program":  # the program draws shifts of more than the old width anew
        assert np.abs(shift).max() <= 1
    else:
        assert low == pytest.approx(-0.2, abs=0.01) and high == pytest.approx(0.2, abs=0.01)
        ratio = shift / factor
        assert np.quantile(ratio, [0.25, 0.75], axis=0) == pytest.approx(
            np.array([[-0.5] * 2, [0.5] * 2]), abs=0.02
        )


def test_crops_stay_within_reach_or_the_box_stays() -> None:
    boxes = np.tile(np.array([40.0, 40, 20, 20]), (N, 1))
    reach = np.tile(np.array([28.0, -np.inf, np.inf, 72]), (N, 1))
    found = moved(boxes, FRAME.repeat(N, 0), reach, MotionRecipe(), np.random.default_rng(0))
    assert within(found, reach).all()
    assert bx.centres(found)[:, 0].max() > 60 and bx.centres(found)[:, 1].min() < 40
    none = np.tile(np.array([49.0, 49, 51, 51]), (N, 1))
    assert (
        moved(boxes, FRAME.repeat(N, 0), none, MotionRecipe(), np.random.default_rng(0)) == boxes
    ).all()
