"""`pursuit doctor`, as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest

import pursuit
from pursuit import weights


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pursuit", "doctor", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_doctor_passes_here() -> None:
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("PASS")
    assert "PROBLEM" not in done.stdout


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    done = run("--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_doctor_as_json(found: dict[str, Any]) -> None:
    assert found["ok"] is True
    assert found["problems"] == []
    assert found["versions"]["pursuit"] == pursuit.__version__
    assert found["versions"]["numpy"] == numpy.__version__
    assert found["self-check"]["mean overlap"] > 0.75
    assert set(found["weights"]) == set(weights.shipped())
    for name, path in weights.shipped().items():
        assert weights.read_card(path.with_suffix(".json")).sha256[:12] in found["weights"][name]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_doctor_tells_the_cpu_features_of_this_machine(found: dict[str, Any]) -> None:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    told = found["machine"]["cpu can"].split(", ")
    for name, flag in {"AVX2": " avx2", "AVX-512": " avx512f", "AMX": " amx_tile"}.items():
        if "flags" in text:
            assert (name in told) == (flag in text)
