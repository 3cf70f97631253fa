"""A program at the other end of two pipes: lines to it, lines from it, and its certain end."""

from __future__ import annotations

import os
import queue
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from pursuit.errors import ProgramError, ProgramHung

_POSIX = os.name == "posix"
_LONGEST = 4096  # bytes of a line; what is longer is no answer
_UNREAD = 64  # lines that nobody asked for; then it is not read on
_TAIL = 4096  # bytes of its standard error that are kept
_GRACE = 1.0  # seconds for a program that has no more to read to end by itself

# Reads process groups until the process that started it ends, however that comes; then ends the
# groups and removes the folder.
_GUARD = 'all=; while read -r one; do all="$all -$one"; done; kill -KILL $all; rm -rf "$0"'


class Guard:
    """A folder for programs' pictures; it goes with this object, or when this process dies.

    The programs it was told of end when this process dies before it could close them.
    """

    def __init__(self) -> None:
        # The shell comes before the folder: there is no moment at which nobody would remove it.
        self.folder = Path(tempfile.gettempdir()) / f"pursuit-{secrets.token_hex(8)}"
        self._shell = _shell(self.folder) if _POSIX else None
        self._close = weakref.finalize(self, _give_up, self.folder, self._shell)
        self.folder.mkdir(mode=0o700)

    def watch(self, group: int) -> None:
        """End this process group, too, when this process dies."""
        if self._shell is not None and self._shell.stdin is not None:
            with suppress(OSError):
                self._shell.stdin.write(b"%d\n" % group)
                self._shell.stdin.flush()

    def close(self) -> None:
        """Remove the folder; the programs have ended."""
        self._close()


class Program:
    """A running program; it does not outlive this object, nor this process.

    On POSIX it has a process group of its own: what it started ends with it, and Ctrl-C in the
    terminal does not reach it.

    Args:
        words: the program and its arguments.
        guard: ends it when this process dies before it could.

    Raises:
        ProgramError: it cannot be started.
    """

    def __init__(self, words: Sequence[str], guard: Guard) -> None:
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                words, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=_POSIX
            )
        except OSError as error:
            raise ProgramError(f"cannot be started: {error.strerror or error}") from None
        guard.watch(self._process.pid)
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._errors = [b""]
        self._close = weakref.finalize(self, _end, self._process)
        _, out, err = _pipes(self._process)
        # Threads: only they can wait for a pipe, for some time, on every system.
        threading.Thread(target=_read_lines, args=(out, self._lines), daemon=True).start()
        self._listener = threading.Thread(target=_keep_tail, args=(err, self._errors), daemon=True)
        self._listener.start()

    def send(self, line: str) -> None:
        """Send it a line. Whether it lives shows when it answers.

        Raises:
            ProgramError: it has printed something that it was not asked for.
        """
        with suppress(queue.Empty):
            early = self._lines.get_nowait()
            if early is not None:
                raise ProgramError(
                    f"printed {shown(early)} without being asked{self._last_words()}"
                )
            self._lines.put(None)
        with suppress(OSError):
            to, _, _ = _pipes(self._process)
            to.write(line.encode() + b"\n")
            to.flush()

    def answer(self, seconds: float) -> str:
        """Return the next line that it prints.

        Raises:
            ProgramError: it has ended.
            ProgramHung: it prints none in this time.
        """
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            why = f"gave no answer in {seconds:g} s"
            raise ProgramHung(why + self._last_words()) from None
        if line is None:
            raise ProgramError(self._end_of_it() + self._last_words())
        return line.decode(errors="replace").strip()

    def close(self) -> None:
        """End it; it may end by itself for a second."""
        self._close()

    def _end_of_it(self) -> str:
        try:
            status = self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            return "closed its standard output"
        self._listener.join(_GRACE)  # for its last words
        if status < 0:
            return f"died of {signal.Signals(-status).name}"
        return f"ended with exit status {status}"

    def _last_words(self) -> str:
        lines = self._errors[0].decode(errors="replace").split("\n")
        said = " | ".join(line.strip() for line in lines if line.strip())
        return f"; its standard error ends: {said[-200:]}" if said else ""


def shown(line: bytes | str) -> str:
    """Return a line as an error quotes it."""
    text = line.decode(errors="replace") if isinstance(line, bytes) else line
    return repr(text.strip()[:60])


def _shell(folder: Path) -> subprocess.Popen[bytes] | None:
    """Start what removes the folder when this process is gone; None without a shell."""
    with suppress(OSError):
        return subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    return None


def _give_up(folder: Path, shell: subprocess.Popen[bytes] | None) -> None:
    if shell is not None:
        shell.kill()  # before its pipe closes: it must not take that for our end
        shell.wait()
        if shell.stdin is not None:
            shell.stdin.close()
    shutil.rmtree(folder, ignore_errors=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    to, _, _ = _pipes(process)
    with suppress(OSError):
        to.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    if _POSIX:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # what it has started, too
    else:
        process.kill()
    process.wait()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    return process.stdin, process.stdout, process.stderr


def _read_lines(stream: IO[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    with stream:
        while lines.qsize() < _UNREAD:
            line = stream.readline(_LONGEST)
            if not line:
                lines.put(None)
                return
            lines.put(line)


def _keep_tail(stream: IO[bytes], tail: list[bytes]) -> None:
    with stream:
        while piece := os.read(stream.fileno(), _TAIL):
            tail[0] = (tail[0] + piece)[-_TAIL:]
