"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real videos and published results; tests that need it skip where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("PURSUIT_TEST_DATA", default))
    if not root.is_dir():
        pytest.skip(f"needs the real data, and {root} is absent (set PURSUIT_TEST_DATA)")
    return root
