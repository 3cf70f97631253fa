"""From score maps to a move: upsampling, the cosine window, the choice of scale, the peak.

Pure functions of arrays, N targets at once. A fine cell is one of an upsampled map; its
centre and the map's centre are half-pixel centres, so nothing shifts.

Of an upsampled map only the cells that can hold the peak are computed. It is a cubic spline: its
values at the corners, the middles of the edges and the centre of a cell, and its curvature, say
how high it can rise within the cell. Cells that stay below a fine cell that is known already are
left out, so that what is found is exactly the whole map's peak.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pursuit.trackers.settings import SiamFCSettings

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]

_PAD = 8  # cells repeated beyond each edge: the spline forgets them at 0.27 a cell
_AROUND = 2  # coefficients beyond a cell that reach into it, on each side
_SLACK = 1e-5  # of the highest value: what rounding may lift a fine cell above its bound
# A curve stays below its chords, 1/2 a cell long, by 1/8 of the length's square, plus curvature.
_RISE = 1 / 32
LIMIT = 1e6  # scores beyond are taken for this


@dataclass(frozen=True)
class _Blend:
    """How M maps are blended with the window: gain * (map - least) + influence * window.

    Attributes:
        gain, least: (M,).
        influence: of the window.
    """

    gain: Floats
    least: Floats
    influence: np.float32

    def of(self, values: Floats, rows: Whole | slice, window: Floats) -> Floats:
        """Return values (K, n) of maps (K,) blended with the window's there."""
        blended = self.gain[rows, None] * (values - self.least[rows, None])
        return np.asarray(blended + self.influence * window, np.float32)


@dataclass(frozen=True)
class Move:
    """What the score maps say of N targets.

    Attributes:
        scale: (N,) index of the chosen scale.
        offset: (N, 2) x, y of the peak from the map's centre, in cells of the score map.
        peaks: (N, S) highest value of each scale's upsampled map, no window on it.
        likeness: (N,) in [0, 1]: how much the targets still look as in their first frame.
    """

    scale: Whole
    offset: NDArray[np.float64]
    peaks: Floats
    likeness: Floats


def upsampling_matrix(cells: int, factor: int) -> Floats:
    """Return U (cells * factor, cells): U m U^T upsamples a map m bicubically.

    Half-pixel centres, edge values repeated outside. The bicubic is the interpolating cubic
    spline. The authors' (a kernel of four cells, a = -0.5) pulls the peak of a bump as wide
    as a target's (deviation 1.5 cells) towards the middle of its cell by up to 0.06 cells,
    half a pixel of the window; the spline by 0.015.
    """
    position = (np.arange(cells * factor) + 0.5) / factor - 0.5
    index = np.arange(-_PAD, cells + _PAD)
    return (_b_spline(position[:, None] - index) @ _coefficients(cells)).astype(np.float32)


def cosine_window(size: int) -> Floats:
    """Return the outer product (size, size) of two Hann windows, divided by its sum."""
    hann = np.hanning(size)
    # Mirrored halves are equal to the last bit, so that two middle cells tie.
    window = np.outer(hann + hann[::-1], hann + hann[::-1])
    return (window / window.sum()).astype(np.float32)


