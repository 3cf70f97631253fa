"""Running the command as a person does."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass

from pursuit import cli

# Ends itself by a signal in the midst of a step of training, as one from elsewhere may: after the
# network's pass, and before its values are changed.
_STOPPING = """
import os, signal, sys
from pursuit.cli import main
from pursuit.learning import checkpoints, loop

checkpoints._SECONDS = 0
step, number = int(sys.argv.pop(1)), int(sys.argv.pop(1))
one = loop._Loop._one

def stopping(self, batch):
    if self.step == step:
        self._task.learner.register_forward_hook(lambda *_: os.kill(os.getpid(), number))
    return one(self, batch)

loop._Loop._one = stopping
# A job in the background is started with Ctrl-C ignored, and so is what it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main())
"""


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def run(*words: object) -> Done:
    """Run the command in this process: starting another one takes seconds."""
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        status = cli.main([str(word) for word in words])
    return Done(status, out.getvalue(), error.getvalue())


def run_apart(*words: object, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, in a terminal of 80 columns.

    `options` are Python's own, such as -W error.
    """
    return _run_python(*options, "-m", "pursuit", *words)


def run_stopped(step: int, number: int, *words: object) -> subprocess.CompletedProcess[str]:
    """Train by command in a process of its own, which a signal stops after so many steps.

    A checkpoint is made after each step.
    """
    return _run_python("-c", _STOPPING, step, number, *words)


def _run_python(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, words)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
        timeout=300,
        check=False,
    )
