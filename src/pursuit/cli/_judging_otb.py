"""What `pursuit evaluate otb` does."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Several

from pursuit.cli._judged import Findings, Judged, Task
from pursuit.cli._judging import Judging
from pursuit.datasets import Sequence, Usable
from pursuit.protocols import otb
from pursuit.protocols.entrants import Entrant
from pursuit.protocols.plan import plan
from pursuit.protocols.runner import Outcome
from pursuit.reports import plots
from pursuit.reports.comparison import with_interval
from pursuit.reports.scores import TrackerScore, as_json, pace, sequence_score
from pursuit.reports.table import attribute_tables, notes, table


class Otb(Judging):
    """OTB's protocols: ope, tre, sre."""

    def __init__(self, task: Task, protocol: str, list_: str | None) -> None:
        super().__init__(task, plan(f"otb-{protocol}"))
        self._protocol, self._list = protocol, list_

    def prepared(self, found: Usable) -> Usable:
        """Return the sequences as the toolbox runs trackers on them."""
        return otb.prepared(found, self._list)

    def frames(self, one: Entrant, part: Sequence) -> int:
        """Return how many frames a tracker will see of a sequence."""
        return otb.frames(self._protocol, part)

    def run(self, entrants: Several[Entrant], sequences: Several[Sequence]) -> Iterator[Outcome]:
        """Yield the outcomes of all runs."""
        out, workers = self.task.out, self.task.workers
        how = self._protocol
        return otb.run(entrants, sequences, out, protocol=how, workers=workers, making=self.making)

    def told(self, judged: Judged, one: Entrant) -> str:
        """Return a tracker's AUC, as a line has it."""
        mine = self._score(judged, one)
        return with_interval("AUC", mine.auc, mine.interval)

    def findings(self, judged: Judged) -> Findings:
        """Return tables and scores; the plots are saved."""
        scores = [self._score(judged, one) for one in judged.entrants]
        below = notes(scores, judged.left_out, workers=self.task.workers)
        by_attribute = attribute_tables(scores)
        caption = "AUC of the sequences with an attribute"
        drawn = plots.save_plots(scores, self.task.out, self._protocol)
        return Findings(
            [([table(scores)], below), *([(by_attribute, [caption])] if by_attribute else [])],
            as_json(scores),
            "results and plots" if drawn else "results",
        )

    def _score(self, judged: Judged, one: Entrant) -> TrackerScore:
        ran, folder = judged.ran(one), self.task.out / one.label
        # From disk, also what was run just now: the same numbers now and when it is all kept.
        found = [otb.read_runs(folder, part, self._protocol) for part in ran]
        parts = tuple(sequence_score(part.name, x) for part, x in zip(ran, found, strict=True))
        speed = pace([each for several in found for each, _ in several])
        return TrackerScore(one.label, parts, judged.failed(one), speed)