class MapReader:
    """Reads the moves of targets from their score maps.

    Args:
        cells: side of a score map.
        settings: factor of the upsampling, penalty, and influence of the window.
    """

    def __init__(self, cells: int, settings: SiamFCSettings) -> None:
        factor = settings.upsampling
        self._cells, self._factor = cells, factor
        self._penalty, self._influence = settings.scale_penalty, settings.window_influence
        self._matrix = upsampling_matrix(cells, factor)
        self._sums = self._matrix.sum(axis=0)
        # Neighbouring fine cells of a peak differ by little: float32 would move it.
        self._exact = self._matrix.astype(np.float64)
        self._window = cosine_window(cells * factor)
        blocks = self._window.reshape(cells, factor, cells, factor).transpose(0, 2, 1, 3)
        self._blocks = blocks.reshape(cells**2, factor**2)
        self._highest_of_window = self._blocks.max(axis=1)
        inside = slice(_PAD - _AROUND, _PAD + cells + _AROUND)
        self._spline = _coefficients(cells)[inside].astype(np.float32)
        position = (np.arange(factor) + 0.5) / factor - 0.5
        weights = _b_spline(position[:, None] - np.arange(-_AROUND, _AROUND + 1))
        self._weights = np.ascontiguousarray(weights.T, dtype=np.float32)  # (5, factor)
        nodes = np.arange(2 * cells + 1) / 2 - 0.5
        index = np.arange(-_AROUND, cells + _AROUND)
        # Values at the edges of cells, then in their middles.
        of_nodes = _b_spline(np.concatenate([nodes[::2], nodes[1::2]])[:, None] - index)
        side = cells + 2 * _AROUND
        # Second differences of the coefficients are the spline's second derivatives.
        bends = 2 * np.eye(side) - np.eye(side, k=-1) - np.eye(side, k=1)
        self._across = np.ascontiguousarray(of_nodes.T, np.float32)
        self._down = np.concatenate([of_nodes, bends[1:-1]]).astype(np.float32)
        self._bends = np.ascontiguousarray(bends[:, 1:-1], np.float32)
        reach = np.arange(2 * _AROUND + 1)
        self._reach = (reach[:, None] * side + reach).ravel()  # of a cell's coefficients, in a row
        # The first of them; the coefficients are turned over.
        self._corners = (np.arange(cells) * side + np.arange(cells)[:, None]).ravel()
        self._near = np.arange(-factor, factor + 1)

    def taken(self, maps: Tensor) -> Floats:
        """Return a network's score maps (N, S, s, s) as `read` takes them."""
        return maps.cpu().numpy()

    def without(self, maps: Floats, hidden: NDArray[np.bool_]) -> Floats:
        """Return maps (N, S, s, s) as low as they get where they are to be hidden, likewise."""
        return np.where(hidden, maps.min(axis=(2, 3), keepdims=True), maps)

    def read(
        self, maps: Floats, first: Floats | None = None, influence: float | None = None
    ) -> Move:
        """Return where N targets went, from score maps (N, S, s, s) of S scales.

        The scale whose upsampled map has the highest value wins; all but the middle one are
        penalised first. The chosen map, brought to sum 1, is blended with the cosine window:
        that decides which peak is the target's. Where the peak is, is read from the map alone,
        which the window would pull towards the middle, below a fine cell by a parabola.

        Args:
            maps: (N, S, s, s), any finite values or not.
            first: (N, S) peaks of the targets' own first frame. Where another scale than the
                true one was highest there, it has that handicap as far as the target looks the
                same.
            influence: of the window, where it is not the settings'.
        """
        number, scales = maps.shape[:2]
        if not np.abs(maps).max(initial=0) <= LIMIT:
            maps = np.nan_to_num(maps, nan=0.0, posinf=LIMIT, neginf=-LIMIT)
            maps = maps.clip(-LIMIT, LIMIT)
        # Measured from its lowest cell a flat map is zero exactly, before and after upsampling.
        floor = maps.min(axis=(2, 3), keepdims=True)
        raised = (maps - floor).reshape(-1, self._cells, self._cells)
        # Turned over, so that the rows' share of the work comes first in `_fine`.
        spline = self._spline @ raised.swapaxes(1, 2) @ self._spline.T
        extremes = _tops(*self._candidates(np.concatenate([spline, -spline])))
        peaks = extremes[: len(spline)].reshape(number, scales) + floor[:, :, 0, 0]
        scale, likeness = self._scale(peaks, first)
        chosen = np.arange(number) * scales + scale
        least = -extremes[len(spline) + chosen]
        offset = self._places(raised[chosen], spline[chosen], least, influence)
        return Move(scale, offset, peaks, likeness)

    def upsampling(self) -> tuple[Floats, Floats]:
        """Return U, as `upsampling_matrix` does, and the cosine window (s f, s f)."""
        return self._matrix, self._window

    def move(
        self,
        peaks: Floats,
        places: Whole,
        gains: Floats,
        raised: Floats,
        first: Floats | None,
        influence: float,
    ) -> Move:
        """Return the move that `read` returns of maps whose highest cells are known.

        Args:
            peaks: (N, S) highest values.
            places: (N, S) the fine cells, in row order, that are highest in blended maps.
            gains: (N, S) of the maps where they are blended with the window.
            raised: (N, S, s, s) the maps, each from its lowest cell.
            first, influence: as of `read`, the latter as it is.
        """
        scale, likeness = self._scale(peaks, first)
        chosen = np.arange(len(peaks)), scale
        offset = self._beside(places[chosen], raised[chosen], gains[chosen], influence)
        return Move(scale, offset, peaks, likeness)

    def _scale(self, peaks: Floats, first: Floats | None) -> tuple[Whole, Floats]:
        """Return which scale has the highest of the peaks (N, S), (N,), and the likeness (N,)."""
        first = np.zeros_like(peaks) if first is None else first
        likeness = _likeness(peaks, first)
        handicap = np.maximum(first - _middle(first), 0) * likeness[:, None]
        return _best_scale(peaks - handicap, self._penalty), likeness

    def _places(
        self, raised: Floats, spline: Floats, least: Floats, influence: float | None
    ) -> NDArray[np.float64]:
        """Return x, y (N, 2) of the peaks of maps (N, s, s), in cells from the middle.

        Args:
            raised: the maps.
            spline: (N, s + 4, s + 4) their coefficients, turned over.
            least: (N,) the lowest fine cell of each.
            influence: of the window; None for the settings'.
        """
        influence = self._influence if influence is None else influence
        size = self._cells * self._factor
        total = self._sums @ (raised @ self._sums)[:, :, None]
        total = np.maximum(total[:, 0] - size**2 * least, 1e-12)
        # A flat map leaves the window alone.
        gain = ((1 - influence) / total).astype(np.float32)
        place = self._highest(spline, _Blend(gain, least, np.float32(influence)))
        return self._beside(place, raised, gain, influence)

    def _beside(
        self, place: Whole, raised: Floats, gain: Floats, influence: float
    ) -> NDArray[np.float64]:
        """Return x, y (N, 2) of the bare peaks next to fine cells (N,), as `_places` does.

        Args:
            place: the fine cells, in row order.
            raised: (N, s, s) the maps.
            gain: (N,) of the maps where they are blended with the window.
            influence: of the window.
        """
        size = self._cells * self._factor
        middle = np.stack([place // size, place % size])[..., None]
        ys, xs = np.minimum(np.maximum(middle + self._near, 0), size - 1)
        bare = self._exact[ys] @ raised @ self._exact[xs].swapaxes(1, 2)

        def blend(rows: Whole) -> NDArray[np.float64]:
            window = self._window[ys[rows, :, None], xs[rows, None, :]]
            blended = gain[rows, None, None] * bare[rows] + np.float32(influence) * window
            return np.asarray(blended, np.float64)

        return (_peak(bare, blend, ys, xs) - (size - 1) / 2) / self._factor

    def _highest(self, spline: Floats, blend: _Blend) -> Whole:
        """Return the highest fine cell (M,) of M blended maps, of equal ones the first.

        Args:
            spline: (M, s + 4, s + 4) coefficients of the maps, turned over.
            blend: of the maps.
        """
        rows, starts, cells, values = self._candidates(spline, blend)
        inner = values.argmax(axis=1)
        top = values[np.arange(len(rows)), inner]
        size, factor = self._cells * self._factor, self._factor
        y, x = cells // self._cells, cells % self._cells
        place = (y * factor + inner // factor) * size + x * factor + inner % factor
        highest = np.maximum.reduceat(top, starts)
        place = np.where(top == highest[rows], place, size**2)
        return np.minimum.reduceat(place, starts)

    def _candidates(
        self, spline: Floats, blend: _Blend | None = None
    ) -> tuple[Whole, Whole, Whole, Floats]:
        """Return the cells of M maps that can hold the highest fine cell, K in all.

        Args:
            spline: (M, s + 4, s + 4) coefficients of the maps, turned over.
            blend: of the maps; None for the maps as they are.

        Returns:
            Which map each is of, (K,), rising; where in these each map begins, (M,); which cell
            it is, in row order, (K,); its fine cells, in row order, (K, f * f).
        """
        number = len(spline)
        bound = self._bound(spline)
        if blend is not None:
            bound = blend.of(bound, slice(None), self._highest_of_window)
        every = np.arange(number)
        known = self._fine_cells(spline, blend, every, bound.argmax(axis=1)).max(axis=1)
        rows, cells = np.nonzero(bound >= known[:, None])
        starts = np.searchsorted(rows, every)
        return rows, starts, cells, self._fine_cells(spline, blend, rows, cells)

    def _fine_cells(
        self, spline: Floats, blend: _Blend | None, rows: Whole, cells: Whole
    ) -> Floats:
        """Return the fine cells (K, f * f) of cells (K,) of maps (K,), as `_candidates` does."""
        corner = self._corners[cells] + rows * spline[0].size
        values = self._fine(spline.ravel()[corner[:, None] + self._reach])
        return values if blend is None else blend.of(values, rows, self._blocks[cells])

    def _bound(self, spline: Floats) -> Floats:
        """Return what no fine cell of each cell exceeds, (M, s * s), y first."""
        edges = self._cells + 1
        down = self._down @ spline
        values = (down[:, : self._across.shape[1]] @ self._across).swapaxes(1, 2)
        rows = np.maximum(values[:, : edges - 1], values[:, 1:edges])
        rows = np.maximum(rows, values[:, edges:])
        both = np.maximum(rows[..., : edges - 1], rows[..., 1:edges])
        both = np.maximum(both, rows[..., edges:])
        number = len(spline)
        rise = np.maximum(down[:, self._across.shape[1] :].reshape(number, -1).max(axis=1), 0)
        rise += np.maximum((spline @ self._bends).reshape(number, -1).max(axis=1), 0)
        rise *= _RISE
        rise += _SLACK * np.abs(spline).reshape(number, -1).max(axis=1)
        return np.asarray(both.reshape(number, -1) + rise[:, None], np.float32)

    def _fine(self, around: Floats) -> Floats:
        """Return fine cells (K, f * f), in row order, of cells' coefficients (K, 25), x first."""
        side = 2 * _AROUND + 1
        # One small product after the other: for a large one NumPy takes threads, which wait for
        # more of them in circles long after.
        rows = around.reshape(-1, side, side) @ self._weights
        fine = rows.swapaxes(1, 2) @ self._weights
        return np.asarray(fine, np.float32).reshape(len(around), -1)


def _tops(rows: Whole, starts: Whole, cells: Whole, values: Floats) -> Floats:
    """Return the highest fine cells (M,) of what `_candidates` returns."""
    return np.asarray(np.maximum.reduceat(values.max(axis=1), starts), np.float32)


def _likeness(peaks: Floats, first: Floats) -> Floats:
    """Return (N,): 1 where the middle peak is as high as in the first frame, 0 from half on."""
    now, then = _middle(peaks)[:, 0], _middle(first)[:, 0]
    known = then > 0
    share = 2 * now / np.where(known, then, 1) - 1
    return np.where(known, np.minimum(np.maximum(share, 0), 1), 0)


def _middle(peaks: Floats) -> Floats:
    """Return the peaks (N, 1) of the middle scale out of (N, S)."""
    middle = peaks.shape[1] // 2
    return peaks[:, middle : middle + 1]


def _best_scale(peaks: Floats, penalty: float) -> Whole:
    """Return the index (N,) of the highest peak (N, S), others than the middle one penalised.

    The penalty lowers a peak whatever its sign: the program's factor on a negative score
    would reward a change. Of equal peaks the middle one wins, so that a flat map changes
    nothing, then the first.
    """
    middle = peaks.shape[1] // 2
    lowered = peaks - (1 - penalty) * np.abs(peaks)
    return np.where(peaks[:, middle] >= lowered.max(axis=1), middle, lowered.argmax(axis=1))


def _peak(
    bare: NDArray[np.float64],
    blend: Callable[[Whole], NDArray[np.float64]],
    ys: Whole,
    xs: Whole,
) -> NDArray[np.float64]:
    """Return x, y (N, 2) of the bare maps' peaks next to the middle, the blended ones' highest.

    A peak of the bare map is one that is highest among the cells ys, xs (N, 2 f + 1) around;
    where there is none (on a slope, or a flat map), the blended map's is returned.

    Args:
        bare: (N, 2 f + 1, 2 f + 1) of those cells; at the map's edge some are repeated.
        blend: the blended maps of some rows, as `bare`.
        ys, xs: (N, 2 f + 1).
    """
    number, side = ys.shape
    best = bare.reshape(number, -1).argmax(axis=1)
    row, column = best // side, best % side
    outside = np.flatnonzero((row % (side - 1) == 0) | (column % (side - 1) == 0))
    if len(outside):
        bare = bare.copy()
        bare[outside] = blend(outside)
        row[outside] = column[outside] = side // 2
    every = np.arange(number)
    lines = np.concatenate([bare[every, row], bare[every, :, column]])
    cells, index = np.concatenate([xs, ys]), np.concatenate([column, row])
    found = cells[np.arange(2 * number), index] + _vertex(lines, index, cells)
    return found.reshape(2, number).T


def _vertex(lines: NDArray[np.float64], index: Whole, cells: Whole) -> NDArray[np.float64]:
    """Return the vertex in [-0.5, 0.5] of the parabola around an index in each line (N, n).

    At the edge of the map, where a cell (N, n) is its own neighbour, it is 0.
    """
    three = np.arange(len(lines))[:, None], index[:, None] + np.arange(-1, 2)
    left, middle, right = lines[three].T
    before, here, after = cells[three].T
    bend = left - 2 * middle + right
    inside = (before < here) & (here < after) & (bend < 0)
    vertex = (left - right) / (2 * np.where(inside, bend, -1))
    return np.asarray(np.where(inside, np.minimum(np.maximum(vertex, -0.5), 0.5), 0), np.float64)


def _coefficients(cells: int) -> NDArray[np.float64]:
    """Return the matrix (cells + 16, cells) that makes spline coefficients of values.

    The values are repeated 8 cells beyond each edge; values at cells are B c, so that the
    coefficients c of the spline are B^-1 values.
    """
    near = np.arange(cells + 2 * _PAD)
    repeated = np.zeros((len(near), cells))
    repeated[near, (near - _PAD).clip(0, cells - 1)] = 1
    spline = np.linalg.solve(_b_spline((near[:, None] - near).astype(np.float64)), repeated)
    return np.asarray(spline, np.float64)


def _b_spline(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cubic B-spline at distances from its middle."""
    far = np.abs(distance)
    inner = 2 / 3 - far**2 + far**3 / 2
    return np.where(far < 1, inner, np.maximum(2 - far, 0) ** 3 / 6)
