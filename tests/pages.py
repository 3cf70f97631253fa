"""Results on disk for the tests of pages, and a reader of pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from pursuit.measures.vot import Code
from pursuit.results import got10k, otb, vot

LENGTHS = {"first": 20, "second": 30, "third": 24}
TRUTH = (20.0, 16.0, 24.0, 20.0)
HOSTILE = "<img src=x onerror=alert(1)>|_&$x^%#{}~`*"


def write_videos(root: Path, write: Callable[..., Path]) -> Path:
    for name, length in LENGTHS.items():
        write(root, name, [(at, 0, *TRUTH) for at in range(length)], frames=length)
    return root


def write_otb(
    root: Path, tracker: str, shift: float, *, lost_from: int = 99, ms: float = 4
) -> None:
    """Write one-pass runs that are off by some pixels, and lost from some frame on."""
    for name, length in LENGTHS.items():
        boxes = np.tile(TRUTH, (length, 1))
        boxes[1:, 0] += shift
        boxes[lost_from:, 0] = 70
        run = otb.Run(boxes, np.full(length, ms), np.full(length, 1.0))
        otb.write(root / tracker, name, run)
    (root / tracker / "tracker.json").write_text(json.dumps({"tracker": "made-up", "sha256": []}))


def write_vot(
    root: Path,
    tracker: str,
    shift: float,
    *,
    fails_at: int | None = None,
    experiment: str = "baseline",
) -> None:
    """Write supervised runs that are off by some pixels, and fail in some frame."""
    for name, length in LENGTHS.items():
        codes = np.full(length, Code.FOLLOWED)
        codes[0] = Code.STARTED
        if fails_at is not None:
            codes[fails_at] = Code.FAILED
            codes[fails_at + 1 : fails_at + 5] = Code.SKIPPED
            codes[fails_at + 5 : fails_at + 6] = Code.STARTED
        boxes = np.tile(TRUTH, (length, 1)) + (shift, 0, 0, 0)
        boxes[codes != Code.FOLLOWED] = np.nan
        vot.write(root / tracker / experiment, name, vot.Run(codes, boxes))


def write_got10k(
    root: Path, tracker: str, shifts: dict[str, list[float]], *, ms: float = 4
) -> None:
    """Write runs that are off by some pixels each, and lost in the last three frames."""
    for name, several in shifts.items():
        runs = []
        for number, shift in enumerate(several, start=1):
            boxes = np.tile(TRUTH, (LENGTHS[name], 1))
            boxes[1:, 0] += shift
            boxes[-3:, 0] = 70
            tracker_ms = np.full(LENGTHS[name], ms)
            tracker_ms[0] = 500
            runs.append(otb.Run(boxes, tracker_ms, np.full(LENGTHS[name], 1.0)))
            got10k.write(root / tracker, name, runs[-1], number)
        got10k.write_times(root / tracker, name, runs)


class Page(HTMLParser):
    """What a page holds: tables by id, addresses, text; and whether its tags are closed."""

    VOID = frozenset(("meta", "img", "br", "path", "use", "rect", "circle"))

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self._table = ""
        self._cell: list[str] | None = None
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        known = dict(attrs)
        self.addresses += [known[key] or "" for key in ("src", "href", "action") if key in known]
        self.handlers += [key for key in known if key.startswith("on")]
        if known.get("id"):
            self.ids.append(str(known["id"]))
        if tag == "figure" and known.get("class") == "table":
            self._table = str(known["id"])
            self.tables[self._table] = []
        if tag == "tr":
            self.tables[self._table].append([])
        if tag in ("td", "th"):
            self._cell = []
        if tag not in self.VOID or self._open[-1:] == ["svg"]:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self.tables[self._table][-1].append("".join(self._cell))
            self._cell = None
        if tag not in self.VOID or self._open[-1:] == [tag]:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._cell is not None:
            self._cell.append(data)
