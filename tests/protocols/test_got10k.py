"""GOT-10k's runs: how many, where they lie, what is read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pursuit.datasets.synthetic import Scene
from pursuit.errors import DataError
from pursuit.protocols import got10k
from pursuit.protocols.entrants import Entrant

FILM = Scene(width=96, height=64, frames=5, target=(24, 18), seed=1).sequence("a")
MOSSE, MIL = Entrant("mosse", "opencv-mosse"), Entrant("mil", "opencv-mil")


def test_who_always_does_the_same_runs_once_others_three_times(tmp_path: Path) -> None:
    outcomes = list(got10k.run([MOSSE, MIL], [FILM], tmp_path))
    assert [(one.label, one.status) for one in outcomes] == [
        *[("mil", "done")] * 3,
        ("mosse", "done"),
        *[("mosse", "spared")] * 2,
    ]
    names = {path.name for path in (tmp_path / "mosse" / "a").iterdir()}
    assert names == {"a_001.txt", "a_001_time.value", "a_001_decode.value"}
    (run,) = got10k.read_runs(tmp_path / "mosse", MOSSE, FILM)
    np.testing.assert_allclose(run.boxes[0], FILM.boxes[0], atol=5e-4)
    assert (run.tracker_ms > 0).all() and (run.decode_ms > 0).all()
    assert len(got10k.read_runs(tmp_path / "mil", MIL, FILM)) == 3
    lines = (tmp_path / "mosse" / "a" / "a_001.txt").read_text("utf-8").splitlines()
    x, y, w, h = FILM.boxes[0]
    assert lines[0] == f"{x:.3f},{y:.3f},{w:.3f},{h:.3f}"
    again = [one.status for one in got10k.run([MOSSE], [FILM], tmp_path)]
    assert again == ["kept", "spared", "spared"]


def test_what_is_not_whole_is_run_again(tmp_path: Path) -> None:
    list(got10k.run([MOSSE], [FILM], tmp_path))
    path = tmp_path / "mosse" / "a" / "a_001.txt"
    for text in ("1,2,3,4\n", path.read_text("utf-8").replace(".", ",", 1)):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DataError):
            got10k.read_runs(tmp_path / "mosse", MOSSE, FILM)
        first, *_ = got10k.run([MOSSE], [FILM], tmp_path)
        assert first.status == "done"
