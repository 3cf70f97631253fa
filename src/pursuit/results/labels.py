"""What a tracker may be called, so that its results are found again as its own."""

from __future__ import annotations

from pursuit.datasets.otb_list import key
from pursuit.results.otb_names import SEVERAL, may_be_result
from pursuit.results.runs import tracker_of
from pursuit.results.vot_names import FOLDERS


def is_readable(label: str, sequence: str = "") -> bool:
    """Return whether results in a folder of this name are read as those of a tracker so called.

    Args:
        label: of the tracker.
        sequence: on which; a folder called as the sequence is no tracker's either.
    """
    folders = ("somewhere", label)  # which may be a tracker's: the label's own must come first
    return (
        tracker_of(folders, key(sequence), key) == label
        and may_be_result((*folders, "sequence.txt"), own=())
        and label.lower() not in (*FOLDERS, *SEVERAL)
    )
