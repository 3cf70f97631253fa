"""What `pursuit evaluate vot` does."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from collections.abc import Sequence as Several
from typing import Literal

from pursuit.cli._judged import Findings, Judged, Task
from pursuit.cli._judging import Judging
from pursuit.datasets import Sequence
from pursuit.datasets.vot import year_of
from pursuit.protocols import vot
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.plan import plan
from pursuit.protocols.repeat import expected_runs
from pursuit.protocols.runner import Outcome
from pursuit.reports import vot as reports
from pursuit.reports import vot_overlap
from pursuit.results.vot import Run, write_times


class _Vot(Judging):
    """VOT's experiments, whatever the measures."""

    def __init__(
        self, task: Task, protocol: str, start_box: Literal["min-max", "equal-area"]
    ) -> None:
        super().__init__(task, plan(f"vot-{protocol}"))
        self._protocol, self._start_box = protocol, start_box
        self._year = year_of(task.root)
        self.efo = protocol == "supervised"

    def frames(self, one: Entrant, part: Sequence) -> int:
        """Return how many frames a tracker will see of a sequence."""
        return expected_runs(self.plan, one) * len(part)

    def run(self, entrants: Several[Entrant], sequences: Several[Sequence]) -> Iterator[Outcome]:
        """Yield the outcomes of all runs."""
        return vot.run(
            entrants,
            sequences,
            self.task.out,
            protocol=self._protocol,
            start_box=self._start_box,
            workers=self.task.workers,
            making=self.making,
        )

    def findings(self, judged: Judged) -> Findings:
        """Return a table and the scores; the times of all runs are written."""
        runs = {one.label: self._stored(judged, one) for one in judged.entrants}
        for label, found in runs.items():
            for name, several in found.items():
                write_times(self.task.out / label / self.plan.folder, name, several, self.plan.runs)
        return self._shown(judged, runs)

    @abstractmethod
    def _shown(self, judged: Judged, runs: reports.Runs) -> Findings:
        """Return the table and the scores of all trackers' runs."""

    def _stored(self, judged: Judged, one: Entrant) -> dict[str, Several[Run]]:
        folder = self.task.out / one.label
        return {part.name: vot.read_runs(folder, part, self._protocol) for part in judged.ran(one)}


class WithResets(_Vot):
    """The supervised experiment, with region noise or without."""

    def told(self, judged: Judged, one: Entrant) -> str:
        """Return a tracker's accuracy, as a line has it."""
        return reports.summary(self._scores(judged, {one.label: self._stored(judged, one)}))

    def _shown(self, judged: Judged, runs: reports.Runs) -> Findings:
        found = self._scores(judged, runs)
        below = reports.notes(found, judged.left_out)
        return Findings([([reports.table(found)], below)], reports.as_json(found))

    def _scores(self, judged: Judged, runs: reports.Runs) -> reports.Scores:
        return reports.scores(runs, judged.failures, judged.sequences, self._year)


class Unsupervised(_Vot):
    """The experiment in which nobody is helped again."""

    def told(self, judged: Judged, one: Entrant) -> str:
        """Return a tracker's average overlap, as a line has it."""
        return vot_overlap.summary(self._scores(judged, {one.label: self._stored(judged, one)}))

    def _shown(self, judged: Judged, runs: reports.Runs) -> Findings:
        found = self._scores(judged, runs)
        below = reports.failures_to_run(found, judged.left_out)
        return Findings([([vot_overlap.table(found)], below)], vot_overlap.as_json(found))

    def _scores(self, judged: Judged, runs: reports.Runs) -> list[vot_overlap.TrackerScore]:
        truth = reports.benchmark(judged.sequences, self._year)
        return vot_overlap.scores(runs, judged.failures, truth)
