"""The command line as a whole: help, version, errors in one line, start-up time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

import pursuit
from pursuit import cli
from pursuit.errors import BoxError
from pursuit.video import VideoWarning


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pursuit", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_without_arguments_shows_help_with_examples() -> None:
    done = run()
    assert done.returncode == 0
    assert "pursuit track clip.mp4 --box" in done.stdout
    assert done.stderr == ""
    assert done.stdout == run("--help").stdout


def test_help_names_every_command() -> None:
    listed = run("--help").stdout.split("Commands:")[1].split("Examples:")[0]
    names = [line.split()[0] for line in listed.splitlines() if line.strip()]
    assert set(cli._COMMANDS) <= set(names)


def test_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"pursuit {pursuit.__version__}\n")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["docter"], "doctor"),
        (["--versoin"], "--version"),
        (["doctor", "--jsn"], "--json"),
        (["doctor", "now"], "now"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_nearest(words: list[str], hint: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert hint in done.stderr


def test_help_imports_nothing_heavy() -> None:
    """It comes at once: what it waits for is counted, as seconds tell of the machine's load."""
    code = (
        "import sys; before = set(sys.modules); from pursuit.cli import main; main(['--help']);"
        "names = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(*names - set(sys.stdlib_module_names), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    typers = {"click", "shellingham", "annotated_doc", "typing_extensions", "colorama"}
    assert {"pursuit", "typer"} <= set(done.stderr.split()) <= {"pursuit", "typer", *typers}


@pytest.mark.parametrize(
    ("given", "turns"),
    [({}, "2000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "passive"}, "0")],
)
def test_threads_that_wait_soon_sleep(given: dict[str, str], turns: str) -> None:
    """PyTorch's OpenMP tells what it found; that it sleeps is what a busy machine needs."""
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    plain = {name: value for name, value in os.environ.items() if name not in names}
    env = {**plain, **given, "OMP_DISPLAY_ENV": "verbose"}
    command = [sys.executable, "-m", "pursuit", "list"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    if "GOMP_SPINCOUNT" not in done.stderr:
        pytest.skip("PyTorch has another OpenMP than GNU's here")
    assert f"GOMP_SPINCOUNT = '{turns}'" in done.stderr


def put_in_place(monkeypatch: pytest.MonkeyPatch, name: str, command: Callable[[], None]) -> None:
    """Make a function the only command there is."""

    def only() -> typer.Typer:
        app = typer.Typer(pretty_exceptions_enable=False)
        app.callback()(lambda: None)
        app.command(name)(command)
        return app

    monkeypatch.setattr(cli, "build", only)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """Put one command in place that raises what the test puts into the list."""
    errors: list[BaseException] = []

    def fail() -> None:
        raise errors[0]

    put_in_place(monkeypatch, "fail", fail)
    return errors


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (BoxError("a box is\n  four numbers"), 2, "error: a box is four numbers\n"),
        (KeyboardInterrupt(), 130, ""),
        (typer.Exit(1), 1, ""),
    ],
)
def test_exit_status_and_message_of_errors(
    failing: list[BaseException],
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    text: str,
) -> None:
    failing.append(error)
    assert cli.main(["fail"]) == status
    assert capsys.readouterr().err == text


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_sigterm_is_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    tidied = []

    def wait() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        finally:
            tidied.append(True)

    put_in_place(monkeypatch, "wait", wait)
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        assert cli.main(["wait"]) == 143
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)
    assert tidied == [True]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("word", ["list", "--help"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_standard_output(word: str, unbuffered: str) -> None:
    command = [sys.executable, "-m", "pursuit", word]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot write standard output: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="closes it in a shell")
def test_a_closed_standard_output() -> None:
    done = subprocess.run(
        f"{sys.executable} -m pursuit list >&-", shell=True, stderr=subprocess.PIPE, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_an_error_of_a_file_is_not_one_of_standard_output(failing: list[BaseException]) -> None:
    for error in (OSError(28, "full", "a.txt"), OSError(28, "full")):
        failing[:] = [error]
        with pytest.raises(OSError, match="full"):
            cli.main(["fail"])


def test_a_box_without_commas_is_understood() -> None:
    done = run("track", "clip.mp4", "--box", "67", "5", "161", "131")
    assert done.returncode == 2
    assert done.stderr.endswith("written with commas: --box 67,5,161,131\n")


def test_a_bug_is_not_hidden(failing: list[BaseException]) -> None:
    failing.append(RuntimeError("a bug"))
    with pytest.raises(RuntimeError):
        cli.main(["fail"])


def test_own_warnings_and_those_of_a_gpu_are_one_line_each_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warn() -> None:
        warnings.simplefilter("always", VideoWarning)
        for text in ("of\nours", "of ours", "ours too"):  # the second says what the first said
            warnings.warn(text, VideoWarning, stacklevel=1)
        warnings.warn("of others", UserWarning, stacklevel=1)
        # What PyTorch has to say of a GPU: nobody asked for one.
        warnings.warn_explicit("too\n   old", UserWarning, "lib/torch/cuda/__init__.py", 1)

    put_in_place(monkeypatch, "demo", warn)
    before = warnings.showwarning
    with pytest.warns(UserWarning, match="of others"):
        assert cli.main(["demo"]) == 0
    assert warnings.showwarning is before
    told = "warning: of ours\nwarning: ours too\nwarning: PyTorch: too old\n"
    assert capsys.readouterr().err == told
