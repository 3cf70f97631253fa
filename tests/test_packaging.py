"""The wheel: what is inside, and that it tracks in an environment of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import pursuit

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    words = [str(word) for word in command]
    # Nothing of the tests' own surroundings may help to find the package.
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.glob("pursuit-*.whl")
    return built


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel in a fresh environment, without an index; return its bin folder.

    The dependencies are taken from this environment by a line in a .pth file: their wheels
    are not at hand on every machine, and torch's alone would take a minute to unpack. This
    environment's own editable pursuit does not come along, as .pth files do not nest.
    """
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(folder, with_pip=False)
    bin_folder = folder / ("Scripts" if os.name == "nt" else "bin")
    python = bin_folder / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install"]
    run(*pip, "--no-index", "--no-deps", wheel, cwd=folder)
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run(python, "-c", code, cwd=folder).strip())
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    where = run(python, "-c", "import pursuit; print(pursuit.__file__)", cwd=folder)
    assert Path(where.strip()).is_relative_to(folder.resolve())
    return bin_folder


def test_wheel_holds_what_a_user_needs_and_is_small(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "pursuit/py.typed",
        "pursuit/assets/demo.mp4",
        "pursuit/assets/demo.csv",
        "pursuit/learning/recipes/siamfc-paper.yaml",
        "pursuit/learning/recipes/siamfc-slim.yaml",
        "pursuit/reports/templates/page.html",
        "pursuit/reports/templates/page.md",
        "pursuit/reports/templates/page.tex",
        "pursuit/weights/siamfc.safetensors",
        "pursuit/weights/siamfc.json",
        "pursuit/weights/siamfc-slim.safetensors",
        "pursuit/weights/siamfc-slim.json",
    ):
        assert name in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert all(name.startswith(("pursuit/", "pursuit-")) for name in names)
    assert not [name for name in names if "__pycache__" in name or "test" in name]
    assert wheel.stat().st_size < 34e6  # 18 of them goturn-compact, 9 its 8-bit form


def test_version_stands_in_one_place(wheel: Path) -> None:
    assert wheel.name.startswith(f"pursuit-{pursuit.__version__}-")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" not in project
    sources = (ROOT / "src").rglob("*.py")
    literal = re.compile(r"__version__\s*=\s*[\"']")
    found = [path.name for path in sources if literal.search(path.read_text(encoding="utf-8"))]
    assert found == ["__init__.py"]


def test_installed_wheel_tracks_the_demo_with_its_weights(scripts: Path, tmp_path: Path) -> None:
    told = run(scripts / "pursuit", "demo", "--out", "followed.mp4", cwd=tmp_path)
    assert "followed.mp4" in told
    assert (tmp_path / "followed.mp4").stat().st_size > 100_000


def test_installed_wheel_tracks_from_python(scripts: Path, tmp_path: Path) -> None:
    code = """
import numpy as np
import pursuit
frame = np.zeros((120, 160, 3), np.uint8)
frame[40:70, 60:100] = np.random.default_rng(0).integers(0, 256, (30, 40, 3))
tracker = pursuit.load()
tracker.init(frame, (60, 40, 40, 30))
box = tracker.update(np.roll(frame, (5, 7), axis=(0, 1))).box
assert np.abs(box[:2] - (67, 45)).max() < 3, box
"""
    run(scripts / "python", "-c", code, cwd=tmp_path)
