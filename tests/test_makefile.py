"""The Makefile: which Python it takes, and what it says where none is new enough."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAKE = shutil.which("make")

pytestmark = pytest.mark.skipif(MAKE is None, reason="needs make")


def make(folder: Path, pythons: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run make in a folder, where PATH has nothing but Pythons of such versions.

    One of version "" is a name alone, as pyenv leaves for what another project uses.
    """
    assert MAKE is not None
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    path = folder / "bin"
    path.mkdir()
    for name, version in pythons.items():
        numbers = tuple(int(number) for number in version.split(".") if number)
        lines = [
            "#!/bin/sh",
            '[ "$1" = --version ] && echo Python ' + version + " && exit 0",
            f"exec '{sys.executable}' -c '"
            f'import sys; sys.version_info = {numbers}; exec(sys.argv[1])\' "$2"',
        ]
        if not version:
            lines[1:] = [f"echo 'pyenv: {name}: command not found' >&2", "exit 127"]
        (path / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        (path / name).chmod(0o755)
    # No more than PATH: what this test runs under may itself be a make, with words of its own.
    return subprocess.run(
        [MAKE, *words], cwd=folder, env={"PATH": str(path)}, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("pythons", "words", "taken", "version"),
    [
        ({"python3": "3.11.2"}, [], "python3", "3.11"),
        ({"python3": "3.14.0", "python3.13": "3.13.0"}, [], "python3", "3.14"),
        ({"python3": "3.10.13", "python3.11": "3.11.7"}, [], "python3.11", "3.11"),
        ({"python3": "3.9.6", "python3.13": "", "python3.12": "3.12.1"}, [], "python3.12", "3.12"),
        ({"python3.11": "3.11.7", "python3.13": "3.13.0"}, [], "python3.13", "3.13"),
        ({"python3": "3.11.2", "other": "3.12.1"}, ["PYTHON=other"], "other", "3.12"),
    ],
)
def test_the_python_in_use_is_taken_or_else_a_newer_one(
    tmp_path: Path, pythons: dict[str, str], words: list[str], taken: str, version: str
) -> None:
    done = make(tmp_path, pythons, "--dry-run", *words, "demo")
    assert done.returncode == 0, done.stderr
    stamp = f".venv/.installed-with-python{version}"
    assert f"test -e {stamp} || {taken} -m venv --clear .venv" in done.stdout.splitlines()


@pytest.mark.parametrize(
    ("pythons", "words", "what"),
    [
        ({"python3": "3.10.13"}, [], "python3 is 3.10.13"),
        ({}, [], "python3 is older or not there"),
        ({"python3": "3.9.6", "python3.13": "3.13.0"}, ["PYTHON=python3"], "python3 is 3.9.6"),
        ({"python3": "3.13.0"}, ["PYTHON=python4"], "python4 is older or not there"),
    ],
)
@pytest.mark.parametrize("goal", ["demo", "test"])
def test_one_line_says_that_python_is_too_old(
    tmp_path: Path, pythons: dict[str, str], words: list[str], what: str, goal: str
) -> None:
    done = make(tmp_path, pythons, *words, goal)
    assert done.returncode == 2
    assert done.stdout == ""
    said, by_make = done.stderr.splitlines()
    assert said == (
        f"pursuit needs Python 3.11 or newer, and {what}: install one, or name one that you have: "
        f"make PYTHON=python3.12 {goal}"
    )
    assert by_make.startswith("make: ***")
    assert not (tmp_path / ".venv").exists()


def test_python_versions_are_the_same_everywhere() -> None:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    claimed = re.findall(r"Python :: (3\.\d+)", "\n".join(whole["project"]["classifiers"]))
    assert claimed == ["3.11", "3.12", "3.13"]  # those that the tests were run with
    assert whole["project"]["requires-python"] == f">={claimed[0]}"
    assert whole["tool"]["mypy"]["python_version"] == claimed[0]
    assert whole["tool"]["ruff"]["target-version"] == "py" + claimed[0].replace(".", "")
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    tried = text.split("for name in python3 ")[1].split(";")[0].split()
    assert tried == [f"python{version}" for version in reversed(claimed)]
    assert "sys.version_info < (3, 11)" in text
