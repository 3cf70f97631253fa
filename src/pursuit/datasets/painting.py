"""Pictures for generated sequences: a town seen from above, and the things that move in it.

Everything is drawn some times too large and shrunk by whole blocks, so edges are smooth and
lie where the outline says to a small part of a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pursuit.frames import Frame

Points = NDArray[np.float64]
Shape = Literal["ellipse", "rectangle", "car"]
Paint = tuple[int, int, int]

_FINE = 8  # drawn pixels a sprite pixel, along each side
_LEVELS = 4  # a sprite and its halves, for small scales
_CLEAR = 2 << _LEVELS  # clear pixels around a sprite, so that its halves keep their centre

ASPHALT, LINE, KERB = (92, 94, 98), (214, 210, 188), (142, 138, 128)


@dataclass(frozen=True)
class Sprite:
    """A thing that moves: its picture, transparent around it, and its outline.

    Attributes:
        levels: float32 (h, w, 4) each, colour times alpha (0 to 255) and alpha (0 to 1); each
            level has half the side of the one before. The centre is the thing's centre.
        outline: (K, 2) points in pixels at scale 1, from the centre.
        density: pixels of the first level a pixel at scale 1.
    """

    levels: tuple[NDArray[np.float32], ...]
    outline: Points
    density: float

    @property
    def area(self) -> float:
        """Area inside the outline at scale 1, square pixels."""
        x, y = self.outline.T
        return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def sprite(
    shape: Shape, size: tuple[float, float], rng: np.random.Generator, density: float = 1.0
) -> Sprite:
    """Return a sprite of that shape, width x height `size` at scale 1, painted by chance."""
    outline = _OUTLINES[shape](*size)
    if shape == "car":
        paint = tuple(int(value) for value in rng.integers(40, 230, 3))
        return car(size, paint, density=density)  # type: ignore[arg-type]
    return cut_out(outline, _patchwork(size, rng), density)


def cut_out(outline: Points, picture: Frame, density: float = 1.0) -> Sprite:
    """Return the sprite with this outline (K, 2) and picture (H, W, 3), stretched to fit."""
    reach = 2 * np.abs(outline).max(axis=0) * density
    unit = 1 << _LEVELS
    width, height = ((int(np.ceil(side)) + 2 * _CLEAR + unit) // unit * unit for side in reach)
    mask = np.zeros((height * _FINE, width * _FINE), dtype=np.uint8)
    points = outline * (density * _FINE) + np.array([width, height]) * _FINE / 2 - 0.5
    corners = [np.round(points * 16).astype(np.int32)]
    cv2.fillPoly(mask, corners, (255,), shift=4)
    cv2.polylines(mask, corners, True, (128,), shift=4)  # pixels on the outline are half inside
    alpha = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA) / np.float32(255)
    # The picture covers the outline's box exactly, and goes on past it where edges blend.
    scale = reach / np.array([picture.shape[1], picture.shape[0]])
    shift = (np.array([width, height]) - reach) / 2 + scale / 2 - 0.5
    matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
    colour = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    top = np.dstack([colour * alpha[..., None], alpha]).astype(np.float32)
    levels = [top]
    for _ in range(_LEVELS - 1):
        half = (levels[-1].shape[1] // 2, levels[-1].shape[0] // 2)
        levels.append(cv2.resize(levels[-1], half, interpolation=cv2.INTER_AREA))  # type: ignore[arg-type]
    return Sprite(tuple(levels), outline, density)


def car(
    size: tuple[float, float],
    paint: Paint,
    stripes: Paint | None = None,
    density: float = 1.0,
) -> Sprite:
    """Return a car seen from above, driving to the right at angle 0."""
    fine = 16.0  # pixels of the picture a pixel at scale 1
    w, h = int(size[0] * fine), int(size[1] * fine)
    body = np.empty((h, w, 3), dtype=np.float32)
    body[:] = paint
    across = np.linspace(-1, 1, h, dtype=np.float32)[:, None, None]
    body *= 1.08 - 0.38 * across**4  # the sides fall away from the light

    def block(x0: float, x1: float, y0: float, y1: float, colour: Paint, lean: float = 0) -> None:
        corners = [(x0, y0 + lean), (x1, y0 - lean), (x1, y1 + lean), (x0, y1 - lean)]
        points = np.array([(x * w, y * h) for x, y in corners]).astype(np.int32)
        cv2.fillPoly(body, [points], colour, cv2.LINE_AA)

    glass = (36, 44, 56)
    dark = (paint[0] // 2, paint[1] // 2, paint[2] // 2)
    block(0.20, 0.72, 0.10, 0.90, glass)
    if stripes:
        block(0, 1, 0.34, 0.45, stripes)
        block(0, 1, 0.55, 0.66, stripes)
        block(0.20, 0.30, 0.16, 0.84, glass, lean=0.03)
        block(0.60, 0.72, 0.16, 0.84, glass, lean=0.05)
    light = (min(255, paint[0] + 25), min(255, paint[1] + 25), min(255, paint[2] + 25))
    block(0.30, 0.58, 0.15, 0.85, light)
    if stripes:
        block(0.30, 0.58, 0.34, 0.45, stripes)
        block(0.30, 0.58, 0.55, 0.66, stripes)
    block(0.725, 0.735, 0.12, 0.88, dark)
    for y0, y1 in ((0.06, 0.24), (0.76, 0.94)):
        block(0.95, 1.0, y0, y1, (255, 250, 214))
        block(0.0, 0.03, y0, y1, (190, 20, 24))
    picture = np.clip(body, 0, 255).astype(np.uint8)
    return cut_out(_rounded(*size), picture, density)


def bridge(length: float, width: float, density: float = 1.0) -> Sprite:
    """Return a footbridge seen from above, `length` along y and `width` along x."""
    w, h = max(1, round(width * 8)), max(1, round(length * 8))
    deck = np.empty((h, w, 3), dtype=np.uint8)
    deck[:] = (172, 150, 118)
    for y in range(0, h, 40):  # planks
        deck[y : y + 5] = (142, 120, 92)
    rail = max(1, w // 14)
    deck[:, :rail] = deck[:, -rail:] = (96, 78, 60)
    return cut_out(_rectangle(width, length), deck, density)


def tree(radius: float, rng: np.random.Generator, density: float = 1.0) -> Sprite:
    """Return a treetop seen from above."""
    turn = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    wave = sum(
        rng.uniform(0.01, 0.05) * np.cos(n * turn + rng.uniform(0, 6.3)) for n in (3, 5, 7, 11)
    )
    reach = radius * (0.95 + np.asarray(wave))
    outline = np.stack([reach * np.cos(turn), reach * np.sin(turn)], axis=1)
    side = max(8, int(radius * 8))
    crown = np.empty((side, side, 3), dtype=np.uint8)
    base = np.array([44, 92, 48]) + rng.integers(-8, 9, 3)
    crown[:] = np.clip(base * 0.72, 0, 255)
    for step in range(60):  # leaves, lighter towards the sun at the top left
        share = step / 60
        place = side * (0.5 + rng.uniform(-0.46, 0.46, 2) * (1 - 0.5 * share) - 0.08 * share)
        colour = np.clip(base * (0.75 + 0.75 * share) + rng.integers(-6, 7, 3), 0, 255)
        centre = (int(place[0]), int(place[1]))
        cv2.circle(crown, centre, int(side * 0.11), [float(c) for c in colour], -1, cv2.LINE_AA)
    return cut_out(outline, crown, density)


def smooth_noise(height: int, width: int, cell: float, rng: np.random.Generator) -> Points:
    """Return a smooth random field (height, width), about -1 to 1, with blobs of `cell` pixels."""
    rows, columns = int(height / cell) + 3, int(width / cell) + 3
    field = rng.standard_normal((rows, columns)).astype(np.float32) / 2
    big = cv2.resize(field, None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC)
    return big[:height, :width].astype(np.float64)


def town(
    width: int, height: int, rng: np.random.Generator, streets: list[Points] | None = None
) -> Frame:
    """Return a town seen from above (height, width, 3): meadows, streets, houses, trees.

    `streets` are polylines (K, 2) in pixels; without them a crooked grid is laid.
    """
    ground = _meadows(height, width, rng)
    lines = _grid(width, height, rng) if streets is None else streets
    street = np.zeros((height, width), dtype=np.uint8)
    for line in lines:
        _stroke(street, line, 70, 255)
    _houses(ground, street, rng)
    for points, thick, colour in (
        *((line, 64, KERB) for line in lines),
        *((line, 56, ASPHALT) for line in lines),
    ):
        _stroke(ground, points, thick, colour)
    for line in lines:
        _dashes(ground, line)
    grain = smooth_noise(height, width, 3, rng) * 5 + smooth_noise(height, width, 40, rng) * 8
    grain += rng.standard_normal((height, width)) * 2.5
    return np.clip(ground + grain[..., None], 0, 255).astype(np.uint8)


def _meadows(height: int, width: int, rng: np.random.Generator) -> Frame:
    warm = smooth_noise(height, width, 90, rng)[..., None]
    fine = smooth_noise(height, width, 9, rng)[..., None]
    grass, earth = np.array([104.0, 134, 78]), np.array([168.0, 152, 108])
    mix = np.clip(0.35 + 0.5 * warm, 0, 1)
    colour = grass * (1 - mix) + earth * mix + 11 * fine
    return np.clip(colour, 0, 255).astype(np.uint8)


def _grid(width: int, height: int, rng: np.random.Generator) -> list[Points]:
    lines = []
    for reach, across in ((width, height), (height, width)):
        for middle in np.arange(rng.uniform(60, 150), across, 190):
            along = np.linspace(-60, reach + 60, 30)
            bend = 26 * np.sin(along / rng.uniform(90, 160) + rng.uniform(0, 6.3))
            line = np.stack([along, middle + bend], axis=1)
            lines.append(line if reach == width and across == height else line[:, ::-1])
    return lines


def _houses(ground: Frame, street: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Draw roofs and round bushes where neither a street nor another house is."""
    height, width = street.shape
    taken = street.copy()
    roofs = ((176, 92, 70), (150, 78, 62), (128, 122, 120), (196, 176, 150), (112, 98, 96))
    for _ in range(width * height // 2200):
        centre = rng.uniform((0, 0), (width, height))
        w, h = rng.uniform(26, 62), rng.uniform(22, 44)
        turn = rng.choice([0.0, 90.0]) + rng.uniform(-8, 8)
        corners = cv2.boxPoints((tuple(centre), (w, h), float(turn)))
        wide = cv2.boxPoints((tuple(centre), (w + 10, h + 10), float(turn))).astype(np.int32)
        spot = np.zeros_like(taken)
        cv2.fillPoly(spot, [wide], (255,))
        if cv2.countNonZero(cv2.bitwise_and(spot, taken)):
            continue
        taken |= spot
        roof = np.array(roofs[rng.integers(len(roofs))]) + rng.integers(-10, 11, 3)
        shade = ground.copy()
        cv2.fillPoly(shade, [(corners + 5).astype(np.int32)], (30, 34, 30), cv2.LINE_AA)
        cv2.addWeighted(shade, 0.5, ground, 0.5, 0, dst=ground)
        ridge = (corners[0] + corners[1]) / 2, (corners[2] + corners[3]) / 2
        lit = np.array([corners[0], ridge[0], ridge[1], corners[3]])
        for area, light in ((corners, 0.82), (lit, 1.12)):
            colour = [float(value) for value in np.clip(roof * light, 0, 255)]
            cv2.fillPoly(ground, [area.astype(np.int32)], colour, cv2.LINE_AA)
    for _ in range(width * height // 2600):
        x, y = rng.uniform((0, 0), (width, height))
        if taken[int(y), int(x)]:
            continue
        radius = int(rng.uniform(4, 11))
        for share, light in ((1.0, 0.55), (0.75, 0.85), (0.4, 1.1)):
            colour = [float(value) for value in np.array([62, 112, 58]) * light]
            spot_at = (int(x - radius * (1 - share) / 2), int(y - radius * (1 - share) / 2))
            cv2.circle(ground, spot_at, max(1, int(radius * share)), colour, -1, cv2.LINE_AA)


def _stroke(image: NDArray[np.uint8], line: Points, thick: int, colour: Paint | int) -> None:
    value = (colour,) if isinstance(colour, int) else colour
    cv2.polylines(image, [np.round(line).astype(np.int32)], False, value, thick, cv2.LINE_AA)


def _dashes(ground: Frame, line: Points) -> None:
    steps = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0], np.cumsum(steps)])
    for start in np.arange(0, along[-1] - 14, 30):
        at = np.linspace(start, start + 14, 5)
        dash = np.stack([np.interp(at, along, line[:, i]) for i in (0, 1)], axis=1)
        _stroke(ground, dash, 2, LINE)


