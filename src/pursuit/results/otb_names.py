"""What the path of a file tells of OTB's results: whether it may be one, whose, on what."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import PurePosixPath

from pursuit.archives import Parts
from pursuit.datasets.otb import LABELS
from pursuit.datasets.otb_list import key
from pursuit.results import vot_names
from pursuit.results.runs import tracker_of

READ = (".txt", ".csv", ".mat", ".json")
NO_RESULTS = {"times", "att", "initomit", "matlab_curves"}  # folders beside results and labels
SEVERAL = {"tre": 20, "sre": 12}  # runs in such a folder

# What else trackers write beside a result: SEQUENCE_times.txt.
_BESIDE = re.compile(r"[._-](?:times?|fps|speed|runtime|scores?|conf|confidences?|states?|log)$")
_LABELS = re.compile(r"groundtruth.*|gt|att(?:r|rs|ributes?)?|readme")  # beside pictures
_NO_TRACKER = re.compile(
    r"\d{3}|box(?:es)?|bbox(?:es)?|rects?|tracks?|pred(?:s|ictions?)?|output|res"
)


def may_be_result(parts: Parts, own: Collection[str]) -> bool:
    """Return whether a file may be a result, of any kind.

    Args:
        parts: of its path, from the named folder on.
        own: folders in that one that are trackers', whatever they are called.
    """
    path = PurePosixPath(*parts)
    # The first one was named to us.
    folders = [part.lower() for part in parts[2 if is_own(parts, own) else 1 : -1]]
    return (
        not path.name.startswith(".")
        and path.stem.lower() != "readme"
        and not _BESIDE.search(path.stem.lower())
        and not LABELS.fullmatch(path.name)
        and not vot_names.experiment_of(parts)
        and not any(part in NO_RESULTS or part.startswith("anno") for part in folders)
    )


def is_own(parts: Parts, own: Collection[str]) -> bool:
    """Return whether a file lies in one of the folders `own` of the named one."""
    return len(parts) > 2 and parts[1] in own


def split(parts: Parts, known: Collection[str], own: Collection[str]) -> tuple[str, str] | None:
    """Return tracker and sequence of a file; None where it is of no known sequence."""
    path = PurePosixPath(*parts)
    if number(parts):
        return (parts[-4], key(parts[-2])) if key(parts[-2]) in known else None
    if key(path.stem) in known:
        return _tracker(parts, key(path.stem), own), key(path.stem)
    # The longest name of a sequence that it begins with: Jogging_1_kcf.
    for end in range(len(path.stem) - 1, 0, -1):
        if path.stem[end] in "_-." and key(path.stem[:end]) in known and path.stem[end + 1 :]:
            sequence, rest = key(path.stem[:end]), path.stem[end + 1 :]
            in_its_own = rest.isdecimal() and key(path.parent.name) == sequence
            # TRACKER/SEQUENCE/SEQUENCE_1.txt, TRACKER/SEQUENCE_001.txt, TRACKER/SEQUENCE_bbox.txt
            if in_its_own or _NO_TRACKER.fullmatch(rest.lower()):
                rest = _tracker(parts, sequence, own)
            return rest, sequence
    return None


def unusual_split(parts: Parts, known: Collection[str]) -> tuple[str, str] | None:
    """Return tracker and sequence of TRACKER_SEQUENCE.txt or SEQUENCE/TRACKER.txt, else None.

    Such names say less: other files beside usual results may be called so.
    """
    path = PurePosixPath(*parts)
    if _LABELS.fullmatch(path.stem.lower()):
        return None
    for at, letter in enumerate(path.stem):
        if at and letter in "_-." and key(path.stem[at + 1 :]) in known:
            sequence = key(path.stem[at + 1 :])
            return tracker_of((*parts[:-1], path.stem[:at]), sequence, key), sequence
    if len(parts) < 2 or key(parts[-2]) not in known:
        return None
    above = parts[:-1] if _NO_TRACKER.fullmatch(path.stem.lower()) else (*parts[:-1], path.stem)
    return tracker_of(above, key(parts[-2]), key), key(parts[-2])


def number(parts: Parts) -> int:
    """Return the number of a run of TRE or SRE, and 0 of other files."""
    several = vot_names.is_run(parts) and len(parts) > 3 and parts[-3].lower() in SEVERAL
    return int(parts[-1][-7:-4]) if several else 0


def _tracker(parts: Parts, sequence: str, own: Collection[str]) -> str:
    return parts[1] if is_own(parts, own) else tracker_of(parts[:-1], sequence, key)
