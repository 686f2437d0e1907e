"""Drawing one thing on its own transparent layer.

Things are drawn in their own frame: the origin is where they touch the ground, x points where they face, y points up,
and one unit is the height of an adult. A `Sketch` places that frame in the picture. Because every thing has a layer of
its own, its box in the annotations is the box of its visible pixels, not an estimate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 192, 144
OVERSAMPLING = 3  # drawn three times larger and reduced: smooth edges without an anti-aliasing library

Point = tuple[float, float]
Colour = tuple[int, int, int] | tuple[int, int, int, int]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Frame:
    """Where a thing's own frame lies in the picture: origin in pixels, pixels per unit, direction, rotation."""

    x: float
    y: float
    scale: float
    flip: bool = False
    degrees: float = 0.0

    def to_picture(self, point: Point) -> Point:
        """Pixel coordinates (y down) of a point of the frame (y up)."""
        x, y = point
        angle = math.radians(self.degrees)
        turned_x, turned_y = x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)
        return self.x + (-turned_x if self.flip else turned_x) * self.scale, self.y - turned_y * self.scale


class Sketch:
    """A transparent layer with one thing on it, its named points and the boxes of its named parts."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.points: dict[str, Point] = {}
        self.parts: dict[str, Box] = {}
        self.bounds: Box = (math.inf, math.inf, -math.inf, -math.inf)
        self._image = Image.new("RGBA", (WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING))
        self._draw = ImageDraw.Draw(self._image)
        self._part: str | None = None

    def layer(self) -> Image.Image:
        """The drawing at the size of the picture, mode RGBA."""
        return self._image.reduce(OVERSAMPLING)

    def mark(self, **points: Point) -> None:
        """Name points of the thing (a hand, a seat) so that other things can be placed there."""
        self.points |= {name: self.frame.to_picture(point) for name, point in points.items()}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Everything drawn inside belongs to the part `name` and widens its box."""
        outer, self._part = self._part, name
        yield
        self._part = outer

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        """A filled polygon."""
        corners = [self.frame.to_picture(point) for point in points]
        self._widen(corners)
        self._draw.polygon([(x * OVERSAMPLING, y * OVERSAMPLING) for x, y in corners], fill=fill)

    def rectangle(self, left: float, bottom: float, right: float, top: float, fill: Colour) -> None:
        """An axis-parallel rectangle of the frame."""
        self.polygon([(left, bottom), (right, bottom), (right, top), (left, top)], fill)

    def ellipse(self, x: float, y: float, rx: float, ry: float | None = None, fill: Colour = (0, 0, 0)) -> None:
        """An ellipse; a circle when `ry` is left out."""
        ry = rx if ry is None else ry
        turns = [2 * math.pi * step / 32 for step in range(32)]
        self.polygon([(x + rx * math.cos(turn), y + ry * math.sin(turn)) for turn in turns], fill)

    def half_ellipse(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        """The upper half of an ellipse (the lower half when `ry` is negative)."""
        turns = [math.pi * step / 20 for step in range(21)]
        self.polygon([(x + rx * math.cos(turn), y + ry * math.sin(turn)) for turn in turns], fill)

    def limb(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """A thick line with round joints and ends."""
        for (x0, y0), (x1, y1) in pairwise(points):
            length = math.hypot(x1 - x0, y1 - y0) or 1.0
            dx, dy = (y0 - y1) / length * width / 2, (x1 - x0) / length * width / 2
            self.polygon([(x0 + dx, y0 + dy), (x1 + dx, y1 + dy), (x1 - dx, y1 - dy), (x0 - dx, y0 - dy)], fill)
        for x, y in points:
            self.ellipse(x, y, width / 2, fill=fill)

    def _widen(self, corners: Sequence[Point]) -> None:
        self.bounds = _hull(self.bounds, corners)
        if self._part is not None:
            self.parts[self._part] = _hull(self.parts.get(self._part), corners)


def _hull(box: Box | None, corners: Sequence[Point]) -> Box:
    """The smallest box around a box and some points."""
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    x1, y1, x2, y2 = box or (math.inf, math.inf, -math.inf, -math.inf)
    return min(x1, *xs), min(y1, *ys), max(x2, *xs), max(y2, *ys)


def shade(colour: Colour, factor: float) -> tuple[int, int, int]:
    """The colour darkened (factor below 1) or lightened towards white (above 1)."""
    red, green, blue = colour[:3]
    if factor <= 1:
        return int(red * factor), int(green * factor), int(blue * factor)
    mix = factor - 1
    return int(red + (255 - red) * mix), int(green + (255 - green) * mix), int(blue + (255 - blue) * mix)
