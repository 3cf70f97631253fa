"""Threads that share rows."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from pursuit.threads import in_parts


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("number", [0, 1, 2, 7, 24])
def test_each_row_is_worked_on_once(number: int, threads: int) -> None:
    done: list[range] = []
    in_parts(number, threads, done.append)
    assert sorted(row for rows in done for row in rows) == list(range(number))
    assert len(done) == max(1, min(number, threads))
    assert number < threads or max(map(len, done)) - min(map(len, done)) <= 1


def test_the_caller_is_one_of_the_threads_which_work_at_once() -> None:
    together = threading.Barrier(3, timeout=30)
    who: list[int] = []

    def work(rows: range) -> None:
        who.append(threading.get_ident())
        together.wait()

    in_parts(3, 3, work)
    assert len(set(who)) == 3 and threading.get_ident() in who


@pytest.mark.parametrize("bad", [0, 3])
def test_an_error_of_any_is_the_callers_once_all_have_ended(bad: int) -> None:
    ended: list[range] = []

    def work(rows: range) -> None:
        if bad in rows:
            raise ValueError(f"row {bad}")
        time.sleep(0.2)
        ended.append(rows)

    with pytest.raises(ValueError, match=f"row {bad}"):
        in_parts(4, 4, work)
    assert len(ended) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_threads_of_its_own() -> None:
    in_parts(4, 4, len)
    child = os.fork()
    if child == 0:  # pragma: no cover
        signal.alarm(20)
        try:
            in_parts(4, 4, len)
            os._exit(7)
        finally:  # it would go on with the other tests
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
