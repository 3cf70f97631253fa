"""Make the clip that `pursuit demo` follows: a striped red car in a generated town.

    python tools/make_demo.py

writes src/pursuit/assets/demo.mp4 (H.264, 640 x 360, 25 frames a second) and demo.csv with
the exact boxes. The same clip comes out every time.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from pursuit.datasets import painting
from pursuit.datasets.film import Actor, Film
from pursuit.datasets.painting import Paint, Sprite

Array = NDArray[np.float64]

ASSETS = Path(__file__).resolve().parents[1] / "src" / "pursuit" / "assets"
SIZE = (640, 360)
RATE = 25
FRAMES = 240
WORLD = (1900, 1150)
CAR = (46.0, 26.0)
LANE = 14.5  # from the middle of the street to that of a lane
RED: Paint = (206, 30, 36)
WHITE: Paint = (246, 244, 238)


def smooth(points: list[tuple[float, float]]) -> Array:
    """Return a dense smooth line (K, 2) through points (Catmull-Rom)."""
    knots = np.array([points[0], *points, points[-1]])
    t = np.linspace(0, 1, 60, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(knots, knots[1:], knots[2:], knots[3:], strict=False):
        bend = (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
        pieces.append((2 * b + (c - a) * t + bend) / 2)
    return np.concatenate([*pieces, knots[-1:]])


def drive(line: Array, start: float, speed: Array | float, side: float) -> tuple[Array, Array]:
    """Return centres (T, 2) and angles (T,) on the right-hand lane (side 1) of a line."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    way = start + np.cumsum(np.broadcast_to(speed, FRAMES))
    if side < 0:
        way = along[-1] - way
    at = np.stack([np.interp(way, along, line[:, i]) for i in (0, 1)], axis=1)
    near, far = (
        np.stack([np.interp(way + step, along, line[:, i]) for i in (0, 1)], axis=1)
        for step in (-22, 22)
    )
    ahead = (far - near) * side
    ahead /= np.hypot(*ahead.T)[:, None]
    right = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    return at + LANE * right, np.arctan2(ahead[:, 1], ahead[:, 0])


def shadow(actor: Actor, shift: float = 5) -> Actor:
    """Return the shadow that an actor throws on the ground."""
    dark = []
    for level in actor.sprite.levels:
        picture = np.zeros_like(level)
        picture[..., 3] = 0.38 * level[..., 3]
        dark.append(picture)
    sprite = Sprite(tuple(dark), actor.sprite.outline, actor.sprite.density)
    return replace(actor, sprite=sprite, centre=actor.centre + shift)


def stand(sprite: Sprite, place: tuple[float, float], angle: float = 0) -> Actor:
    """Return an actor that stays where it is."""
    still = np.ones(FRAMES)
    return Actor(sprite, still[:, None] * np.array(place), still * np.deg2rad(angle), still)


