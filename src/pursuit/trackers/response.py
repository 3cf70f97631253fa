"""From score maps to a move: upsampling, the cosine window, the choice of scale, the peak.

Pure functions of tensors, N targets at once. A fine cell is one of an upsampled map; its
centre and the map's centre are half-pixel centres, so nothing shifts.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pursuit.trackers.settings import SiamFCSettings

_A = -0.5  # of the cubic kernel (Keys); OpenCV's -0.75 overshoots more


@dataclass(frozen=True)
class Move:
    """What the score maps say of N targets.

    Attributes:
        scale: (N,) index of the chosen scale, int64.
        offset: (N, 2) x, y of the peak from the map's centre, in cells of the score map.
        peak: (N,) highest value of the chosen upsampled map, no window on it.
    """

    scale: Tensor
    offset: Tensor
    peak: Tensor


def upsampling_matrix(cells: int, factor: int) -> Tensor:
    """Return U (cells * factor, cells), float32: U m U^T upsamples a map m bicubically.

    Half-pixel centres, edge values repeated outside.
    """
    position = (torch.arange(cells * factor, dtype=torch.float64) + 0.5) / factor - 0.5
    first = position.floor().long() - 1
    matrix = torch.zeros(cells * factor, cells, dtype=torch.float64)
    for tap in range(4):
        column = first + tap
        weight = _cubic((position - column).abs())
        column = column.clamp(0, cells - 1)
        matrix.scatter_add_(1, column[:, None], weight[:, None])
    return matrix.float()


def cosine_window(size: int) -> Tensor:
    """Return the outer product (size, size) of two Hann windows, divided by its sum."""
    hann = torch.hann_window(size, periodic=False, dtype=torch.float64)
    # Mirrored halves are equal to the last bit, so that two middle cells tie.
    window = torch.outer(hann + hann.flip(0), hann + hann.flip(0))
    return (window / window.sum()).float()


def find_moves(maps: Tensor, matrix: Tensor, window: Tensor, settings: SiamFCSettings) -> Move:
    """Return where N targets went, from score maps (N, S, s, s) of S scales.

    The scale whose upsampled map has the highest value wins; all but the middle one are
    penalised first. The chosen map, brought to sum 1, is blended with the cosine window;
    its peak, refined below a fine cell by a parabola, is the offset.
    """
    maps = torch.nan_to_num(maps.float(), nan=0.0, posinf=1e6, neginf=-1e6).clamp(-1e6, 1e6)
    fine = matrix @ maps @ matrix.T
    peaks = fine.amax(dim=(2, 3))
    scale = _penalised(peaks, settings.scale_penalty).argmax(dim=1)
    rows = torch.arange(len(maps), device=maps.device)
    chosen = fine[rows, scale]
    share = chosen - chosen.amin(dim=(1, 2), keepdim=True)
    total = share.sum(dim=(1, 2), keepdim=True)
    share = share / total.clamp(min=1e-12)  # a constant map leaves the window alone
    influence = settings.window_influence
    blend = (1 - influence) * share + influence * window
    offset = (_peak(blend) - (blend.shape[-1] - 1) / 2) / settings.upsampling
    return Move(scale, offset, peaks[rows, scale])


def _penalised(peaks: Tensor, penalty: float) -> Tensor:
    """Lower the peaks (N, S) of all scales but the middle one, whatever their sign.

    The paper's factor on a negative score would reward a change of scale.
    """
    lowered = peaks - (1 - penalty) * peaks.abs()
    middle = peaks.shape[1] // 2
    lowered[:, middle] = peaks[:, middle]
    return lowered


def _peak(blend: Tensor) -> Tensor:
    """Return x, y (N, 2) of the highest cells of maps (N, n, n), refined by parabolas."""
    number, side = blend.shape[0], blend.shape[-1]
    place = blend.reshape(number, -1).argmax(dim=1)
    rows = torch.arange(number, device=blend.device)
    y, x = place // side, place % side
    fine_x = x + _vertex(blend[rows, y], x)
    fine_y = y + _vertex(blend[rows, :, x], y)
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


def _cubic(distance: Tensor) -> Tensor:
    """Return Keys' cubic kernel at distances from a sample."""
    near = (_A + 2) * distance**3 - (_A + 3) * distance**2 + 1
    far = _A * (distance**3 - 5 * distance**2 + 8 * distance - 4)
    zero = torch.zeros_like(distance)
    return torch.where(distance <= 1, near, torch.where(distance < 2, far, zero))
