"""Items of a generator, made by a thread of its own a few ahead of who takes them."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Generator
from typing import Generic, TypeVar

_ROOM = 4  # items that wait to be taken; frames are large, and more smooths nothing
_LOOK_UP = 0.1  # seconds between looks at whether the user wants to stop

T = TypeVar("T")


class Ahead(Generic[T]):
    """The items of a generator, in order; a thread makes up to four that nobody has taken yet.

    What the generator raises is raised where its item would have been. The thread ends with
    the generator, at `close`, and when nobody holds this object any more; it closes the
    generator itself.

    Args:
        items: from now on the thread's alone.
        stopped: once it is set there are no more items.
    """

    def __init__(self, items: Generator[T, None, None], stopped: threading.Event) -> None:
        self._line = _Line[T]()
        self._stopped = stopped
        # The thread must not hold this object: that would keep one alive that nobody wants.
        self._thread = threading.Thread(target=self._line.fill, args=(items,), daemon=True)
        self._thread.start()
        weakref.finalize(self, self._line.shut)

    @property
    def seconds(self) -> float:
        """Time the thread has worked; waiting for room is not counted."""
        return self._line.seconds

    def take(self) -> T | None:
        """Wait for the next item; None at the end."""
        return self._line.take(self._stopped)

    def close(self) -> None:
        """End the thread and wait for it to let go of the generator."""
        self._line.shut()
        self._thread.join()


class _Line(Generic[T]):
    """A bounded line of items between two threads."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._changed = threading.Condition()
        self._items: deque[T] = deque()
        self._error: BaseException | None = None
        self._ended = False
        self._shut = False

    def fill(self, items: Generator[T, None, None]) -> None:
        """Put in all items, as there is room."""
        try:
            while not self._shut:
                began = time.perf_counter()
                item = next(items, None)
                self.seconds += time.perf_counter() - began
                if item is None:
                    break
                self._put(item)
        except BaseException as error:  # handed to the thread that takes
            self._error = error
        finally:
            try:
                items.close()
            finally:
                with self._changed:
                    self._ended = True
                    self._changed.notify_all()

    def _put(self, item: T) -> None:
        with self._changed:
            while len(self._items) >= _ROOM and not self._shut:
                self._changed.wait()
            self._items.append(item)
            self._changed.notify_all()

    def take(self, stopped: threading.Event) -> T | None:
        """Wait for an item; None at the end, or once `stopped` is set."""
        with self._changed:
            while not self._items and not self._ended and not stopped.is_set():
                self._changed.wait(_LOOK_UP)
            if stopped.is_set():
                return None
            if self._items:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
            error, self._error = self._error, None
        if error is not None:
            raise error
        return None

    def shut(self) -> None:
        """Let `fill` end."""
        with self._changed:
            self._shut = True
            self._changed.notify_all()
