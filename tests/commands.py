"""Running the command as a person does."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass

from pursuit import cli


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
