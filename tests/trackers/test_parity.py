"""Parity with the authors: their network's features, and how their tracker scores on OTB."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import pursuit
from pursuit import weights
from pursuit.datasets import open_videos
from pursuit.measures import otb
from pursuit.protocols.otb import follow

NETWORK = "siamfc-3s-colour-int8.npz"


def features_of(image: np.ndarray, folder: Path) -> np.ndarray:  # type: ignore[type-arg]
    """Return features (35, 50, 256) of an image by the authors' network."""
    network, _ = weights.read(folder / NETWORK)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        return network.embed(pixels)[0].permute(1, 2, 0).numpy()


def cosine(a: np.ndarray, b: np.ndarray) -> float:  # type: ignore[type-arg]
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


def test_features_are_the_authors(shared_data: Path) -> None:
    folder = shared_data / "reference-nets"
    frame = cv2.cvtColor(cv2.imread(str(folder / "bag-frame1.jpg")), cv2.COLOR_BGR2RGB)
    with np.load(folder / "bag-frame1-features.npz") as stored:
        matlab = stored["features"].astype(np.float32)
    ours = features_of(frame, folder)
    assert ours.shape == matlab.shape == (35, 50, 256)
    # What is missing to 1 is the file's rounding to 8 bits and another JPEG decoder.
    assert cosine(ours, matlab) >= 0.9997
    # A swap of colours, or another range, would show.
    assert cosine(features_of(frame[:, :, ::-1].copy(), folder), matlab) < 0.95


@pytest.mark.slow
def test_siamfc_3s_scores_as_the_authors_network_does(shared_data: Path) -> None:
    tracker = pursuit.load("siamfc-3s", weights=shared_data / "reference-nets" / NETWORK)
    found = {}
    for sequence in open_videos(shared_data / "otb-dev"):
        boxes = follow(tracker, sequence).boxes
        found[sequence.name] = otb.auc(otb.success_curve(boxes, sequence.boxes))
    # A plain loop reaches 0.595, the authors' published boxes 0.561. Ours: 0.593 in bfloat16,
    # 0.587 in float32; one look-alike more or less is 0.02.
    assert len(found) == 15
    assert np.mean(list(found.values())) > 0.575
    # What everybody follows; the published boxes have 0.748 and 0.673.
    assert found["Crossing"] > 0.73
    assert found["Couple"] > 0.65
