"""Labels in each layout, for the measures of each benchmark: `evaluate` runs them all ways."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pursuit.reports import vot
from pursuit.results import got10k_found, otb_labels

LABELS = {  # of one target in each, its box 10, 20, 30, 40 counted from 0
    "otb": ("img/000{}.png", "groundtruth_rect.txt", "11,21,30,40"),
    "vot": ("color/0000000{}.png", "groundtruth.txt", "10,20,40,20,40,60,10,60"),
    "got10k": ("0000000{}.png", "groundtruth.txt", "10,20,30,40"),
}


@pytest.fixture(params=LABELS)
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    name, labels, line = LABELS[request.param]
    content = cv2.imencode(".png", np.zeros((120, 160, 3), np.uint8))[1].tobytes()
    for number in (1, 2, 3):
        file = tmp_path / "Bus" / name.format(number)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (tmp_path / "Bus" / labels).write_text(f"{line}\n" * 3, encoding="utf-8")
    return tmp_path


def test_any_layout_is_labels_of_any_benchmark(root: Path) -> None:
    expected = [[10, 20, 30, 40]] * 3
    assert otb_labels.read_truth(root)["bus"].boxes.tolist() == expected
    got10k = got10k_found.read_truth(root)["bus"]
    assert (got10k.boxes.tolist(), got10k.size) == (expected, (160, 120))
    sequence = vot.truth_of(root).sequences["Bus"]
    assert (sequence.regions.around().tolist(), sequence.size) == (expected, (160, 120))
