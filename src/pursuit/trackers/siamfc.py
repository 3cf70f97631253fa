"""SiamFC's online algorithm (paper, section 2; the authors' program in the details).

What differs from the program, on purpose: windows are cut straight from the frame and never
rounded to whole pixels; the peak is measured from the map's exact centre, read between fine
cells, and counts in pixels of the chosen scale; the cosine window decides which peak is the
target's but does not pull it; what the first frame's own map is off its centre is taken off
while the target looks as it did there; a negative score never rewards a change of scale;
targets stay within bounds (see `SiamFCTracker`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from pursuit import boxes as box_arithmetic
from pursuit.boxes import Array
from pursuit.frames import Frame, as_frame, mean_colour
from pursuit.networks.siamfc import EXEMPLAR, SEARCH, STRIDE
from pursuit.runtimes import CompiledSiamFC
from pursuit.runtimes.cutting import Windows, cutter
from pursuit.runtimes.failures import told
from pursuit.trackers.apart import impostors
from pursuit.trackers.base import State
from pursuit.trackers.device_response import Maps, reader
from pursuit.trackers.many import LEAST, ManyTargets, confidence
from pursuit.trackers.redetect import next_states, wide_centres
from pursuit.trackers.settings import SiamFCSettings
from pursuit.trackers.targets import SiamFCTargets, Views
from pursuit.weights.card import SCORE_OFFSET, SCORE_SCALE

_CELLS = 17  # side of the score map
_LEAST_PEAK = 4.0  # of a first frame that peaks are measured against: targets have 4.6 to 20


def _squares(sides: Array) -> Array:
    """Return the widths and heights (N, S, 2) of squares with sides (N, S)."""
    return np.repeat(sides[..., None], 2, axis=-1)


def _showing(views: Views, box: Array) -> NDArray[np.bool_]:
    """Return which cells of the maps (1, M, 17, 17) of M views show a box (4,)."""
    cells = (np.arange(_CELLS) - (_CELLS - 1) / 2) * STRIDE / SEARCH
    # (M, 2, 17): x, y of the cells in the frame.
    place = views.centre[:, :, None] + cells * views.side[:, None, None]
    within = np.abs(place - (box[:2] + box[2:] / 2)[:, None]) <= box[2:, None] / 2
    return (within[:, 1, :, None] & within[:, 0, None, :])[None]


class SiamFCTracker(ManyTargets[SiamFCTargets]):
    """Follows N targets with one network call a frame.

    Bounds, whatever the frames hold: a centre stays in the frame; a size stays within
    `settings.smallest` and `.largest` of its first, within the frame, and above 2 pixels (or
    where it started, if that was less); the search window follows the size.

    Args:
        network: a SiamFC on a runtime.
        settings: hyper-parameters.
        score_scale, score_offset: of the weights' card; make a confidence of a peak's height
            in terms of the first frame's.
        name: what results and reports call this tracker.
    """

    def __init__(
        self,
        network: CompiledSiamFC,
        settings: SiamFCSettings | None = None,
        *,
        score_scale: float = SCORE_SCALE,
        score_offset: float = SCORE_OFFSET,
        name: str = "siamfc",
    ) -> None:
        super().__init__(name, network.device)
        self.settings = settings or SiamFCSettings()
        self._looks_every = self.settings.frames_every
        self._network = network
        self._cutter = cutter(network.device)
        self._calibration = (score_scale, score_offset)
        with told(network.device, "to read score maps"):
            self._reader = reader(_CELLS, self.settings, network.device)
        reach = self.settings.scales // 2
        self._steps = self.settings.scale_step ** np.arange(-reach, reach + 1.0)

    def response(self, frame: object, box: ArrayLike) -> tuple[Array, Array]:
        """Return the score map of the first target around a box (4,), changing nothing.

        Returns:
            The map (17, 17) at the box's scale, and the square (4,) of the frame that its cells
            cover.

        Raises:
            PursuitError: before `init`.
            FrameError: not a frame.
            EngineError: the network's device has too little memory, or fails.
        """
        centre, size = np.split(np.asarray(box, dtype=np.float64)[None], 2, axis=1)
        one = self.targets.take(np.array([0]))
        one = replace(one, centre=centre + size / 2, zoom=size[:, 0] / one.first[:, 0])
        view = Views(np.zeros(1, np.int64), one.centre, one.side)
        with self._told(1):
            features = self._network.embed(self._windows(as_frame(frame), one, view))
            found = self._network.score(one.exemplar, features)[0, 0].float().cpu().numpy()
        covered = one.side * (_CELLS * STRIDE / SEARCH)
        square = np.concatenate([one.centre[0] - covered / 2, covered, covered])
        return found.astype(np.float64), square

    def _followed(self, frame: Frame, targets: SiamFCTargets) -> tuple[SiamFCTargets, Array]:
        targets = replace(targets, age=targets.age + 1)
        due = targets.age % self.settings.frames_every == 0
        if due.all():
            targets = self._looked_for(frame, targets)
        elif due.any():
            rows = np.flatnonzero(due)
            targets = targets.put(rows, self._looked_for(frame, targets.take(rows)))
        return targets, targets.score.copy()

    def _looked_for(self, frame: Frame, targets: SiamFCTargets) -> SiamFCTargets:
        """Return the targets where the network sees them in a frame."""
        wide, seeks = self._wide_views(targets)
        scales = self._scales(targets)
        near = self._near_views(targets, scales)
        features = self._network.embed(self._windows(frame, targets, near, wide))
        maps = self._maps(targets.exemplar, features[: len(near.side)])
        moved, score = self._moved(targets, maps, near)
        moved, score = self._told_apart(targets, moved, score, maps, near)
        if len(seeks):
            maps = self._maps(targets.exemplar[seeks], features[len(near.side) :])
            moved, score = self._taken_up(moved, score, maps, wide)
        if scales == slice(None):
            moved = replace(moved, sized_score=score)
        return self._bounded(self._judged(targets, moved, score))

    def _scales(self, targets: SiamFCTargets) -> slice:
        """Return which scales are searched now: all, or the middle one alone."""
        looks = targets.age // self.settings.frames_every
        due = looks % self.settings.sides_every == 0
        fell = targets.score < targets.sized_score - self.settings.sides_fall
        if (due | fell | (targets.state != State.TRACKED)).any():
            return slice(None)
        middle = len(self._steps) // 2
        return slice(middle, middle + 1)

    def _maps(self, exemplar: Tensor, search: Tensor) -> Maps:
        """Return score maps (N, S, 17, 17) where they are read."""
        maps: Maps = self._reader.taken(self._network.score(exemplar, search))
        return maps

    def _moved(
        self, targets: SiamFCTargets, maps: Maps, views: Views
    ) -> tuple[SiamFCTargets, Array]:
        """Return the targets where their score maps (N, S, 17, 17) say, and their scores (N,)."""
        out = (len(self._steps) - maps.shape[1]) // 2  # scales left out on each side
        steps = self._steps[out : out + maps.shape[1]]
        move = self._reader.read(maps, targets.first_peaks[:, out : out + len(steps)])
        scale = move.scale
        offset = move.offset - targets.zero * move.likeness[:, None]
        rows = np.arange(len(targets))
        side = views.side.reshape(len(targets), -1)[rows, scale, None]
        # Cells of the score map to pixels of the window to pixels of the frame.
        centre = targets.centre + offset * STRIDE * side / SEARCH
        damping = self.settings.scale_damping
        zoom = targets.zoom * (1 - damping + damping * steps[scale])
        peak = move.peaks[rows, scale].astype(np.float64)
        return replace(targets, centre=centre, zoom=zoom), self._score(targets, peak)

    def _told_apart(
        self, before: SiamFCTargets, moved: SiamFCTargets, score: Array, maps: Maps, views: Views
    ) -> tuple[SiamFCTargets, Array]:
        """Return targets and scores (N,), those that took another's place put elsewhere.

        The maps (N, S, 17, 17) of such a target are read again without the places that others
        are sure of. Where they then show nothing that is surely it, it stays where it was, and
        LOST if it was.
        """
        if len(before) == 1:
            return moved, score
        boxes, sure = moved.boxes(), self.settings.sure_above
        centre, zoom, score = moved.centre.copy(), moved.zoom.copy(), score.copy()
        wrong, owners = impostors(boxes, score, before.state, sure)
        for row in wrong:
            one, scales = before.take(np.array([row])), maps.shape[1]
            view = views.take(slice(row * scales, (row + 1) * scales))
            rest = maps[row : row + 1]
            for owner in owners:
                rest = self._reader.without(rest, _showing(view, boxes[owner]))
            again, (its_score,) = self._moved(one, rest, view)
            if its_score < sure:
                again = one
                if before.state[row] == State.LOST:
                    its_score = min(its_score, np.nextafter(self.settings.found_above, 0))
            centre[row], zoom[row], score[row] = again.centre[0], again.zoom[0], its_score
        return replace(moved, centre=centre, zoom=zoom), score

    def _taken_up(
        self, targets: SiamFCTargets, score: Array, maps: Maps, views: Views
    ) -> tuple[SiamFCTargets, Array]:
        """Return targets and scores, those lost put where a wide view (M,) shows them best."""
        move = self._reader.read(maps, influence=0)
        peak = move.peaks[:, 0].astype(np.float64)
        found = self._score(targets.take(views.target), peak)
        place = views.centre + move.offset * STRIDE * views.side[:, None] / SEARCH
        centre, zoom, score = targets.centre.copy(), targets.zoom.copy(), score.copy()
        there = (targets.state != State.LOST) | (score >= self.settings.found_above)
        taken_up = np.zeros(len(targets), bool)
        for i in np.argsort(-found, kind="stable"):
            row = views.target[i]
            if taken_up[row] or found[i] < max(self.settings.redetect_above, score[row]):
                continue
            inside = (np.abs(centre - place[i]) <= targets.size / 2).all(axis=1) & there
            inside[row] = False
            if inside.any():  # another is there, or has just been taken up there
                continue
            taken_up[row] = there[row] = True
            centre[row], zoom[row], score[row] = place[i], targets.sure_zoom[row], found[i]
        return replace(targets, centre=centre, zoom=zoom), score

    def _judged(self, before: SiamFCTargets, after: SiamFCTargets, score: Array) -> SiamFCTargets:
        """Return the moved targets with their scores, and the states that these lead to."""
        state = next_states(score, before.state, self.settings)
        lost, sure = state == State.LOST, state == State.TRACKED
        return replace(
            after,
            score=score,
            state=state,
            lost_for=np.where(lost, before.lost_for + 1, 0),
            sure_centre=np.where(sure[:, None], after.centre, before.sure_centre),
            sure_zoom=np.where(sure, after.zoom, before.sure_zoom),
        )

    @property
    def runtime(self) -> str:
        """What runs the network: one of `pursuit.runtimes.names()`, or cuda."""
        return self._network.name

    def _started(self, frame: Frame, where: Array, ids: NDArray[np.int64]) -> SiamFCTargets:
        number = len(where)
        border = np.tile(mean_colour(frame), (number, 1))
        centre, size = box_arithmetic.centres(where), where[:, 2:]
        sides = box_arithmetic.context_side(size)
        crops = self._cutter.empty(number, EXEMPLAR)
        self._cutter.cut(frame, centre, _squares(sides[:, None]), border, crops)
        targets = SiamFCTargets(
            ids=ids,
            centre=centre,
            first=size,
            state=np.full(number, int(State.TRACKED)),
            zoom=np.ones(number),
            border=border,
            exemplar=self._network.embed(crops),
            zero=np.zeros((number, 2)),
            age=np.zeros(number, np.int64),
            score=np.ones(number),
            sized_score=np.ones(number),
            first_peaks=np.zeros((number, len(self._steps)), np.float32),
            lost_for=np.zeros(number, np.int64),
            sure_centre=centre,
            sure_zoom=np.ones(number),
        )
        return self._zeroed(frame, targets)

    def _zeroed(self, frame: Frame, targets: SiamFCTargets) -> SiamFCTargets:
        """Return targets with what their score maps show in the very frame they started in.

        A map's peak there is off the centre, by what surrounds the target, and another scale
        may outscore the true one: neither is a movement. As the target's looks change, by the
        likeness of `Move`, so does the reason to take it off.
        """
        views = self._near_views(targets, slice(None))
        search = self._network.embed(self._windows(frame, targets, views))
        maps = self._maps(targets.exemplar, search)
        middle = len(self._steps) // 2
        offset = self._reader.read(maps[:, middle : middle + 1]).offset
        # Further off than a cell it is another thing's peak, and says nothing.
        near = (np.abs(offset) < 1).all(axis=1, keepdims=True)
        peaks = self._reader.read(maps).peaks
        return replace(targets, zero=np.where(near, offset, 0.0), first_peaks=peaks)

    def _near_views(self, targets: SiamFCTargets, scales: slice) -> Views:
        """Return N * S views: each target's place at each of some scales."""
        steps = self._steps[scales]
        return Views(
            target=np.repeat(np.arange(len(targets)), len(steps)),
            centre=np.repeat(targets.centre, len(steps), axis=0),
            side=(targets.side[:, None] * steps).ravel(),
        )

    def _wide_views(self, targets: SiamFCTargets) -> tuple[Views, NDArray[np.int64]]:
        """Return M views all over the frame for the lost targets, and whose they are, (M,)."""
        lost = np.flatnonzero(targets.lost_for * self.settings.redetect)
        if not len(lost):
            return Views(lost, np.empty((0, 2)), np.empty(0)), lost
        frame = np.array(self._frame_size, dtype=np.float64)
        last = targets.with_sure_place()
        rows: list[int] = []
        places: list[Array] = []
        for row in lost:
            found = wide_centres(
                last.centre[row],
                last.side[row],
                frame,
                int(targets.lost_for[row]),
                self.settings.redetect_windows,
            )
            rows += [int(row)] * len(found)
            places += list(found)
        target = np.array(rows, dtype=np.int64)
        return Views(target, np.array(places).reshape(-1, 2), last.side[target]), target

    def _windows(
        self, frame: Frame, targets: SiamFCTargets, near: Views, wide: Views | None = None
    ) -> Windows:
        """Return the windows (M, 255, 255, 3) of the near views, S a target, then of the wide."""
        number, scales = len(near.side), len(near.side) // len(targets)
        more = 0 if wide is None else len(wide.side)
        crops: Windows = self._cutter.empty(number + more, SEARCH)

        def cut(views: Views, each: int, out: Windows) -> None:
            places, sides = views.centre[::each], _squares(views.side.reshape(-1, each))
            self._cutter.cut(frame, places, sides, targets.border[views.target[::each]], out)

        cut(near, scales, crops[:number])
        if wide is not None and more:
            cut(wide, 1, crops[number:])
        return crops

    def _bounded(self, targets: SiamFCTargets) -> SiamFCTargets:
        frame = np.array(self._frame_size, dtype=np.float64)
        least = np.minimum(LEAST / targets.first.min(axis=1), 1)
        low = np.maximum(self.settings.smallest, least)
        high = np.minimum(self.settings.largest, (frame / targets.first).min(axis=1))
        # The upper bound is put on last: a frame may have become smaller than the lower one.
        zoom = np.minimum(np.maximum(targets.zoom, low), high)
        return replace(targets, centre=np.clip(targets.centre, 0, frame), zoom=zoom)

    def _score(self, targets: SiamFCTargets, peak: Array) -> Array:
        """Return the confidence in [0, 1] of the targets' peaks (N,)."""
        first = targets.first_peaks[:, len(self._steps) // 2].astype(np.float64)
        height = peak / np.maximum(first, _LEAST_PEAK)
        return confidence(height, *self._calibration)
