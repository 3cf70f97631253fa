"""What a tracker told of targets that went and came back, counted by hand."""

from __future__ import annotations

import numpy as np

from pursuit.measures.absence import Told, told

HERE, NONE = [10.0, 10, 10, 10], [np.nan] * 4


def test_counts() -> None:
    #        start there  there  gone  gone  back  there  unlabelled
    truth = [HERE, HERE, HERE, NONE, NONE, HERE, HERE, NONE]
    gone = [False, False, False, True, True, False, False, False]
    found = [HERE, HERE, [30, 30, 10, 10], HERE, HERE, [40, 10, 10, 10], HERE, HERE]
    lost = [False, False, True, False, True, True, False, True]
    counted = told(np.array(found), np.array(lost), np.array(truth), np.array(gone), 2)
    assert counted == Told(
        gone=2,
        gone_lost=1,
        present=4,
        present_lost=2,
        on_target=2,
        on_target_lost=0,
        returns=1,
        taken_up=1,
    )
    late = told(np.array(found), np.array(lost), np.array(truth), np.array(gone), 1)
    assert (late.returns, late.taken_up) == (1, 0)
    assert (counted + late).returns == 2


def test_a_return_without_a_label_tells_nothing() -> None:
    truth = np.array([HERE, NONE, NONE, NONE])
    gone = np.array([False, True, False, False])
    counted = told(np.tile(HERE, (4, 1)), np.zeros(4, bool), truth, gone, 2)
    assert (counted.returns, counted.gone, counted.present) == (0, 1, 0)
