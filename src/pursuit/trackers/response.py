"""From score maps to a move: upsampling, the cosine window, the choice of scale, the peak.

Pure functions of tensors, N targets at once. A fine cell is one of an upsampled map; its
centre and the map's centre are half-pixel centres, so nothing shifts.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pursuit.trackers.settings import SiamFCSettings

_PAD = 8  # cells repeated beyond each edge: the spline forgets them at 0.27 a cell


@dataclass(frozen=True)
class Move:
    """What the score maps say of N targets.

    Attributes:
        scale: (N,) index of the chosen scale, int64.
        offset: (N, 2) x, y of the peak from the map's centre, in cells of the score map.
        peaks: (N, S) highest value of each scale's upsampled map, no window on it.
        likeness: (N,) in [0, 1]: how much the targets still look as in their first frame.
    """

    scale: Tensor
    offset: Tensor
    peaks: Tensor
    likeness: Tensor


def upsampling_matrix(cells: int, factor: int) -> Tensor:
    """Return U (cells * factor, cells), float32: U m U^T upsamples a map m bicubically.

    Half-pixel centres, edge values repeated outside. The bicubic is the interpolating cubic
    spline. The authors' (a kernel of four cells, a = -0.5) pulls the peak of a bump as wide
    as a target's (deviation 1.5 cells) towards the middle of its cell by up to 0.06 cells,
    half a pixel of the window; the spline by 0.015.
    """
    number = cells + 2 * _PAD
    near = torch.arange(number)
    repeated = torch.zeros(number, cells, dtype=torch.float64)
    repeated[near, (near - _PAD).clamp(0, cells - 1)] = 1
    # Values at cells are B c, so that coefficients c of the spline are B^-1 values.
    coefficients = torch.linalg.solve(_b_spline((near[:, None] - near).double()), repeated)
    position = (torch.arange(cells * factor, dtype=torch.float64) + 0.5) / factor - 0.5 + _PAD
    return (_b_spline(position[:, None] - near) @ coefficients).float()


def cosine_window(size: int) -> Tensor:
    """Return the outer product (size, size) of two Hann windows, divided by its sum."""
    hann = torch.hann_window(size, periodic=False, dtype=torch.float64)
    # Mirrored halves are equal to the last bit, so that two middle cells tie.
    window = torch.outer(hann + hann.flip(0), hann + hann.flip(0))
    return (window / window.sum()).float()


def find_moves(
    maps: Tensor,
    matrix: Tensor,
    window: Tensor,
    settings: SiamFCSettings,
    first: Tensor | None = None,
) -> Move:
    """Return where N targets went, from score maps (N, S, s, s) of S scales.

    The scale whose upsampled map has the highest value wins; all but the middle one are
    penalised first. The chosen map, brought to sum 1, is blended with the cosine window:
    that decides which peak is the target's. Where the peak is, is read from the map alone,
    which the window would pull towards the middle, below a fine cell by a parabola.

    Args:
        maps: (N, S, s, s), any finite values or not.
        matrix: of `upsampling_matrix`.
        window: of `cosine_window`.
        settings: penalty and influence of the window.
        first: (N, S) peaks of the targets' own first frame. Where another scale than the true
            one was highest there, it has that handicap as far as the target looks the same.
    """
    maps = torch.nan_to_num(maps.float(), nan=0.0, posinf=1e6, neginf=-1e6).clamp(-1e6, 1e6)
    # Measured from its lowest cell a flat map is zero exactly, before and after upsampling.
    floor = maps.amin(dim=(2, 3), keepdim=True)
    fine = matrix @ (maps - floor) @ matrix.T
    peaks = fine.amax(dim=(2, 3)) + floor[:, :, 0, 0]
    first = torch.zeros_like(peaks) if first is None else first
    likeness = _likeness(peaks, first)
    handicap = (first - _middle(first)).clamp(min=0) * likeness[:, None]
    scale = _best_scale(peaks - handicap, settings.scale_penalty)
    rows = torch.arange(len(maps), device=maps.device)
    chosen = fine[rows, scale]
    share = chosen - chosen.amin(dim=(1, 2), keepdim=True)
    total = share.sum(dim=(1, 2), keepdim=True)
    share = share / total.clamp(min=1e-12)  # a flat map leaves the window alone
    influence = settings.window_influence
    blend = (1 - influence) * share + influence * window
    place = _peak(blend, share, settings.upsampling)
    offset = (place - (share.shape[-1] - 1) / 2) / settings.upsampling
    return Move(scale, offset, peaks, likeness)


def _likeness(peaks: Tensor, first: Tensor) -> Tensor:
    """Return (N,): 1 where the middle peak is as high as in the first frame, 0 from half on."""
    now, then = _middle(peaks)[:, 0], _middle(first)[:, 0]
    return torch.where(then > 0, (2 * now / then - 1).clamp(0, 1), torch.zeros_like(now))


def _middle(peaks: Tensor) -> Tensor:
    """Return the peaks (N, 1) of the middle scale out of (N, S)."""
    middle = peaks.shape[1] // 2
    return peaks[:, middle : middle + 1]


def _best_scale(peaks: Tensor, penalty: float) -> Tensor:
    """Return the index (N,) of the highest peak (N, S), others than the middle one penalised.

    The penalty lowers a peak whatever its sign: the program's factor on a negative score
    would reward a change. Of equal peaks the middle one wins, so that a flat map changes
    nothing, then the first.
    """
    middle = peaks.shape[1] // 2
    lowered = peaks - (1 - penalty) * peaks.abs()
    kept = peaks[:, middle]
    best = lowered.argmax(dim=1)
    return torch.where(kept >= lowered.amax(dim=1), torch.full_like(best, middle), best)


def _peak(blend: Tensor, bare: Tensor, reach: int) -> Tensor:
    """Return x, y (N, 2) of the bare maps' peaks next to the highest cells of blended ones.

    A peak of the bare map is one that is highest within `reach` cells; where there is none
    (on a slope, or a flat map), the blended map's is returned. Maps are (N, n, n).
    """
    number, side = blend.shape[0], blend.shape[-1]
    rows = torch.arange(number, device=blend.device)
    place = blend.reshape(number, -1).argmax(dim=1)
    y, x = place // side, place % side
    around = torch.arange(-reach, reach + 1, device=blend.device)
    ys = (y[:, None] + around).clamp(0, side - 1)
    xs = (x[:, None] + around).clamp(0, side - 1)
    near = bare[rows[:, None, None], ys[:, :, None], xs[:, None, :]]
    best = near.reshape(number, -1).argmax(dim=1)
    row, column = best // len(around), best % len(around)
    inside = (row % (2 * reach) > 0) & (column % (2 * reach) > 0)
    y = torch.where(inside, ys[rows, row], y)
    x = torch.where(inside, xs[rows, column], x)
    read = torch.where(inside[:, None, None], bare, blend)
    fine_x = x + _vertex(read[rows, y], x)
    fine_y = y + _vertex(read[rows, :, x], y)
    return torch.stack([fine_x, fine_y], dim=1)


def _vertex(lines: Tensor, index: Tensor) -> Tensor:
    """Return the vertex in [-0.5, 0.5] of the parabola around an index in each line (N, n)."""
    side = lines.shape[1]
    around = index[:, None] + torch.arange(-1, 2, device=lines.device)
    left, middle, right = lines.gather(1, around.clamp(0, side - 1)).double().unbind(1)
    bend = left - 2 * middle + right
    vertex = (left - right) / (2 * torch.where(bend < 0, bend, -torch.ones_like(bend)))
    inside = (index > 0) & (index < side - 1) & (bend < 0)
    return torch.where(inside, vertex.clamp(-0.5, 0.5), torch.zeros_like(vertex))


def _b_spline(distance: Tensor) -> Tensor:
    """Return the cubic B-spline at distances from its middle."""
    far = distance.abs()
    inner = 2 / 3 - far**2 + far**3 / 2
    return torch.where(far < 1, inner, (2 - far).clamp(min=0) ** 3 / 6)