def _patchwork(size: tuple[float, float], rng: np.random.Generator) -> Frame:
    """Return a picture of blocks and dots in strong colours: hard to mistake, easy to see."""
    w, h = (max(4, int(side * 4)) for side in size)
    small = rng.integers(20, 236, (3, 4, 3)).astype(np.uint8)
    picture = cv2.resize(small, (w, h), interpolation=cv2.INTER_NEAREST)
    for _ in range(14):
        centre = (int(rng.integers(w)), int(rng.integers(h)))
        colour = [float(value) for value in rng.integers(0, 256, 3)]
        cv2.circle(picture, centre, max(2, min(w, h) // 9), colour, -1, cv2.LINE_AA)
    return picture.astype(np.uint8)


def _ellipse(width: float, height: float) -> Points:
    turn = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    return np.stack([np.cos(turn) * width / 2, np.sin(turn) * height / 2], axis=1)


def _rectangle(width: float, height: float) -> Points:
    x, y = width / 2, height / 2
    return np.array([[-x, -y], [x, -y], [x, y], [-x, y]])


def _rounded(width: float, height: float) -> Points:
    """Return a rectangle with round corners."""
    radius = 0.3 * min(width, height)
    inner = _rectangle(width - 2 * radius, height - 2 * radius)
    quarter = np.linspace(0, np.pi / 2, 90)
    arc = radius * np.stack([np.cos(quarter), np.sin(quarter)], axis=1)
    turns = [np.array([[c, s], [-s, c]]) for c, s in ((-1, 0), (0, -1), (1, 0), (0, 1))]
    return np.concatenate([corner + arc @ turn for corner, turn in zip(inner, turns, strict=True)])


_OUTLINES = {"ellipse": _ellipse, "rectangle": _rectangle, "car": _rounded}
