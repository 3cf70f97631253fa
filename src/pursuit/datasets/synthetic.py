"""Generated sequences with exact ground truth: a painted target that moves over a town.

    film = Scene(frames=200, speed=3, rotation=30, look_alikes=2, seed=7).film()
    for frame, box in zip(film.frames(), film.boxes):
        ...

A `Scene` holds the dials; its `Film` (film.py) the frames, boxes and visible shares. The
same dials and seed give the same pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pursuit.datasets import painting
from pursuit.datasets.base import Sequence
from pursuit.datasets.film import Actor, Film
from pursuit.errors import SettingsError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """The dials of a generated sequence.

    Attributes:
        width, height: size of the frames, pixels.
        frames: number of frames.
        seed: decides everything that is left to chance.
        target: width and height of the target at the start, pixels.
        shape: "ellipse", "rectangle" or "car".
        speed: length of the target's way from frame to frame, pixels.
        scale_change: size of the target half-way over that at the start; it ends as it began.
        rotation: the target turns this many degrees to either side.
        light_change: brightness swings by this share to either side.
        motion_blur: share of the time between two frames that the shutter is open.
        defocus: standard deviation of the blur half-way, pixels; none at both ends.
        occlusion: share of the target that a bridge hides in frame `frames // 3`. The bridge
            stays, also for those who come by again.
        look_alikes: number of things of the same form and another paint.
        leaves_frame: the target is wholly outside around two thirds of the way, and returns.
        background_speed: the camera's way over the town from frame to frame, pixels.
        noise: standard deviation of the sensor's noise, gray levels.
    """

    width: int = 320
    height: int = 240
    frames: int = 100
    seed: int = 0
    target: tuple[float, float] = (48, 36)
    shape: painting.Shape = "ellipse"
    speed: float = 2
    scale_change: float = 1
    rotation: float = 0
    light_change: float = 0
    motion_blur: float = 0
    defocus: float = 0
    occlusion: float = 0
    look_alikes: int = 0
    leaves_frame: bool = False
    background_speed: float = 0
    noise: float = 0

    def __post_init__(self) -> None:
        """Check the dials.

        Raises:
            SettingsError: a dial has a value that no film can have.
        """
        if min(self.width, self.height) < 16 or self.frames < 1:
            raise SettingsError("a scene needs at least one frame of 16 x 16 pixels")
        if self.shape not in ("ellipse", "rectangle", "car"):
            raise SettingsError(f"shape is ellipse, rectangle or car; got {self.shape!r}")
        for name in ("light_change", "motion_blur", "occlusion"):
            if not 0 <= getattr(self, name) <= 1:
                raise SettingsError(f"{name} is a share, 0 to 1; got {getattr(self, name)}")
        for name in ("speed", "defocus", "look_alikes", "background_speed", "noise"):
            if not 0 <= getattr(self, name) < np.inf:
                raise SettingsError(f"{name} is 0 or more; got {getattr(self, name)}")
        if not 0.1 <= self.scale_change <= 10:
            raise SettingsError(f"scale_change is 0.1 to 10; got {self.scale_change}")
        if min(self.target) < 4 or 2 * self._reach > min(self.width, self.height):
            raise SettingsError(
                f"the target must be at least 4 pixels and fit into the frame at its largest; "
                f"got {self.target} times {self.scale_change} in {self.width} x {self.height}"
            )

    @property
    def _reach(self) -> float:
        """Distance from the target's centre to its farthest point, at its largest."""
        return float(np.hypot(*self.target)) / 2 * max(1.0, self.scale_change)

    def film(self) -> Film:
        """Return the film of this scene."""
        rng = np.random.default_rng(self.seed)
        time = np.arange(self.frames) / max(1, self.frames - 1)  # 0 to 1
        swing = (1 - np.cos(2 * np.pi * time)) / 2  # 0, 1 half-way, 0
        camera, margin = self._camera(rng)
        size = (self.width + 2 * margin, self.height + 2 * margin)
        world = painting.town(*size, rng)

        density = max(1.0, self.scale_change)
        scale = self.scale_change**swing
        angle = np.deg2rad(self.rotation) * np.sin(2 * np.pi * time)
        at = self._path(rng)
        if self.leaves_frame:
            at = self._excursion(at, time)
        centre = at + camera[:, :2] - [self.width / 2, self.height / 2]
        target = Actor(painting.sprite(self.shape, self.target, rng, density), centre, angle, scale)
        return Film(
            size=(self.width, self.height),
            world=world,
            camera=camera,
            target=target,
            below=self._look_alikes(rng, camera, angle, scale, density),
            above=self._occluder(target),
            light=1 + self.light_change * np.sin(4 * np.pi * time),
            shutter=self.motion_blur,
            defocus=self.defocus * swing,
            noise=self.noise,
            seed=self.seed,
        )

    def sequence(self, name: str = "generated") -> Sequence:
        """Return this scene's film as a Sequence."""
        return self.film().sequence(name)

    def _camera(self, rng: np.random.Generator) -> tuple[Array, int]:
        """Return the camera (T, 3) and the world's margin: a round trip over the town."""
        way = self.background_speed * self.frames
        radius = min(way / (2 * np.pi), 100)
        phase = rng.uniform(0, 2 * np.pi)
        turn = phase + self.background_speed * np.arange(self.frames) / max(radius, 1e-9)
        margin = int(np.ceil(radius)) + 8
        middle = np.array([self.width, self.height]) / 2 + margin
        centre = middle + radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        return np.column_stack([centre, np.ones(self.frames)]), margin

    def _path(self, rng: np.random.Generator) -> Array:
        """Return places (T, 2) in the frame on a smooth closed curve, `speed` apart."""
        room = np.array([self.width, self.height]) / 2 - self._reach
        turn = rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi, 4000)
        # A figure of eight, leaning; far from the phase that folds it to an arc with two ends.
        lean = rng.uniform(-0.7, 0.7)
        curve = np.stack([np.cos(turn), np.sin(2 * turn + lean)], axis=1) * room
        along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
        way = (self.speed * np.arange(self.frames)) % max(along[-1], 1e-9)
        place = np.stack([np.interp(way, along, curve[:, i]) for i in (0, 1)], axis=1)
        return place + np.array([self.width, self.height]) / 2

    def _excursion(self, at: Array, time: Array) -> Array:
        """Return the places with a trip over the nearer side edge and back."""
        # 0 until 0.5, 1 from 0.62 to 0.72, 0 again from 0.84; smooth between.
        rise = np.clip(np.minimum(time - 0.5, 0.84 - time) / 0.12, 0, 1)
        away = rise * rise * (3 - 2 * rise)
        right = at[int(0.62 * (len(at) - 1)), 0] > self.width / 2
        outside = self.width + self._reach + 4 if right else -self._reach - 4
        moved = at.copy()
        moved[:, 0] += (outside - at[:, 0]) * away
        return moved

    def _look_alikes(
        self, rng: np.random.Generator, camera: Array, angle: Array, scale: Array, density: float
    ) -> tuple[Actor, ...]:
        actors = []
        for _ in range(self.look_alikes):
            picture = painting.sprite(self.shape, self.target, rng, density)
            centre = self._path(rng) + camera[:, :2] - [self.width / 2, self.height / 2]
            actors.append(Actor(picture, centre, angle[::-1], scale))
        return tuple(actors)

    def _occluder(self, target: Actor) -> tuple[Actor, ...]:
        """Return a bridge over the town that hides the given share, a third of the way."""
        if not self.occlusion:
            return ()
        when = self.frames // 3
        ahead, behind = min(when + 1, self.frames - 1), max(when - 1, 0)
        way = target.centre[ahead] - target.centre[behind]
        along = float(np.arctan2(way[1], way[0])) if way.any() else 0.0
        # Where the target's mass lies along its way decides how wide the bridge must be.
        alpha = target.sprite.levels[0][..., 3]
        rows, columns = np.mgrid[: alpha.shape[0], : alpha.shape[1]].astype(np.float64)
        turn = along - target.angle[when]
        x, y = (grid - (grid.max() / 2) for grid in (columns, rows))
        distance = np.abs(x * np.cos(turn) + y * np.sin(turn)).ravel()
        order = np.argsort(distance, kind="stable")
        mass = np.cumsum(alpha.ravel()[order], dtype=np.float64)
        last = min(int(np.searchsorted(mass, self.occlusion * mass[-1])), len(order) - 1)
        half = distance[order[last]] / target.sprite.density + (self.occlusion >= 1)
        wide = max(2.0, 2 * half * target.scale[when])
        deck = painting.bridge(2.6 * self._reach, wide)
        still = np.ones(self.frames)
        return (Actor(deck, still[:, None] * target.centre[when], still * along, still),)
