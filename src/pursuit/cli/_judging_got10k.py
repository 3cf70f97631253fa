"""What `pursuit evaluate got10k` does."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Several

from pursuit.cli._judged import Findings, Judged, Task
from pursuit.cli._judging import Judging
from pursuit.datasets import Sequence
from pursuit.protocols import got10k
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.repeat import expected_runs
from pursuit.protocols.runner import Outcome
from pursuit.reports.comparison import with_interval
from pursuit.reports.got10k import TrackerScore, as_json, table, tracker_score
from pursuit.reports.vot import failures_to_run
from pursuit.results.got10k import write_times


class Got10k(Judging):
    """GOT-10k's protocol."""

    def __init__(self, task: Task) -> None:
        super().__init__(task, got10k.PLAN)

    def frames(self, one: Entrant, part: Sequence) -> int:
        """Return how many frames a tracker will see of a sequence."""
        return expected_runs(self.plan, one) * len(part)

    def run(self, entrants: Several[Entrant], sequences: Several[Sequence]) -> Iterator[Outcome]:
        """Yield the outcomes of all runs."""
        out, workers = self.task.out, self.task.workers
        return got10k.run(entrants, sequences, out, workers=workers, making=self.making)

    def told(self, judged: Judged, one: Entrant) -> str:
        """Return a tracker's AO, as a line has it."""
        mine = self._score(judged, one)
        return with_interval("AO", mine.score.figures.ao, mine.score.intervals["ao"])

    def findings(self, judged: Judged) -> Findings:
        """Return a table and the scores."""
        scores = [self._score(judged, one) for one in judged.entrants]
        below = failures_to_run(scores, judged.left_out)
        return Findings([([table(scores)], below)], as_json(scores))

    def _score(self, judged: Judged, one: Entrant) -> TrackerScore:
        folder = self.task.out / one.label
        found = [(part, got10k.read_runs(folder, one, part)) for part in judged.ran(one)]
        for part, runs in found:
            write_times(folder, part.name, runs)
        return tracker_score(one.label, found, judged.failed(one))
