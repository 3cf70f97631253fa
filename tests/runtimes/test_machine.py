"""Engines that are imported: what is said of broken ones, and what they leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

from pursuit.errors import EngineError
from pursuit.runtimes.machine import imported, installed, version


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


def test_a_folder_that_an_uninstall_left_behind_is_no_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "engine_d" / "libs").mkdir(parents=True)
    (tmp_path / "engine_e").mkdir()
    (tmp_path / "engine_e" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert [installed(f"engine_{letter}") for letter in "dez"] == [False, True, False]
    assert installed("torch")


@pytest.mark.parametrize("content", [None, "", "Name: engine-f", "Name: engine-f\nVersion: \n"])
def test_a_version_that_nobody_tells_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    about = tmp_path / "engine_f-1.dist-info"
    about.mkdir()
    (about / "top_level.txt").write_text("engine_f\n")
    if content is not None:
        (about / "METADATA").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    assert version("engine_f") == version("engine_z") == "unknown"
    with suppress(ImportError):
        import_module("importlib_metadata")  # it takes the place of Python's own
    assert version("engine_f") == version("engine_z") == "unknown"
    (about / "METADATA").write_text("Name: engine-f\nVersion: 7.5\n")
    assert version("engine_f") == "7.5"


def test_another_package_called_openvino_is_named(tmp_path: Path) -> None:
    # In a process of its own: this one has imported the right one.
    (tmp_path / "openvino").mkdir()
    (tmp_path / "openvino" / "__init__.py").touch()
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from pursuit import weights\n"
        "from pursuit.bench import doctor\n"
        "from pursuit.errors import EngineError\n"
        "from pursuit.runtimes.export import export\n"
        "network, _ = weights.read(weights.find('siamfc-slim'))\n"
        "print(*(one.value for one in doctor._extras() if one.name == 'openvino' and not one.ok))\n"
        "try: export(network, 'openvino', Path(sys.argv[1]), 'net', {})\n"
        "except EngineError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "openvino is installed, but cannot be imported (No module named 'openvino.opset13'): "
        "install it anew, pip install --force-reinstall openvino"
    ] * 2  # fmt: skip


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
