"""What results on a page are compared with, and what of it is left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pursuit import datasets
from pursuit.datasets.otb_list import keys
from pursuit.datasets.usable import with_a_start
from pursuit.errors import DataError, SettingsError


@dataclass(frozen=True)
class Labels:
    """What results are compared with.

    Attributes:
        ground_truth: labels in files; None where those of the videos count.
        videos: name -> sequence that is good; none where nobody named them.
        faults: name of each other sequence of the videos -> what is wrong with it.
    """

    ground_truth: Path | None
    videos: Mapping[str, datasets.Sequence]
    faults: Mapping[str, str] = field(default_factory=dict)

    @property
    def left_out(self) -> Mapping[str, str]:
        """Sequences that no result is compared on -> why."""
        return self.faults if self.ground_truth is None else {}

    @property
    def unseen(self) -> list[str]:
        """What cannot be shown of sequences that labels in files have, a line each."""
        if self.ground_truth is None:
            return []
        return [f"no pictures of {name}: {why}" for name, why in self.faults.items()]

    @cached_property
    def not_to_be_used(self) -> frozenset[str]:
        """How the sequences that are left out are looked up, `datasets.otb_list.key` and lower."""
        return frozenset(at for name in self.left_out for at in _looked_up(name))

    def nothing(self, kind: str, places: Iterable[Path], ran: Collection[str]) -> DataError:
        """Return the error that no result of a kind can be compared: what keeps them from it.

        Args:
            kind: what it is called.
            places: where the results are.
            ran: their sequences, as these are looked up.
        """
        where = ", ".join(map(str, places))
        why = [f"{x}: {told}" for x, told in self.left_out.items() if _looked_up(x) & {*ran}]
        if not why:
            return DataError(f"{where}: no result of {kind}'s kind is of a sequence with labels")
        more = f"; and {len(why) - 1} more" if len(why) > 1 else ""
        return DataError(
            f"{where}: no result of {kind}'s kind is of a sequence that can be used; "
            f"left out: {why[0]}{more}"
        )


def _looked_up(name: str) -> frozenset[str]:
    """Return how a sequence that is left out, or those of its video, are looked up."""
    return frozenset((name.lower(), *keys(name)))


def read(ground_truth: Path | None, videos: Path | None) -> Labels:
    """Return the labels in files, or of the good sequences of a data set of videos.

    Args:
        ground_truth: labels in files; None takes those of the videos.
        videos: a data set, for the pictures.

    Raises:
        SettingsError: neither labels nor videos.
        DataError: the videos cannot be read, or none of them is good.
    """
    if ground_truth is None and videos is None:
        raise SettingsError(
            "to score results their labels are needed: --ground-truth PATH, or --videos ROOT, "
            "which shows the frames too"
        )
    if videos is None:
        return Labels(ground_truth, {})
    found = datasets.open_usable(videos)
    if ground_truth is None:
        found = with_a_start(found)
    if not found.sequences:
        name, why = next(iter(found.faults.items()))
        raise DataError(f"{videos}: no sequence is good; the first, {name}: {why}")
    return Labels(ground_truth, {one.name: one for one in found.sequences}, found.faults)