def film() -> Film:
    """Return the demo's film."""
    rng = np.random.default_rng(11)
    main = smooth(
        [
            *[(-80, 640), (180, 560), (430, 430), (700, 480), (940, 640)],
            *[(1200, 600), (1450, 430), (1720, 470), (1990, 560)],
        ]
    )
    crossing = [
        smooth([(300, -60), (330, 250), (420, 440), (400, 760), (470, 1210)]),
        smooth([(830, -60), (800, 300), (850, 600), (960, 900), (940, 1210)]),
        smooth([(1330, -60), (1380, 240), (1330, 510), (1260, 820), (1290, 1210)]),
    ]
    quiet = [
        smooth([(-80, 190), (330, 230), (810, 170), (1380, 220), (1990, 120)]),
        smooth([(-80, 940), (420, 900), (940, 960), (1270, 880), (1990, 960)]),
    ]
    world = painting.town(*WORLD, rng, [*quiet, *crossing, main])

    time = np.linspace(0, 1, FRAMES)
    speed = 4.3 + 0.9 * np.sin(2 * np.pi * time * 2.5)

    def car(line: Array, start: float, pace: Array | float, side: float, look: Sprite) -> Actor:
        centre, angle = drive(line, start, pace, side)
        return Actor(look, centre, angle, np.ones(FRAMES))

    def look(paint: Paint, stripes: Paint | None = None) -> Sprite:
        return painting.car(CAR, paint, stripes, density=1.5)

    target = car(main, 440, speed, 1, look(RED, WHITE))
    others = [
        car(main, 330, speed * 0.97, 1, look((196, 186, 176))),
        car(main, 560, speed * 1.02, 1, look((52, 92, 170), WHITE)),
        car(main, 250, 4.6, -1, look((224, 116, 36))),
        car(main, 40, 4.3, -1, look((232, 190, 60))),
        car(main, 570, 4.6, -1, look((58, 60, 66))),
        car(main, 1180, 4.1, -1, look((226, 228, 230))),
        car(crossing[0], 120, 2.2, -1, look((60, 130, 96))),
        car(crossing[1], 60, 2.0, 1, look((200, 34, 40))),
        car(crossing[2], 180, 2.6, -1, look((70, 110, 180))),
        car(quiet[0], 500, 3.1, 1, look((214, 214, 218))),
        car(quiet[1], 400, 3.4, 1, look((180, 40, 48))),
    ]

    # A footbridge over the street, and treetops whose leaves reach over the lane.
    under = int(0.45 * FRAMES)
    bridge = stand(
        painting.bridge(150, 24), tuple(target.centre[under]), np.rad2deg(target.angle[under])
    )
    trees = []
    for moment, side, radius in ((0.2, 44, 30), (0.66, 40, 34), (0.7, -62, 30), (0.86, 46, 32)):
        index = int(moment * FRAMES)
        angle = target.angle[index] + np.pi / 2
        x, y = target.centre[index] + side * np.array([np.cos(angle), np.sin(angle)])
        trees.append(stand(painting.tree(radius, rng, 1.5), (x, y)))
    above = [bridge, *trees]

    # The camera follows calmly, comes down and rises again.
    wide = np.pad(target.centre, ((70, 70), (0, 0)), mode="reflect", reflect_type="odd")
    kernel = np.hanning(141) / np.hanning(141).sum()
    calm = np.stack([np.convolve(wide[:, i], kernel, mode="valid") for i in (0, 1)], axis=1)
    drift = np.stack([95 * np.sin(2 * np.pi * time * 1.3), 38 * np.sin(2 * np.pi * time)], axis=1)
    zoom = 1.24 - 0.18 * np.cos(2 * np.pi * (time * 1.25 - 0.05))
    cast = [shadow(actor) for actor in (target, *others)]
    return Film(
        size=SIZE,
        world=world,
        camera=np.column_stack([calm + drift, zoom]),
        target=target,
        below=(*cast, *others, *(shadow(actor, 12) for actor in trees)),
        above=tuple(above),
        light=1 + 0.06 * np.sin(2 * np.pi * time * 1.5),
        shutter=0.4,
        defocus=np.full(FRAMES, 0.5),
        noise=1.2,
        seed=11,
    )


def write(picture: Film, folder: Path) -> None:
    """Write demo.mp4 and demo.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    with av.open(str(folder / "demo.mp4"), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(RATE))
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "22", "preset": "veryslow", "threads": "1"}
        for image in picture.frames():
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with (folder / "demo.csv").open("w", encoding="utf-8", newline="\n") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["frame", "object", "x", "y", "w", "h"])
        for index, box in enumerate(picture.boxes):
            rows.writerow([index, 1, *(f"{value:.2f}" for value in box)])


if __name__ == "__main__":
    write(film(), ASSETS)
    print(f"{ASSETS / 'demo.mp4'}  {(ASSETS / 'demo.mp4').stat().st_size / 1e6:.2f} MB")
