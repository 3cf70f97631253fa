"""What is said of results that are another's."""

from __future__ import annotations

import pytest

from pursuit.protocols.claims import difference


@pytest.mark.parametrize(
    ("theirs", "mine", "told"),
    [
        ({"tracker": "a"}, {"tracker": "b"}, "tracker differs: a there, b now"),
        ({"a": 1, "b": 2}, {"a": 1}, "b differs: 2 there"),
        ({"a": 1}, {"a": 1, "b": "x"}, "b differs: x now"),
        ({"a": {"b": {"c": 1.5}}}, {"a": {"b": {"c": 2}}}, "a.b.c differs: 1.5 there, 2 now"),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "a.b differs"),
        ({"sha256": ["0" * 64]}, {"sha256": []}, "sha256 differs"),
        ({"a": "0" * 64}, {"a": "1" * 64}, "a differs"),
        ({"a": {"b": 1}}, {}, "a differs"),
    ],
)
def test_the_first_part_that_differs_is_named(theirs: object, mine: object, told: str) -> None:
    assert difference(theirs, mine) == told
