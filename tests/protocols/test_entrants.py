"""How trackers are named on the command line, and whose results a folder holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from pursuit import weights
from pursuit.errors import PursuitError, SettingsError, WeightsError
from pursuit.protocols.entrants import Entrant, claim, entrant, entrants


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("opencv-csrt", Entrant("opencv-csrt", "opencv-csrt")),
        ("siamfc-3s:runs/a/best.pt", Entrant("best", "siamfc-3s", (Path("runs/a/best.pt"),))),
        ("siamfc-3s:a=b/c.pt", Entrant("c", "siamfc-3s", (Path("a=b/c.pt"),))),
        ("mine=siamfc-3s:c,d.pt", Entrant("mine", "siamfc-3s", (Path("c,d.pt"),))),
        ("slow=opencv-csrt", Entrant("slow", "opencv-csrt")),
        ("siamfc-3s:C:\\w.pt", Entrant(Path("C:\\w.pt").stem, "siamfc-3s", (Path("C:\\w.pt"),))),
        ("opencv-nano:b,h", Entrant("opencv-nano", "opencv-nano", (Path("b"), Path("h")))),
    ],
)
def test_names(text: str, expected: Entrant, monkeypatch: pytest.MonkeyPatch) -> None:
    if "\\" in text and Path("a\\b").stem == "a\\b":
        pytest.skip("a path of Windows")
    assert entrant(text) == expected


def test_shipped_weights_go_by_their_name() -> None:
    file = weights.shipped()["siamfc"]
    assert entrant("siamfc-5s:siamfc") == Entrant("siamfc", "siamfc-5s", (file,))
    assert (
        entrant("x=siamfc-3s:siamfc-slim").identity()
        == entrant(f"siamfc-3s:{weights.shipped()['siamfc-slim']}").identity()
    )


@pytest.mark.parametrize("text", ["", "a/b=opencv-csrt", "..=opencv-csrt", "a\\b=x", "../opencv"])
def test_labels_that_cannot_name_a_folder(text: str) -> None:
    with pytest.raises(SettingsError, match="cannot name a folder"):
        entrant(text)


def test_two_of_one_label() -> None:
    with pytest.raises(SettingsError, match="two trackers go by 'w'"):
        entrants(["siamfc-3s:a/w.pt", "siamfc-5s:b/W.pt"])
    assert len(entrants(["siamfc-3s:a/w.pt", "other=siamfc-5s:b/w.pt"])) == 2
    with pytest.raises(SettingsError, match="at least one"):
        entrants([])


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (Entrant("x", "opencv-crst"), SettingsError),
        (Entrant("x", "opencv-csrt", (Path("w.pt"),)), SettingsError),
        (Entrant("x", "opencv-nano"), SettingsError),
        (Entrant("x", "opencv-nano", (Path("a"), Path("b"), Path("c"))), SettingsError),
        (Entrant("x", "opencv-nano", (Path("a"), Path("b"))), WeightsError),
        (Entrant("x", "siamfc-3s", (Path("no-such.safetensors"),)), WeightsError),
    ],
)
def test_what_cannot_be_loaded(one: Entrant, kind: type[PursuitError]) -> None:
    with pytest.raises(kind):
        one.load()


def test_a_folder_belongs_to_one_tracker(tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    file.write_bytes(b"first")
    mine = Entrant("w", "siamfc-3s", (file,))
    claim(tmp_path / "out", mine)
    claim(tmp_path / "out", mine)
    with pytest.raises(SettingsError, match="tracker differs"):
        claim(tmp_path / "out", Entrant("w", "siamfc-5s", (file,)))
    file.write_bytes(b"trained further")
    with pytest.raises(SettingsError, match="sha256 differs"):
        claim(tmp_path / "out", mine)


@pytest.mark.parametrize("field", ["score_scale", "score_offset"])
def test_a_redetecting_tracker_is_another_when_its_score_is(tmp_path: Path, field: str) -> None:
    network, card = weights.read(weights.find("siamfc-slim"))
    file = tmp_path / "w.safetensors"
    card = weights.save(file, network, card)
    plain, wide = (Entrant("w", "siamfc-slim", (file,), redetect=way) for way in (False, True))
    claim(tmp_path / "plain", plain)
    claim(tmp_path / "wide", wide)
    claim(tmp_path / "wide", wide)
    weights.write_card(weights.card_path(file), card.with_values(**{field: 0.25}))
    claim(tmp_path / "plain", plain)  # its boxes are the same whatever its score
    with pytest.raises(SettingsError, match=f"{field} differs"):
        claim(tmp_path / "wide", wide)


def test_a_damaged_card_is_nobodys(tmp_path: Path) -> None:
    (tmp_path / "tracker.json").write_text('{"tracker": ', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"tracker\.json is damaged, so nothing tells"):
        claim(tmp_path, Entrant("mosse", "opencv-mosse"))


def test_another_runtime_or_setting_is_named(tmp_path: Path) -> None:
    claim(tmp_path, entrant("siamfc-slim"))
    with pytest.raises(SettingsError, match=r"another siamfc-slim \(runtime differs: eager now\)"):
        claim(tmp_path, entrants(["siamfc-slim"], "eager")[0])
    with pytest.raises(SettingsError, match=r"settings\.redetect differs: False there, True now"):
        claim(tmp_path, entrant("siamfc-slim=siamfc-slim+redetect"))


@pytest.mark.parametrize("label", ["att", "tre", "times", "OTB", "sre-2", "GOT-10k", "baseline"])
def test_labels_that_no_reader_takes_for_a_trackers(label: str) -> None:
    with pytest.raises(SettingsError, match=f"no tracker can be called '{label}'"):
        entrant(f"{label}=opencv-mosse")


def test_redetect_is_a_word_after_the_name() -> None:
    plain, wide = entrant("siamfc-slim"), entrant("siamfc-slim+redetect")
    assert (wide.label, wide.name, wide.redetect) == ("siamfc-slim+redetect", "siamfc-slim", True)
    assert wide.load().settings.redetect and not plain.load().settings.redetect  # type: ignore[attr-defined]
    assert plain.identity() != wide.identity()
    with pytest.raises(SettingsError, match="only \\+redetect is known"):
        entrant("siamfc-slim+magic")
    for name in ("opencv-csrt", "goturn-compact"):
        with pytest.raises(
            SettingsError, match=f"{name} cannot redetect; siamfc-3s, .*-slim.* can"
        ):
            entrant(f"{name}+redetect")


def test_a_program_has_a_label_and_is_its_command_and_its_files(tmp_path: Path) -> None:
    script = tmp_path / "my+tracker.py"
    script.write_text("pass", encoding="utf-8")
    one = entrant(f"mine=external:sh {script} --size=3")
    assert one == Entrant("mine", f"external:sh {script} --size=3")
    assert one.load().name == one.name
    assert one.identity()["tracker"] == one.name
    claim(tmp_path / "out", one)
    claim(tmp_path / "out", one)
    script.write_text("changed", encoding="utf-8")
    with pytest.raises(SettingsError, match="sha256 differs"):
        claim(tmp_path / "out", one)
    with pytest.raises(SettingsError, match=r"a program needs a label: write mine=external:sh x"):
        entrant("external:sh x")
    with pytest.raises(SettingsError, match="there is no program 'no-such'"):
        entrant("mine=external:no-such").load()


def test_goturn_is_judged_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "tracker.caffemodel"
    file.write_bytes(b"first")
    one = entrant(f"goturn:{file}")
    assert one == Entrant("tracker", "goturn", (file,))
    assert one.identity()["settings"]["views"] == 3
    claim(tmp_path / "out", one)
    with pytest.raises(SettingsError, match="tracker differs"):
        claim(tmp_path / "out", Entrant("tracker", "goturn-compact", (file,)))
    with pytest.raises(WeightsError, match="too large to ship"):
        entrant("goturn").identity()


def test_results_of_another_runtime_are_others(tmp_path: Path) -> None:
    (plain,) = entrants(["siamfc-slim"])
    (eager,) = entrants(["siamfc-slim"], "eager")
    assert plain.load().runtime == "tuned" and eager.load().runtime == "eager"  # type: ignore[attr-defined]
    assert "runtime" not in plain.identity()  # results from before there was a choice stay good
    claim(tmp_path, plain)
    with pytest.raises(SettingsError, match=r"runtime differs|more differs"):
        claim(tmp_path, eager)
    (peer,) = entrants(["opencv-mosse"], "eager")
    assert peer.load().name == "opencv-mosse"
