"""A film: a world, a camera and actors, rendered to frames with exact boxes.

The boxes come from the geometry of the target's outline, not from the pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pursuit import boxes as box_arithmetic
from pursuit.datasets.base import Sequence
from pursuit.datasets.painting import Sprite
from pursuit.frames import Frame

Array = NDArray[np.float64]
Image = NDArray[np.float32]


@dataclass(frozen=True)
class Actor:
    """A sprite and where it is in each frame.

    Attributes:
        sprite: the thing.
        centre: (T, 2) x, y in world pixels.
        angle: (T,) radians, clockwise on the screen.
        scale: (T,) world pixels a sprite's unit.
    """

    sprite: Sprite
    centre: Array
    angle: Array
    scale: Array


@dataclass(frozen=True)
class Film:
    """A world, a camera and actors: everything that gives T frames and their truth.

    Attributes:
        size: width and height of the frames.
        world: the ground (h, w, 3), uint8; mirrored beyond its edges.
        camera: (T, 3) world x, y of the frame's centre, and frame pixels a world pixel.
        target: what is followed.
        below, above: actors under the target and over it, the lowest first.
        light: (T,) factor on all values.
        shutter: share of the time between two frames that the shutter is open.
        defocus: (T,) standard deviation of the blur, pixels.
        noise: standard deviation of the noise, gray levels.
        seed: of the noise.
    """

    size: tuple[int, int]
    world: Frame
    camera: Array
    target: Actor
    below: tuple[Actor, ...]
    above: tuple[Actor, ...]
    light: Array
    shutter: float
    defocus: Array
    noise: float
    seed: int

    def __len__(self) -> int:
        return len(self.camera)

    @cached_property
    def boxes(self) -> Array:
        """(T, 4) boxes of the target's whole outline, hidden parts and those outside too.

        NaN where all of it is outside the frame. With motion blur they are those of the
        moment half-way through the exposure.
        """
        boxes = np.full((len(self), 4), np.nan)
        for index in range(len(self)):
            linear, shift = self._placement(self.target, index)
            points = self.target.sprite.outline @ linear.T + shift
            low, high = points.min(axis=0), points.max(axis=0)
            if (high > 0).all() and (low < self.size).all():
                boxes[index] = box_arithmetic.from_xyxy(np.concatenate([low, high]))
        return boxes

    @cached_property
    def visible(self) -> Array:
        """(T,) share of the target's area that is in the frame and not hidden, 0 to 1."""
        share = np.zeros(len(self))
        for index in range(len(self)):
            seen = self.target_mask(index)
            for actor in self.above:
                for place, patch in self._stamp(actor, index):
                    seen[place] *= 1 - patch[..., 3]
            scale = self.target.scale[index] * self.camera[index, 2]
            share[index] = seen.sum(dtype=np.float64) / (self.target.sprite.area * scale**2)
        return np.clip(share, 0, 1)

    def frames(self) -> Iterator[Frame]:
        """Return an iterator over the T frames (H, W, 3), uint8 RGB."""
        return (self.frame(index) for index in range(len(self)))

    def sequence(self, name: str = "generated") -> Sequence:
        """Return the film as a Sequence; its boxes are this film's, NaN where outside."""
        return Sequence(name, name, self.boxes, self.frames, source="generated")

    def frame(self, index: int) -> Frame:
        """Return one frame (H, W, 3), uint8 RGB."""
        times = self._exposures(index)
        total = self._instant(times[0])
        for time in times[1:]:
            total += self._instant(time)
        total *= np.float32(self.light[index] / len(times))
        if self.defocus[index] > 0.05:
            total = cv2.GaussianBlur(total, (0, 0), float(self.defocus[index])).astype(np.float32)
        if self.noise:
            rng = np.random.default_rng((self.seed, index))
            total += np.float32(self.noise) * rng.standard_normal(total.shape, dtype=np.float32)
        return np.clip(np.rint(total), 0, 255).astype(np.uint8)

    def target_mask(self, index: int) -> Image:
        """Return how much of each pixel (H, W) the target covers, 0 to 1, hidden or not."""
        mask = np.zeros((self.size[1], self.size[0]), dtype=np.float32)
        for place, patch in self._stamp(self.target, index):
            mask[place] = patch[..., 3]
        return mask

    def _exposures(self, index: int) -> list[float]:
        """Return the moments that make one frame, about a pixel apart."""
        if not self.shutter or len(self) < 2:
            return [float(index)]
        low, high = max(0, index - 1), min(len(self) - 1, index + 1)
        span = np.array([low, high])
        ways = (self.target.centre[span], self.camera[span, :2])
        speed = sum(float(np.hypot(*(way[1] - way[0]))) for way in ways) / (high - low)
        number = int(np.clip(np.ceil(speed * self.shutter), 2, 16))
        steps = (np.arange(number) + 0.5) / number - 0.5
        return [index + self.shutter * float(step) for step in steps]

    def _instant(self, time: float) -> Image:
        """Return what the camera sees at a moment (H, W, 3), float32."""
        x, y, zoom = _at(self.camera, time)
        offset = np.array(self.size) / 2 - zoom * np.array([x, y]) + zoom / 2 - 0.5
        matrix = np.array([[zoom, 0, offset[0]], [0, zoom, offset[1]]])
        view = cv2.warpAffine(self.world, matrix, self.size, borderMode=cv2.BORDER_REFLECT)
        image = view.astype(np.float32)
        for actor in (*self.below, self.target, *self.above):
            for place, patch in self._stamp(actor, time):
                image[place] = image[place] * (1 - patch[..., 3:]) + patch[..., :3]
        return image

    def _placement(self, actor: Actor, time: float) -> tuple[Array, Array]:
        """Return (2, 2) and (2,): the sprite's point u is at  linear @ u + shift  in the frame."""
        camera = _at(self.camera, time)
        angle, scale = float(_at(actor.angle, time)), float(_at(actor.scale, time)) * camera[2]
        c, s = scale * np.cos(angle), scale * np.sin(angle)
        shift = camera[2] * (_at(actor.centre, time) - camera[:2]) + np.array(self.size) / 2
        return np.array([[c, -s], [s, c]]), shift

    def _stamp(self, actor: Actor, time: float) -> Iterator[tuple[tuple[slice, slice], Image]]:
        """Yield the part of the frame that an actor touches and its picture (h, w, 4) there.

        Nothing is yielded where it is outside the frame.
        """
        linear, shift = self._placement(actor, time)
        sprite = actor.sprite
        # The smallest picture that still has a pixel for each pixel of the frame.
        finer = sprite.density / np.hypot(linear[0, 0], linear[1, 0])
        level = int(np.clip(np.floor(np.log2(max(finer, 1e-9))), 0, len(sprite.levels) - 1))
        picture = sprite.levels[level]
        middle = np.array([picture.shape[1], picture.shape[0]]) / 2
        linear = linear * (2**level / sprite.density)
        reach = np.abs(linear) @ middle
        low = np.maximum(np.floor(shift - reach), 0).astype(int)
        high = np.minimum(np.ceil(shift + reach), self.size).astype(int)
        if (low >= high).any():
            return
        # Four samples a pixel of the frame, for smooth edges in their true places. Here
        # pixels count from 0 at their centres, elsewhere from 0 at their edges.
        offset = 2 * (shift - low) - 0.5 + 2 * linear @ (0.5 - middle)
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        fine = cv2.warpAffine(
            picture, np.column_stack([2 * linear, offset]), (2 * size[0], 2 * size[1])
        )
        patch = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)
        yield (slice(low[1], high[1]), slice(low[0], high[0])), patch.astype(np.float32, copy=False)


def _at(rows: Array, time: float) -> Array:
    """Return the row of (T, ...) at a moment, straight between frames and beyond the ends."""
    low = int(np.clip(np.floor(time), 0, max(0, len(rows) - 2)))
    share = time - low
    if not share:
        return np.asarray(rows[low])
    return np.asarray(rows[low] * (1 - share) + rows[low + 1] * share)
