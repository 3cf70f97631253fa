"""What the path of a file tells of VOT's results: whether it is one, of what experiment, whose."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from pursuit.archives import Parts
from pursuit.results.runs import tracker_of
from pursuit.results.vot import EXPERIMENTS

READ = (".txt", ".csv", ".bin")
# Folders of experiments; others that the toolkits have are named, not scored.
FOLDERS = (*EXPERIMENTS, "supervised", "longterm", "multistart")

_RUN = re.compile(r"(.+)_(\d{3})\.(?:txt|csv|bin)", re.IGNORECASE)


def run_of(name: str) -> str:
    """Return the sequence that a file is a run of by its name, SEQUENCE_001.txt; "" for none."""
    match = _RUN.fullmatch(name)
    return match[1] if match else ""


def is_run(parts: Sequence[str]) -> bool:
    """Return whether a file of such a path is called as a run: SEQUENCE/SEQUENCE_001.txt."""
    return len(parts) > 1 and parts[-2].lower() == run_of(parts[-1]).lower()


def may_be_run(parts: Sequence[str]) -> bool:
    """Return whether a file is called as a run, or as the folder that it lies in."""
    path = PurePosixPath(parts[-1])
    alone = path.suffix.lower() in READ and path.stem.lower() == "".join(parts[-2:-1]).lower()
    return alone or bool(run_of(path.name))


def experiment_of(parts: Sequence[str]) -> str:
    """Return the experiment that a file is a run of by its path; "" outside a folder of one."""
    *above, name = parts
    folders = [part.lower() if part.lower() in FOLDERS else "" for part in above]
    if folders and folders[-1] and run_of(name):
        return folders[-1]
    if len(above) > 1 and folders[-2] and may_be_run(parts) and _is_of(name, above[-1]):
        return folders[-2]
    return ""


def experiment_folder(parts: Parts) -> Parts:
    """Return the path of the folder of an experiment that a file lies in; nothing of another."""
    ends = [at for at, part in enumerate(parts[:-1], 1) if part.lower() in FOLDERS]
    return parts[: ends[-1]] if ends else ()


def place(whole: Parts) -> tuple[str, str, str] | None:
    """Return tracker, experiment, "" outside a folder of one, and sequence; None of no run."""
    *above, name = whole
    experiment = experiment_of(whole)
    if experiment and above[-1].lower() == experiment and run_of(name):
        return (above[-2], experiment, run_of(name)) if len(above) > 1 else None
    if experiment:
        return (above[-3], experiment, above[-1]) if len(above) > 2 else None
    if len(above) > 1 and above[-1].lower() not in FOLDERS and is_run(whole):
        return tracker_of(tuple(above), above[-1].lower(), str.lower), "", above[-1]
    return None


def _is_of(name: str, sequence: str) -> bool:
    """Return whether SEQUENCE_001.txt or SEQUENCE.txt is of a sequence."""
    return sequence.lower() in (run_of(name).lower(), PurePosixPath(name).stem.lower())
