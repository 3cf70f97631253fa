"""Hyper-parameters: the published values, and what is turned away."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from pursuit.errors import SettingsError
from pursuit.trackers.settings import (
    PRESETS,
    GOTURNSettings,
    SiamFCSettings,
    can_redetect,
    with_changes,
)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("siamfc-3s", (3, 1.0375, 0.9745, 0.59, 0.176)),
        ("siamfc-5s", (5, 1.0255, 0.962, 0.34, 0.168)),
        ("siamfc-5s-paper", (5, 1.025, 0.962, 0.35, 0.168)),
        ("siamfc-slim", (3, 1.0375, 0.9745, 0.59, 0.176)),
    ],
)
def test_presets_are_the_published_ones(name: str, values: tuple[float, ...]) -> None:
    found = PRESETS[name]
    assert isinstance(found, SiamFCSettings)
    assert values == (
        found.scales,
        found.scale_step,
        found.scale_penalty,
        found.scale_damping,
        found.window_influence,
    )
    assert (found.upsampling, found.smallest, found.largest) == (16, 0.2, 5.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scales": 4}, "scales must be 1, 3"),
        ({"scales": 3.0}, "scales is a whole number"),
        ({"scales": True}, "scales is a whole number"),
        ({"scale_step": 1.0}, "scale_step must be above 1"),
        ({"scale_penalty": 0}, "scale_penalty"),
        ({"scale_damping": 1.5}, "scale_damping"),
        ({"window_influence": -0.1}, "window_influence"),
        ({"window_influence": "0.2"}, "window_influence is a number"),
        ({"upsampling": 0}, "upsampling"),
        ({"smallest": float("nan")}, "smallest must be finite"),
        ({"largest": 0.5}, "largest"),
        ({"lost_below": 2}, "lost_below"),
        ({"sides_fall": 0}, "sides_fall must be in"),
    ],
)
def test_values_that_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        SiamFCSettings(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"views": 2}, "views must be 1, 3, 5 or 7"),
        ({"views": 3.0}, "views is a whole number"),
        ({"shift": 0.0}, "shift must be above 0"),
        ({"shift": 0.6}, "shift must be above 0, at most 0.5"),
        ({"zoom": 1.0}, "zoom must be above 1"),
        ({"blend": 1}, "blend must be True or False"),
        ({"largest": 0.5}, "largest must be 1 to 100"),
        ({"lost_below": 0.4}, "must not fall"),
    ],
)
def test_values_that_goturns_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        GOTURNSettings(**values)


def test_who_can_redetect() -> None:
    assert [name for name in PRESETS if not can_redetect(name)] == ["goturn", "goturn-compact"]
    assert not can_redetect("opencv-csrt")


def test_an_unknown_name_is_an_error_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"'scale_stp' \(did you mean scale_step\?\)"):
        with_changes(PRESETS["siamfc-3s"], {"scale_stp": 1.1})


def test_changes_make_a_new_object() -> None:
    changed = with_changes(PRESETS["siamfc-5s"], {"window_influence": 0.3})
    assert (changed.window_influence, changed.scales) == (0.3, 5)
    assert PRESETS["siamfc-5s"].window_influence == 0.168
    with pytest.raises(FrozenInstanceError):
        changed.scales = 7  # type: ignore[misc]
