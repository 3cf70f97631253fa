"""`pursuit list`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pursuit import weights
from pursuit.cli.list import show
from pursuit.learning import recipe
from pursuit.networks.goturn import GOTURN, GOTURNShape
from pursuit.trackers import registry


def test_list_shows_every_tracker_recipe_and_weights_file() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pursuit", "list"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    sections = {part.split("\n")[0]: part for part in done.stdout.split("\n\n")}
    assert list(sections) == ["trackers", "weights", "recipes"]
    for name in registry.names():
        assert f"\n  {name} " in sections["trackers"]
    assert sections["trackers"].count("[default]") == 1
    assert "(not inside: goturn:PATH takes a file)" in sections["trackers"]
    for name, path in weights.shipped().items():
        line = next(x for x in sections["weights"].splitlines() if x.startswith(f"  {name} "))
        card = weights.read_card(path.with_suffix(".json"))
        assert card.sha256[:12] in line
        for what, value in card.scores.items():
            assert (f"{what} {value:.3f}" in line) == what.endswith("auc")
        shown = [what for what in card.scores if what in line]
        assert sorted(shown, key=line.index) == sorted(shown)
    for name in recipe.shipped():
        line = next(x for x in sections["recipes"].splitlines() if x.startswith(f"  {name} "))
        assert recipe.read(name).about in line


def test_list_shows_weights_of_goturn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "goturn-tiny.safetensors"
    network = GOTURN(GOTURNShape((4, 6, 8, 8, 4), hidden=(12, 10, 8), norm="none"))
    card = weights.card_for(network.shape, name="goturn-tiny", scores={"otb-dev auc": 0.25})
    written = weights.save(path, network, card)
    monkeypatch.setattr(weights, "shipped", lambda: {"goturn-tiny": path})
    show()
    line = f"  goturn-tiny         0.0 MB  sha256 {written.sha256[:12]}  otb-dev auc 0.250\n"
    assert line in capsys.readouterr().out
