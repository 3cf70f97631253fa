"""What stands in for a GPU's recordings where there is none."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


class StandInRecorder:
    """Records calls as a GPU does: each replay writes to the one tensor that it gave out."""

    def __init__(self) -> None:
        self.recorded = 0
        self.replayed = 0

    def record(self, run: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        self.recorded += 1
        output = run()
        output = output.new_empty(output.shape)  # nothing in it yet: a recording does not run

        def replay() -> None:
            self.replayed += 1
            output.copy_(run())

        return replay, output
