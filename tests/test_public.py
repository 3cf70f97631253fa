"""The public surface, frozen: a change here is a change for every user."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import pursuit


def test_the_public_names() -> None:
    expected = ["Result", "State", "Tracker", "__version__", "load", "track"]
    assert sorted(pursuit.__all__) == expected
    assert set(expected) <= set(dir(pursuit))
    for name in expected:
        assert getattr(pursuit, name) is not None


def test_the_signatures() -> None:
    load = inspect.signature(pursuit.load)
    assert list(load.parameters) == ["name", "weights", "device", "runtime", "settings"]
    assert load.parameters["name"].default == "siamfc-slim"
    fields = list(inspect.signature(pursuit.Result).parameters)
    assert fields == ["box", "score", "state", "ids", "seconds", "frame"]
    assert {state.name: int(state) for state in pursuit.State} == {
        "LOST": 0,
        "UNSURE": 1,
        "TRACKED": 2,
    }
    track = inspect.signature(pursuit.track)
    assert next(iter(track.parameters)) == "source" and "box" in track.parameters


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'loda'"):
        pursuit.loda  # noqa: B018


def test_importing_pursuit_loads_nothing_heavy() -> None:
    code = "import sys, pursuit; print([m for m in ('torch', 'cv2', 'av') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
