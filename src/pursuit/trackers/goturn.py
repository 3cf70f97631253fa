"""GOTURN's online algorithm (paper, section 3; the authors' program in the details).

A target is cut out where it was in the frame before, and the same place of the next frame
beside it; the network says in one pass where in the second the target is now. Nothing is
learnt on the way, and what the target looks like is taken anew from every frame.

What differs from the program, on purpose: windows are never rounded to whole pixels, and those
more than twice as wide or high as a crop are averaged down, not picked from; boxes stay within
bounds and can never vanish or invert (see `GOTURNTracker`), but may reach over the frame's edge;
and more windows than the paper's one, a little beside it, show whether the network says the same
of all: the paper's tracker has no notion of being lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pursuit import boxes as box_arithmetic
from pursuit.boxes import Array
from pursuit.frames import Frame
from pursuit.networks.goturn import CONTEXT, CROP, OUTPUT
from pursuit.runtimes import CompiledGOTURN
from pursuit.runtimes.cutting import Windows, cutter
from pursuit.trackers.base import State
from pursuit.trackers.many import LEAST, ManyTargets, Targets, confidence
from pursuit.trackers.redetect import next_states
from pursuit.trackers.settings import GOTURNSettings
from pursuit.weights.card import SCORE_OFFSET, SCORE_SCALE

UNKNOWN = 0.5  # score of a tracker with one view, which cannot tell

# Views: moved right and down by so many `shift` of the box, and `zoom` to which power.
_VIEWS = np.array(
    [[0, 0, 0], [1, 1, 0], [-1, -1, 0], [1, -1, 0], [-1, 1, 0], [0, 0, 1], [0, 0, -1]], np.float64
)


@dataclass(frozen=True)
class GOTURNTargets(Targets):
    """The state of N targets: a row a target.

    Attributes:
        sides: (N, 2) w, h now.
        start: features (N, C, 6, 6) of the crops of the frame they started in; (N, 0) where
            nothing is compared with them.
        last: crops uint8 (N, 227, 227, 3) of the last frame, on the runtime's device, or likewise
            (N, 0).
    """

    sides: Array
    start: Tensor
    last: Windows

    @property
    def size(self) -> Array:
        """(N, 2) w, h now."""
        return self.sides

    def scaled(self, factor: Array) -> GOTURNTargets:
        """Return the targets in a frame that is (2,) times as wide and high."""
        return replace(super().scaled(factor), sides=self.sides * factor)


class GOTURNTracker(ManyTargets[GOTURNTargets]):
    """Follows N targets with one network call a frame.

    Bounds, whatever the frames hold and the network says: a centre stays in the frame; each
    side stays within `settings.smallest` and `.largest` of its first, within the frame, and
    above 2 pixels (or where it started, if that was less). An answer that is no box (not
    finite, or inverted) leaves the target where it is.

    The score is made of how much the boxes found in the views beside the paper's overlap the
    one found there, by the card of the weights. Where the answer is no box or has its centre or
    size out of bounds, the overlap counts as 0 and the target is LOST; it is followed on. With
    one view there is nothing to compare: the score is 0.5, which says "not known", and the
    state TRACKED; or 0 and LOST, in the cases just named.

    Args:
        network: a GOTURN on a runtime.
        settings: hyper-parameters.
        score_scale, score_offset: of the weights' card.
        name: what results and reports call this tracker.
    """

    def __init__(
        self,
        network: CompiledGOTURN,
        settings: GOTURNSettings | None = None,
        *,
        score_scale: float = SCORE_SCALE,
        score_offset: float = SCORE_OFFSET,
        name: str = "goturn",
    ) -> None:
        super().__init__(name, network.device)
        self.settings = settings or GOTURNSettings()
        self._network = network
        self._cutter = cutter(network.device)
        self._calibration = (score_scale, score_offset)
        views = _VIEWS[: self.settings.views]
        self._shifts = views[:, :2] * self.settings.shift
        self._zooms = self.settings.zoom ** views[:, 2:]

    @property
    def runtime(self) -> str:
        """What runs the network: one of `pursuit.runtimes.names()`, or cuda."""
        return self._network.name

    def _started(self, frame: Frame, where: Array, ids: NDArray[np.int64]) -> GOTURNTargets:
        centre, size = box_arithmetic.centres(where), where[:, 2:]
        crop = self._cut(frame, centre, CONTEXT * size)
        first, none = self.settings.first, (len(ids), 0)
        return GOTURNTargets(
            ids=ids,
            centre=centre,
            first=size,
            state=np.full(len(ids), int(State.TRACKED)),
            sides=size,
            start=self._network.embed(crop) if first > 0 else torch.empty(none),
            last=crop if first < 1 else np.empty(none, np.uint8),
        )

    def _followed(self, frame: Frame, targets: GOTURNTargets) -> tuple[GOTURNTargets, Array]:
        size = targets.size[:, None]
        centre = targets.centre[:, None] + self._shifts * size  # (N, S, 2), as `side`
        side = CONTEXT * self._zooms * size
        search = self._cut(frame, centre.reshape(-1, 2), side.reshape(-1, 2))
        boxes, good = boxes_of(self._corners(targets, search), centre, side)
        boxes = np.where(good[..., None], boxes, targets.boxes()[:, None])
        asked = self._moved(targets, boxes, good)
        moved = self._bounded(asked)
        fits = good[:, 0] & self._within(asked)
        score = self._score(boxes, good & fits[:, None])
        moved = replace(moved, state=self._states(score, fits, targets.state))
        if self.settings.first < 1:
            moved = replace(moved, last=self._cut(frame, moved.centre, CONTEXT * moved.size))
        return moved, score

    def _corners(self, targets: GOTURNTargets, search: Windows) -> Array:
        """Return corners (N, S, 4) in search windows (N * S, 227, 227, 3), from one network call.

        Where both looks of a target count, they are the mean of what each of them asks for.
        """
        number, first = len(targets), self.settings.first
        if first == 1:
            found = self._network.regress(targets.start, self._network.embed(search))
        else:
            features = self._network.embed(self._cutter.join(targets.last, search))
            search_features = features[number:]
            found = self._network.regress(features[:number], search_features)
            if first > 0:
                found = torch.lerp(
                    found, self._network.regress(targets.start, search_features), first
                )
        return found.cpu().numpy().astype(np.float64)

    def _cut(self, frame: Frame, centre: Array, side: Array) -> Windows:
        """Return windows (M, 227, 227, 3), black around, from centres and sides, each (M, 2)."""
        crops: Windows = self._cutter.empty(len(centre), CROP)
        self._cutter.cut(frame, centre, side[:, None], np.zeros((len(centre), 3)), crops)
        return crops

    def _moved(
        self, targets: GOTURNTargets, boxes: Array, good: NDArray[np.bool_]
    ) -> GOTURNTargets:
        """Return the targets at the paper's view's boxes out of (N, S, 4), or those blended.

        Of (N, S) views, those that are not good say nothing; where the paper's is not, the
        target keeps its box.
        """
        box = boxes[:, 0]
        if self.settings.blend:
            share = good / np.maximum(good.sum(axis=1, keepdims=True), 1)
            blended = (boxes * share[..., None]).sum(axis=1)
            box = np.where(good[:, :1], blended, box)
        return replace(targets, centre=box_arithmetic.centres(box), sides=box[:, 2:])

    def _score(self, boxes: Array, good: NDArray[np.bool_]) -> Array:
        """Return the confidence (N,) of boxes (N, S, 4); what is not good agrees with nothing."""
        if self.settings.views == 1:
            return np.where(good[:, 0], UNKNOWN, 0.0)
        overlap = box_arithmetic.overlap(boxes[:, :1], boxes[:, 1:])
        return confidence((overlap * good[:, 1:]).mean(axis=1), *self._calibration)

    def _states(
        self, score: Array, fits: NDArray[np.bool_], before: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the states (N,) of targets whose answers (N,) are boxes within bounds, or not."""
        seen = np.full(len(score), int(State.TRACKED))
        if self.settings.views > 1:
            seen = next_states(score, before, self.settings)
        return np.where(fits, seen, int(State.LOST))

    def _within(self, targets: GOTURNTargets) -> NDArray[np.bool_]:
        """Return (N,): whether targets are in the frame, and no further from their first size."""
        frame = np.array(self._frame_size, dtype=np.float64)
        inside = (targets.centre >= 0) & (targets.centre <= frame)
        change = targets.sides / targets.first
        alike = (change >= self.settings.smallest) & (change <= self.settings.largest)
        return np.asarray((inside & alike).all(axis=1))

    def _bounded(self, targets: GOTURNTargets) -> GOTURNTargets:
        frame = np.array(self._frame_size, dtype=np.float64)
        low = np.maximum(self.settings.smallest * targets.first, np.minimum(LEAST, targets.first))
        high = np.minimum(self.settings.largest * targets.first, frame)
        # The upper bound is put on last: a frame may have become smaller than the lower one.
        sides = np.minimum(np.maximum(targets.sides, low), high)
        return replace(targets, centre=np.clip(targets.centre, 0, frame), sides=sides)


def boxes_of(corners: Array, centre: Array, side: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return boxes (..., 4) in the frame, and whether each is one (...): finite, not inverted.

    Args:
        corners: (..., 4) x1, y1, x2, y2 in tenths of windows.
        centre, side: (..., 2) of the windows, frame pixels.
    """
    start, scale = centre - side / 2, side / OUTPUT
    finite = np.isfinite(corners).all(axis=-1, keepdims=True)
    corners = np.where(finite, corners, 0.0)
    low, high = start + corners[..., :2] * scale, start + corners[..., 2:] * scale
    boxes = box_arithmetic.from_xyxy(np.concatenate([low, high], axis=-1))
    return boxes, np.asarray((finite & (boxes[..., 2:] > 0)).all(axis=-1))
