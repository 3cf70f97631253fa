"""Engines that are imported: what is said of broken ones, and what they leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pursuit.errors import EngineError
from pursuit.runtimes.machine import imported


def test_a_library_that_cannot_be_imported_is_named_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "engine_a.py").write_text("raise OSError('libtbb.so.12: not there\\nmore')")
    (tmp_path / "engine_b.py").write_text("raise RuntimeError")
    (tmp_path / "engine_c.py").write_text("speed = 7")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EngineError, match=r"engine_a is .* \(libtbb\.so\.12: not there\): install"):
        imported("engine_a")
    with pytest.raises(EngineError, match=r"engine_b is .* \(RuntimeError\): install"):
        imported("engine_b")
    assert imported("engine_c").speed == 7


def test_onnx_runtime_leaves_no_identifier_behind(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    code = (
        "from pursuit import runtimes, weights\n"
        "network, _ = weights.read(weights.find('siamfc-slim'))\n"
        "assert runtimes.compile(network, 'onnx').name == 'onnx'\n"
    )
    # It is silent by itself where these say that it is tested.
    kept = {name: x for name, x in os.environ.items() if not name.startswith(("ORT_", "CI"))}
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", code], env={**kept, **home}, check=True, timeout=120)
    assert [*tmp_path.rglob("*")] == []
