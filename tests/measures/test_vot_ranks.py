"""VOT2014's ranking: by hand, against scipy, and against the toolkit's own report."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pursuit.measures import vot_ranks as ranks

NAN = np.nan


@pytest.mark.parametrize("count", [6, 12, 15, 40, 300])
def test_signed_ranks_as_scipy_has_them(count: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(count).normal(0.3, 1, count)
    found = stats.wilcoxon(values, method="exact" if count <= 15 else "approx", correction=False)
    assert ranks.signed_rank_p(values) == pytest.approx(found.pvalue, rel=1e-9)


def test_signed_ranks_with_ties_and_zeros() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(1).integers(-3, 5, 100).astype(float)
    found = stats.wilcoxon(values, zero_method="wilcox", correction=False, method="approx")
    assert ranks.signed_rank_p(values) == pytest.approx(found.pvalue, rel=1e-9)
    # By hand: of 2^4 choices of signs of ranks 1.5, 1.5, 3, 4 only one gives 0, and one all.
    assert ranks.signed_rank_p(np.array([1.0, 1, 2, 3, 0])) == 2 / 16
    assert ranks.signed_rank_p(np.zeros(9)) == 1


def test_rank_sums_as_scipy_has_them() -> None:
    stats = pytest.importorskip("scipy.stats")
    draw = np.random.default_rng(2)
    a, b = draw.integers(0, 4, 60).astype(float), draw.integers(0, 5, 75).astype(float)
    found = stats.mannwhitneyu(a, b, method="asymptotic")
    assert ranks.rank_sum_p(a, b) == pytest.approx(found.pvalue, rel=1e-9)
    assert ranks.rank_sum_p(np.ones(10), np.ones(12)) == 1


def test_ranks_of_values_with_ties() -> None:
    assert ranks.ranks_of(np.array([3.0, 1, 3, 2])).tolist() == [3.5, 1, 3.5, 2]


def test_accuracy_differs_by_test_and_by_what_matters() -> None:
    a = np.linspace(0.4, 0.6, 30)
    b = a - 0.05 + 0.01 * np.sin(np.arange(30))
    assert ranks.accuracy_differs(a, b)
    assert not ranks.accuracy_differs(a, b, np.full(30, 0.1))  # half of what matters
    assert ranks.accuracy_differs(a, b, np.full(30, 0.02))
    assert not ranks.accuracy_differs(a, a)
    some = np.where(np.arange(30) < 9, 0.1, NAN)  # told of some frames: these decide
    assert not ranks.accuracy_differs(a, b, some)
    assert ranks.accuracy_differs(a, b, np.full(30, NAN))  # of none: as without
    few = np.where(np.arange(30) < 4, a, NAN)
    assert not ranks.accuracy_differs(few, b)


def test_adapted_ranks_are_those_of_equals_and_are_not_handed_on() -> None:
    differs = np.zeros((4, 4), dtype=bool)
    for i, j in ((0, 2), (0, 3), (1, 3)):  # a chain: 1 = 2 = 3 = 4, but not 1 = 3
        differs[i, j] = differs[j, i] = True
    raw = np.array([1.0, 2, 3, 4])
    assert ranks.adapted(raw, differs).tolist() == [1.5, 2, 3, 3.5]
    assert ranks.adapted(raw, differs, "best").tolist() == [1, 1, 2, 3]
    missing = ranks.adapted(np.array([1.0, 2, 3, NAN]), differs)
    assert missing[:3].tolist() == [1.5, 2, 2.5] and np.isnan(missing[3])


def test_ranks_of_trackers() -> None:
    draw = np.random.default_rng(3)
    good = draw.uniform(0.6, 0.8, 200)
    overlaps = np.stack([good - 0.2, good, good + draw.normal(0, 0.05, 200), np.full(200, NAN)])
    assert ranks.accuracy_ranks(overlaps[:3]).tolist() == [3, 1.5, 1.5]
    assert ranks.accuracy_ranks(overlaps[:3], adaptation="best").tolist() == [3, 1, 1]
    assert ranks.accuracy_ranks(overlaps[:3], np.full(200, 0.5)).tolist() == [2, 2, 2]
    # The last has no frame that counts: raw rank 4, equal to all, as all are to it.
    assert ranks.accuracy_ranks(overlaps).tolist() == [3.5, 7 / 3, 7 / 3, 2.5]
    failures = np.stack([np.full((10, 15), 3.0), np.zeros((10, 15)), np.zeros((10, 15))])
    assert ranks.robustness_ranks(failures).tolist() == [3, 1.5, 1.5]


def report(shared_data: Path, experiment: str) -> Any:
    scipy = pytest.importorskip("scipy.io")
    with tarfile.open(shared_data / "published" / "vot.tar.xz") as archive:
        (name,) = (name for name in archive.getnames() if f"/ranking/{experiment}_" in name)
        data = archive.extractfile(name)
        assert data is not None
        content = scipy.loadmat(io.BytesIO(data.read()), squeeze_me=True, struct_as_record=False)
    return content["result"]


def test_the_toolkits_average_ranks_of_39_trackers(shared_data: Path) -> None:
    found = []
    for experiment in ("baseline", "region_noise"):
        theirs = report(shared_data, experiment)
        for kind in (theirs.accuracy, theirs.robustness):
            mine = ranks.average(kind.ranks.T)
            np.testing.assert_allclose(mine, kind.average_ranks, rtol=1e-12)
            found.append(mine)
    accuracy, robustness = (found[0] + found[2]) / 2, (found[1] + found[3]) / 2
    overall = (accuracy + robustness) / 2
    # GOTURN has the best overall rank: 6.39, 10.41 and 8.40 of the report.
    best = int(overall.argmin())
    figures = [float(one[best]) for one in (*found, accuracy, robustness, overall)]
    assert figures == pytest.approx([5.54, 10.87, 7.23, 9.95, 6.39, 10.41, 8.40], abs=0.0051)
