"""Published OTB results scored from their archive: the MATLAB toolbox's curves, SiamFC's figures.

What `pursuit score otb otb100.tar.xz --ground-truth otb100.tar.xz` computes, with all its digits.
"""

from __future__ import annotations

import csv
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pursuit.datasets.otb_list import entries, key, listed
from pursuit.measures.otb import RULES
from pursuit.reports import stored_otb as stored
from pursuit.reports.stored_otb import Stored
from pursuit.results.otb_found import find
from pursuit.results.otb_labels import Truth, read_truth
from pursuit.results.runs import Unused

# The toolbox's trackers whose boxes are at hand too, and what their files are called. Not CFWLB:
# its boxes were changed after the curves were made, and lack four rows in each sequence.
MATLAB = {
    **{name: name for name in ("ASLA", "CSK", "DSST", "IVT", "OAB", "SRDCF")},
    "KCF": "KCF_GaussHog",
    "DCF": "KCF_LinearHog",
}

# Scores of the SiamFC authors' own boxes by another program: AUC, precision at 20 px.
SIAMFC_3S = {
    "Biker": (0.647, 1.000),  # with labels that the toolbox calls invalid
    "Board": (0.119, 0.096),
    "Crowds": (0.723, 1.000),
    "Twinnings": (0.655, 0.877),
    "Tiger1": (0.553, 0.716),
    "Woman": (0.532, 0.935),
    "Human4-2": (0.340, 0.541),
    "Skating2-2": (0.434, 0.381),
}
LISTS = {
    "otb2013": (0.6073, 0.8093, 0.6182),
    "otb50": (0.5157, 0.6917, 0.5548),
    "otb100": (0.5821, 0.7705, 0.6052),
}


class Published:
    """The archive, and the scores of all that is in it by the toolbox's rule."""

    def __init__(self, path: Path) -> None:
        pytest.importorskip("scipy")
        if not path.is_file():
            pytest.skip(f"needs the published results, and {path} is absent")
        self.path = path
        self.truths: dict[str, Truth] = read_truth(path)
        self.unused = Unused()
        self.found = list(find([path], self.truths, self.truths, self.unused))
        scores, _ = stored.judge(self.found, self.truths, RULES["matlab"])
        self.scores = {one.label: one for one in scores}

    def by_rules(self, tracker: str, rules: str, truths: dict[str, Truth]) -> Stored:
        """Score of one tracker by another rule."""
        mine = (one for one in self.found if one.tracker == tracker and one.sequence in truths)
        ((score,), _) = stored.judge(mine, truths, RULES[rules])
        assert not score.wrong
        return score

    def member(self, *endings: str) -> list[bytes]:
        """Contents of the files whose names end so, in this order."""
        with tarfile.open(self.path) as tar:
            files = {one.name: tar.extractfile(one) for one in tar if one.isfile()}
            found = [next(name for name in files if name.endswith(end)) for end in endings]
            return [files[name].read() for name in found]  # type: ignore[union-attr]

    def of_list(self, tracker: str, name: str, kind: str = "ope") -> Any:
        """Its score on a list."""
        mine = {entry.name for entry in entries().values() if name in entry.lists}
        whole = self.scores[tracker].kinds[kind]
        parts = tuple(part for part in whole.sequences if part.name in mine)
        return type(whole)(tracker, parts, {}, None)


@pytest.fixture(scope="module")
def published(shared_data: Path) -> Published:
    return Published(shared_data / "published" / "otb100.tar.xz")


def test_all_trackers_are_found(published: Published) -> None:
    whole = {label for label, one in published.scores.items() if not one.wrong}
    assert whole == {*MATLAB.values(), "siamfc3s", "kcf", "CSRDCF"}
    lacking = {label: len(one.wrong) for label, one in published.scores.items() if one.wrong}
    assert lacking == {"CFWLB": 100, "MDnet": 2}
    wrong = published.scores["MDnet"].wrong
    assert "MDnet on Board: 697 rows of boxes for 698 labels" in wrong[0]
    assert not published.unused.names


def test_every_point_of_the_matlab_curves(published: Published) -> None:
    from scipy.io import loadmat

    contents = published.member("alg_overlap_OPE.mat", "alg_error_OPE.mat", "sequence_order.csv")
    success, precision = (loadmat(io.BytesIO(one), squeeze_me=True) for one in contents[:2])
    order = [key(row["name"]) for row in csv.DictReader(io.StringIO(contents[2].decode()))]
    assert len(order) == 100
    for theirs, label in MATLAB.items():
        row = list(success["nameTrkAll"]).index(theirs)
        parts = {key(part.name): part for part in published.scores[label].ope.sequences}
        for at, name in enumerate(order):
            for mine, curves in (
                (parts[name].success, success),
                (parts[name].precision, precision),
            ):
                expected = curves["aveSuccessRatePlot"][row, at]
                assert mine.shape == expected.shape
                np.testing.assert_allclose(
                    mine, expected, rtol=0, atol=1e-9, err_msg=f"{label} {name}"
                )


def test_siamfc_3s_as_another_program_scores_it(published: Published) -> None:
    for name, (auc, precision20, tre) in LISTS.items():
        ope = published.of_list("siamfc3s", name)
        assert (ope.auc, ope.precision20) == pytest.approx((auc, precision20), abs=5e-5)
        assert published.of_list("siamfc3s", name, "tre").auc == pytest.approx(tre, abs=5e-5)
    parts = stored.as_json([published.scores["siamfc3s"]], published.truths)["siamfc3s"]
    for name, expected in SIAMFC_3S.items():
        found = parts["sequences"][name]
        assert (found["auc"], found["precision20"]) == pytest.approx(expected, abs=0.00051), name


@pytest.mark.parametrize(
    ("rules", "aucs"),
    [("got10k", (0.6073, 0.5163, 0.5824)), ("pysot", (0.6073, 0.5163, 0.5824))],
)
def test_siamfc_3s_by_other_rules(
    published: Published, rules: str, aucs: tuple[float, float, float]
) -> None:
    for name, expected in zip(LISTS, aucs, strict=True):
        score = published.by_rules("siamfc3s", rules, listed(published.truths, name, "it"))
        assert score.ope.auc == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("tracker", ["kcf", "CSRDCF"])
def test_got10ks_own_report(published: Published, tracker: str) -> None:
    (content,) = published.member(f"{tracker}/performance.json")
    (theirs,) = json.loads(content).values()
    check(published.by_rules(tracker, "got10k", published.truths), theirs)


def check(score: Stored, theirs: dict[str, Any]) -> None:
    """Compare every point of every curve, and the means."""
    parts = {key(part.name): part for part in score.ope.sequences}
    assert sorted(map(key, theirs["seq_wise"])) == sorted(parts)
    for name, expected in theirs["seq_wise"].items():
        mine = parts[key(name)]
        np.testing.assert_allclose(
            mine.success, expected["success_curve"], rtol=0, atol=1e-9, err_msg=name
        )
        np.testing.assert_allclose(
            mine.precision, expected["precision_curve"], rtol=0, atol=1e-9, err_msg=name
        )
    assert score.ope.auc == pytest.approx(theirs["overall"]["success_score"], abs=1e-9)
    assert score.ope.precision20 == pytest.approx(theirs["overall"]["precision_score"], abs=1e-9)
