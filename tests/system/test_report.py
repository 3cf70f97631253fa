"""`pursuit report`, as a person runs it, and what a browser makes of the page."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from commands import run
from pages import LENGTHS, Page, write_got10k, write_otb, write_videos, write_vot

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")


OTB = ("success", "precision", "speed")
VOT = ("ar", "eao", "speed-vot", "ar-rank", "rank")
GOT10K = ("success-got10k", "speed-got10k")


@pytest.fixture(scope="module")
def videos(
    tmp_path_factory: pytest.TempPathFactory, write_labelled_video: Callable[..., Path]
) -> Path:
    return write_videos(tmp_path_factory.mktemp("videos"), write_labelled_video)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("results")
    for number, label in enumerate(("alpha", "beta", "gamma")):
        write_got10k(root, label, {name: [6 - number] for name in LENGTHS})
        write_otb(root, label, 2 + 3 * number, lost_from=99 if number else 5)
        write_vot(root, label, 2 + 2 * number, fails_at=11 if number else None)
    return root


@pytest.fixture(scope="module")
def page(results: Path, videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "report.html"
    done = run("report", results, "--videos", videos, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"report: {out}\n"
    return out


def test_page_and_files_beside_it(page: Path) -> None:
    names = sorted(path.name for path in page.parent.iterdir())
    assert names == ["report-plots", "report.html", "report.md", "report.tex"]
    plots = {path.name for path in (page.parent / "report-plots").iterdir()}
    assert plots == {f"{x}.{y}" for x in (*OTB, *VOT, *GOT10K) for y in ("png", "svg")}
    found = Page(page.read_text(encoding="utf-8"))
    assert [row[0] for row in found.tables["otb-summary"][1:]] == ["beta", "gamma", "alpha"]
    assert [row[0] for row in found.tables["got10k-summary"][1:]] == ["gamma", "beta", "alpha"]


def test_it_may_lie_among_the_results_and_be_made_anew(
    results: Path, videos: Path, tmp_path: Path
) -> None:
    shutil.copytree(results / "beta", tmp_path / "beta")
    for _ in range(2):
        done = run("report", tmp_path, "--videos", videos, "--out", tmp_path / "report.html")
        assert (done.returncode, done.stderr) == (0, "")


def test_missing_result_is_named_and_the_status_is_2(
    results: Path, videos: Path, tmp_path: Path
) -> None:
    for label in ("alpha", "beta"):
        shutil.copytree(results / label, tmp_path / label)
    (tmp_path / "alpha" / "second.txt").unlink()
    out = tmp_path / "page.html"
    done = run("report", tmp_path, "--videos", videos, "--out", out)
    assert done.returncode == 2
    assert done.stderr == "error: alpha on second: no result\n"
    assert "alpha on second: no result" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{results}"], "--ground-truth PATH, or --videos ROOT"),
        (["{results}", "--videos", "{results}/none"], "none"),
        (["{results}/none", "--videos", "{videos}"], "no such folder or archive"),
        (["{videos}", "--videos", "{videos}"], "no result is right: "),
        (["{results}", "--videos", "{videos}", "--out", "{out}/page.pdf"], "NAME.html"),
        (["{results}", "--videos", "{videos}", "--out", "{results}/alpha/first.txt/x.html"], "x"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    words: list[str], said: str, results: Path, videos: Path, tmp_path: Path
) -> None:
    places = {"results": results, "videos": videos, "out": tmp_path}
    given = [word.format(**places) for word in words]
    if "--out" not in given:
        given += ["--out", str(tmp_path / "report.html")]
    done = run("report", *given)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert not list(tmp_path.iterdir())


def chromium(folder: Path, *words: str) -> str:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs chromium, to see the page as a browser does")
    done = subprocess.run(
        [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--hide-scrollbars", f"--user-data-dir={folder / 'profile'}", *words,
        ],
        capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_browser_sorts_a_table_by_click(page: Path, tmp_path: Path) -> None:
    clicks = """<script>
      const head = document.querySelector("#otb-summary thead th:nth-child(2) button");
      head.click(); head.click();
      document.querySelector("#vot-sequences thead th button").click();
      document.querySelector("#got10k-sequences thead th button").click();
    </script></body>"""
    changed = tmp_path / "clicked.html"
    changed.write_text(page.read_text(encoding="utf-8").replace("</body>", clicks))
    found = Page(chromium(tmp_path, "--dump-dom", changed.as_uri()))
    assert [row[0] for row in found.tables["otb-summary"][1:]] == ["alpha", "gamma", "beta"]
    assert [row[0] for row in found.tables["vot-sequences"][1:]] == ["third", "second", "first"]
    assert [row[0] for row in found.tables["got10k-sequences"][1:]] == ["third", "second", "first"]


@pytest.mark.parametrize("dark", [False, True])
def test_page_fits_a_phone(page: Path, tmp_path: Path, dark: bool) -> None:
    shot = tmp_path / "shot.png"
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    size = ["--window-size=390,2000", f"--screenshot={shot}"]
    chromium(tmp_path, *scheme, *size, page.as_uri())
    picture = cv2.imread(str(shot))
    assert picture is not None
    assert picture.shape[:2] == (2000, 390)
    assert (np.median(picture) < 60) == dark
    # Nothing reaches beyond the edge: a margin of paper on the right.
    edge = picture[:, -8:].reshape(-1, 3)
    assert np.ptp(edge.astype(int), axis=0).max() == 0
